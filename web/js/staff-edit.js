// The questions about one person of the staff: add, another mailbox, stop, remove.

import { call } from "./api.js";
import { ask } from "./ask.js";
import { el } from "./dom.js";
import { textField } from "./form-field.js";
import { keepOrDelete } from "./keep-or-delete.js";
import { say } from "./notices.js";
import { pathOf } from "./organization-view.js";
import { Problem } from "./problem.js";
import { text } from "./text.js";

const words = text.staffEdit;

export const pathOfPerson = (provider, userId) => `${pathOf(provider)}/staff/${encodeURIComponent(userId)}`;

export function askForPerson(provider, changed) {
  const user = textField({ name: "user_id", label: words.user, hint: words.userHint, maxlength: "128", autofocus: true });
  const mailbox = textField({ name: "mailbox", label: words.mailbox, hint: words.mailboxHint, type: "email" });
  ask({
    title: words.addTitle,
    parts: [user.root, mailbox.root],
    yes: words.add,
    working: words.saving,
    kind: "primary",
    async run(chosen) {
      const userId = chosen.get("user_id").trim();
      await refuseTwice(provider, userId);
      await call("PUT", pathOfPerson(provider, userId), { mailbox: chosen.get("mailbox").trim(), enabled: true });
      say("person", words.added(userId), { kind: "good" });
      await changed();
    },
  });
}

/** Adding somebody who is there would give them another mailbox, which is another question. */
async function refuseTwice(provider, userId) {
  try {
    await call("GET", pathOfPerson(provider, userId));
  } catch (error) {
    if (error.status === 404) return;
    throw error;
  }
  throw new Problem({ status: 409, code: "already_listed", sentence: text.problems.already_listed, help: "/help#already_listed" });
}

export function askForMailbox(provider, person, changed) {
  const mailbox = textField({ name: "mailbox", label: words.mailbox, hint: words.changeHint, value: person.mailbox, type: "email", autofocus: true });
  ask({
    title: words.changeTitle(person.user_id),
    parts: [mailbox.root],
    yes: words.save,
    working: words.saving,
    kind: "primary",
    async run(chosen) {
      await call("PUT", pathOfPerson(provider, person.user_id), { mailbox: chosen.get("mailbox").trim(), enabled: person.enabled });
      await changed();
    },
  });
}

export function askToStop(provider, person, changed, closed) {
  ask({
    title: words.stopTitle(person.user_id),
    parts: [el("p", { text: words.stopMeans }), ...choices(provider)],
    yes: words.stop,
    working: words.stopping,
    closed,
    async run(chosen) {
      await call("PUT", `${pathOfPerson(provider, person.user_id)}?${chosen}`, { mailbox: person.mailbox, enabled: false });
      await changed();
    },
  });
}

export function askToRemove(provider, person, changed) {
  ask({
    title: words.removeTitle(person.user_id),
    parts: [el("p", { text: words.removeMeans(person.mailbox) }), ...choices(provider)],
    yes: words.remove,
    working: words.removing,
    async run(chosen) {
      await call("DELETE", `${pathOfPerson(provider, person.user_id)}?${chosen}`);
      say("person", words.removed(person.user_id), { kind: "good" });
      await changed();
    },
  });
}

function choices(provider) {
  const { calendar } = text.providers[provider];
  return [
    keepOrDelete({ name: "imported", question: words.imported, keep: words.importedKeep, remove: words.importedDelete }).root,
    keepOrDelete({ name: "exported", question: words.exported(calendar), keep: words.exportedKeep, remove: words.exportedDelete }).root,
  ];
}
