// Disconnecting an account: the question what to keep, and then the receipt.

import { call } from "./api.js";
import { ask } from "./ask.js";
import { accountName } from "./connection.js";
import { el } from "./dom.js";
import { keepOrDelete } from "./keep-or-delete.js";
import { showReceipt } from "./receipt.js";
import { text } from "./text.js";

const PATIENCE_MS = 1_500;
const words = text.disconnect;
const path = (connection) => `/v1/connections/${encodeURIComponent(connection.id)}`;

/** Ask, disconnect, and show the receipt. The question waits a moment for the numbers it is about, so that it need not
 * change under the pointer. */
export async function askToDisconnect(connection, look) {
  const counts = countCopies(connection);
  await Promise.race([counts, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  const provider = text.providers[connection.provider];
  const name = accountName(connection) || provider.name;
  const imported = keepOrDelete({
    name: "imported",
    question: words.imported,
    counted: words.importedCount,
    keep: words.importedKeep,
    remove: words.importedDelete,
  });
  const exported = keepOrDelete({
    name: "exported",
    question: words.exported(provider.calendar),
    counted: (n) => words.exportedCount(n, provider.calendar),
    keep: words.exportedKeep,
    remove: words.exportedDelete,
  });
  counts.then((found) => {
    imported.count(found?.imported);
    exported.count(found?.exported);
  });
  ask({
    title: words.title(provider.short),
    parts: [el("div", {}, el("p", { class: "muted", text: words.about(name) }), el("p", { text: words.intro })), imported.root, exported.root],
    yes: words.confirm,
    working: words.working,
    async run(chosen, dialog) {
      const first = await call("DELETE", `${path(connection)}?${chosen}`);
      const again = async () => (await call("GET", path(connection))).receipt ?? {};
      showReceipt(dialog, { provider, done: words.done(name), goingOn: words.goingOn(name), first, again });
      look();
    },
  });
}

/** How many events each choice is about. The question can be answered without, so that this fails is not told. */
async function countCopies(connection) {
  try {
    return await call("GET", `${path(connection)}/disconnect-preview`);
  } catch (error) {
    if (!error.sentence) throw error;
    return null;
  }
}
