// The brake: so much was deleted (or appeared) at once that somebody has to say yes.

import { actionButton } from "./action-button.js";
import { call } from "./api.js";
import { heldReason } from "./connection.js";
import { el, icon, setText, show } from "./dom.js";
import { say } from "./notices.js";
import { sentenceOf } from "./reasons.js";
import { text } from "./text.js";

const words = text.held;

export function heldPanel(current, look) {
  const decide = (answer, sentence) => async () => {
    await call("POST", `/v1/connections/${encodeURIComponent(current().id)}/${answer}`, {});
    say("held", sentence, { kind: "good" });
    await look();
  };
  const title = el("h3", { text: words.title });
  const why = el("p", { class: "small" });
  const release = actionButton({ words: words.release, doing: words.working, kind: "", run: decide("release", words.released) });
  const discard = actionButton({ words: words.discard, doing: words.working, kind: "primary", run: decide("discard", words.discarded) });
  const root = el("div", { class: "panel warn", hidden: true }, icon("paused"), el("div", {}, title, why), el("div", { class: "actions" }, discard.root, release.root));
  return {
    root,
    update(connection) {
      const held = heldReason(connection);
      show(root, Boolean(held));
      if (!held) return;
      setText(why, sentenceOf(held));
    },
  };
}
