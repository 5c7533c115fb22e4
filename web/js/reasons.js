// Why a connection or a calendar is as it is: the sentence, the code, help, and a link to send on if there is one.

import { copyField } from "./copy-field.js";
import { el, setText, show } from "./dom.js";
import { link } from "./problem.js";
import { text } from "./text.js";

/** The words for a reason: the service's own, which know the case, else ours for its code. */
export const sentenceOf = (reason) => reason.sentence || text.problems[reason.code] || text.problems.unknown;

export function reasonView() {
  const sentence = el("span");
  const code = el("span", { class: "code" });
  const help = el("a", { text: text.help });
  const admin = copyField({ label: text.actions.adminLink, value: "" });
  return {
    root: el("div", { class: "reason" }, el("p", {}, sentence, " ", code, " ", help), admin.root),
    update(reason) {
      setText(sentence, sentenceOf(reason));
      setText(code, text.code(reason.code));
      help.href = `/help#${encodeURIComponent(reason.code)}`;
      const address = reason.link ? link(reason.link) : "";
      show(admin.root, Boolean(address));
      if (address) admin.set(address);
    },
  };
}
