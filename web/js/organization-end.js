// Disconnecting the whole organisation: what it means, what to keep, and the receipt.

import { call } from "./api.js";
import { ask } from "./ask.js";
import { el, icon } from "./dom.js";
import { keepOrDelete } from "./keep-or-delete.js";
import { pathOf } from "./organization-view.js";
import { showReceipt } from "./receipt.js";
import { text } from "./text.js";

const words = text.organizationEnd;

export function askToDisconnectAll(view, look) {
  const provider = text.providers[view.provider];
  const line = (sentence) => el("li", {}, icon("after"), el("span", { text: sentence }));
  const imported = keepOrDelete({ name: "imported", question: words.imported, keep: words.importedKeep, remove: words.importedDelete });
  const exported = keepOrDelete({ name: "exported", question: words.exported(provider.calendar), keep: words.exportedKeep, remove: words.exportedDelete });
  ask({
    title: words.title(view.display_name),
    parts: [
      el("ul", { class: "receipt" }, line(words.people(view.staff.enabled)), line(words.secret), line(words.own), line(words.list)),
      imported.root,
      exported.root,
    ],
    yes: words.confirm,
    working: words.working,
    async run(chosen, dialog) {
      const first = await call("DELETE", `${pathOf(view.provider)}?${chosen}`);
      const again = async () => (await call("GET", pathOf(view.provider))).receipt ?? { complete: false };
      showReceipt(dialog, { provider, done: words.done(view.display_name), goingOn: words.goingOn(view.display_name), first, again });
      look();
    },
  });
}
