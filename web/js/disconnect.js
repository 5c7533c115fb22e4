// Disconnecting: the question what to keep, and the receipt of what was and was not possible.

import { call } from "./api.js";
import { accountName } from "./connection.js";
import { openDialog } from "./dialog.js";
import { el, icon, keyed, setText, show } from "./dom.js";
import { text } from "./text.js";

const LOOK_MS = 2_000;
const PATIENCE_MS = 1_500;
const path = (connection) => `/v1/connections/${encodeURIComponent(connection.id)}`;

/** Ask, disconnect, and show the receipt. Keeping is what is chosen at first, on both sides: it can be undone. The
 * question waits a moment for the numbers it is about, so that it need not change under the pointer. */
export async function askToDisconnect(connection, look) {
  const counts = countCopies(connection);
  await Promise.race([counts, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  const words = text.providers[connection.provider];
  const name = accountName(connection) || words.name;
  const imported = choice("imported", text.disconnect.imported, text.disconnect.importedCount, text.disconnect.importedKeep, text.disconnect.importedDelete);
  const exported = choice(
    "exported",
    text.disconnect.exported(words.calendar),
    (n) => text.disconnect.exportedCount(n, words.calendar),
    text.disconnect.exportedKeep,
    text.disconnect.exportedDelete,
  );
  const trouble = el("div", { class: "notice bad", role: "alert", hidden: true });
  const confirm = el("button", { class: "button danger", type: "submit", text: text.disconnect.confirm });
  const cancel = el("button", { class: "button", type: "button", text: text.cancel, autofocus: true });
  const form = el(
    "form",
    { class: "dialog-body" },
    el("h2", { id: "dialog-title", text: text.disconnect.title(words.short) }),
    el("div", {}, el("p", { class: "muted", text: text.disconnect.about(name) }), el("p", { text: text.disconnect.intro })),
    imported.root,
    exported.root,
    trouble,
    el("div", { class: "actions" }, cancel, confirm),
  );
  let working = false;
  const dialog = openDialog(form, { mayClose: () => !working });
  const busy = (on) => {
    working = on;
    confirm.textContent = on ? text.disconnect.working : text.disconnect.confirm;
    if (on) confirm.setAttribute("aria-disabled", "true");
    else confirm.removeAttribute("aria-disabled");
  };

  counts.then((found) => {
    imported.count(found?.imported);
    exported.count(found?.exported);
  });
  cancel.addEventListener("click", () => working || dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (working) return;
    trouble.hidden = true;
    busy(true);
    try {
      const chosen = new URLSearchParams(new FormData(form));
      const receipt = await call("DELETE", `${path(connection)}?${chosen}`);
      showReceipt(dialog, connection, name, words, receipt);
      look();
    } catch (error) {
      busy(false);
      if (!error.sentence) throw error;
      trouble.replaceChildren(
        icon("warning"),
        el("div", { class: "said" }, el("p", { text: error.sentence }), el("p", { class: "code", text: text.code(error.code) })),
        el("a", { href: error.help, text: text.help }),
      );
      trouble.hidden = false;
    }
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

function choice(name, question, counted, keep, remove) {
  const asked = el("legend", { text: question });
  const option = (value, label, checked) =>
    el("label", {}, el("input", { type: "radio", name, value, checked }), el("span", { text: label }));
  const options = [option("keep", keep, true), option("delete", remove, false)];
  return {
    root: el("fieldset", { class: "choice" }, asked, ...options),
    count(n) {
      if (!Number.isInteger(n)) return;
      setText(asked, counted(n));
      for (const each of options) show(each, n > 0);
    },
  };
}

/** Show the receipt; while a long calendar is still being cleared, keep it up to date. */
function showReceipt(dialog, connection, name, words, first) {
  const close = el("button", { class: "button primary", type: "button", text: text.close });
  close.addEventListener("click", () => dialog.close());
  const heading = el("h2", { id: "dialog-title", tabindex: "-1" });
  const working = el("p", { class: "receipt-working" }, icon("working", "turning"), el("span", { text: text.disconnect.stillWorking }));
  const parts = {
    done: receiptPart(text.disconnect.donePart),
    open: receiptPart(text.disconnect.openPart),
  };
  const body = el("div", { role: "status" }, working, parts.done.root, parts.open.root);
  dialog.replaceChildren(el("div", { class: "dialog-body" }, heading, body, el("div", { class: "actions" }, close)));

  const draw = (receipt) => {
    const complete = receipt.complete !== false;
    setText(heading, complete ? text.disconnect.done(name) : text.disconnect.goingOn(name));
    const said = linesOf(receipt, words);
    show(working, !complete);
    for (const name of ["done", "open"]) parts[name].update(said[name]);
    if (!complete) setTimeout(again, LOOK_MS);
  };
  const again = async () => {
    if (!dialog.isConnected) return;
    try {
      const now = await call("GET", path(connection));
      draw(now.receipt ?? {});
    } catch (error) {
      if (!error.sentence) throw error;
      setTimeout(again, LOOK_MS);
    }
  };
  draw(first);
  heading.focus();
}

/** What the receipt says, in sentences: first what was done, then what was not possible. */
function linesOf(receipt, words) {
  const done = [];
  const open = [];
  const counted = (name, list) => receipt[name] > 0 && list.push({ sentence: text.receipt[name](receipt[name], words.short) });
  if (receipt.revoked === true) done.push({ sentence: text.disconnect.revoked(words.short) });
  else if (receipt.revoked !== null) open.push(...notRevoked(receipt, words));
  for (const name of ["subscriptions_stopped", "events_deleted_here", "events_deleted_there", "links_erased"]) counted(name, done);
  for (const name of ["subscriptions_not_stopped", "events_not_deleted_there"]) counted(name, open);
  if (receipt.complete) done.push({ sentence: text.disconnect.erased });
  return {
    done: done.map((line) => ({ shape: "active", ...line })),
    open: open.map((line) => ({ shape: "warning", ...line, words })),
  };
}

function receiptPart(title) {
  const lines = el("ul", { class: "receipt" });
  const root = el("section", { class: "receipt-part" }, el("h3", { text: title }), lines);
  return {
    root,
    update(said) {
      show(root, said.length > 0);
      keyed(lines, said, (line) => line.sentence, receiptLine);
    },
  };
}

/** Why the provider still knows us, in the service's own sentences if it has some, and where to end it by hand. */
function notRevoked(receipt, words) {
  const ours = receipt.revoked === "not_supported" ? text.disconnect.revokeUnsupported : text.disconnect.notRevoked;
  const sentences = receipt.notes?.length ? receipt.notes : [ours(words.short)];
  return sentences.map((sentence) => ({ sentence, permissions: words.permissions }));
}

function receiptLine({ shape, sentence, permissions, words }) {
  const anchor = permissions && el("a", { href: permissions, target: "_blank", rel: "noreferrer", text: text.disconnect.openPermissions(words.short) });
  const root = el(
    "li",
    { class: shape === "warning" ? "open" : "" },
    icon(shape),
    el("span", {}, el("span", { text: sentence }), anchor ? " " : null, anchor),
  );
  return { root, update() {} };
}
