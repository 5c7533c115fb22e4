// Disconnecting: the question what to keep, and the receipt of what was and was not possible.

import { call } from "./api.js";
import { accountName } from "./connection.js";
import { el, icon, keyed, setText } from "./dom.js";
import { text } from "./text.js";

const LOOK_MS = 2_000;
const path = (connection) => `/v1/connections/${encodeURIComponent(connection.id)}`;

/** Ask, disconnect, and show the receipt. Keeping is what is chosen at first, on both sides: it can be undone. */
export function askToDisconnect(connection, look) {
  const words = text.providers[connection.provider];
  const name = accountName(connection) || words.name;
  const imported = choice("imported", text.disconnect.imported, text.disconnect.importedKeep, text.disconnect.importedDelete);
  const exported = choice("exported", text.disconnect.exported(words.short), text.disconnect.exportedKeep, text.disconnect.exportedDelete);
  const trouble = el("div", { class: "notice bad", role: "alert", hidden: true });
  const confirm = el("button", { class: "button danger", type: "submit", text: text.disconnect.confirm });
  const cancel = el("button", { class: "button", type: "button", text: text.cancel, autofocus: true });
  const form = el(
    "form",
    { class: "dialog-body" },
    el("h2", { id: "dialog-title", text: text.disconnect.title(name) }),
    el("p", { text: text.disconnect.intro }),
    imported.root,
    exported.root,
    trouble,
    el("div", { class: "actions" }, cancel, confirm),
  );
  const dialog = openDialog(form);
  let working = false;
  const busy = (on) => {
    working = on;
    confirm.textContent = on ? text.disconnect.working : text.disconnect.confirm;
    if (on) confirm.setAttribute("aria-disabled", "true");
    else confirm.removeAttribute("aria-disabled");
  };

  countCopies(connection, { imported, exported });
  cancel.addEventListener("click", () => working || dialog.close());
  dialog.addEventListener("cancel", (event) => working && event.preventDefault());
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
async function countCopies(connection, choices) {
  try {
    const counts = await call("GET", `${path(connection)}/disconnect-preview`);
    for (const name of ["imported", "exported"]) choices[name].count(counts[name]);
  } catch (error) {
    if (!error.sentence) throw error;
  }
}

function openDialog(content) {
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function choice(name, question, keep, remove) {
  const counted = el("span", { class: "muted" });
  const option = (value, label, checked) =>
    el("label", {}, el("input", { type: "radio", name, value, checked }), el("span", { text: label }));
  const root = el(
    "fieldset",
    { class: "choice" },
    el("legend", {}, el("span", { text: question }), " ", counted),
    option("keep", keep, true),
    option("delete", remove, false),
  );
  return { root, count: (n) => Number.isInteger(n) && setText(counted, text.disconnect.counted(n)) };
}

/** Show the receipt; while a long calendar is still being cleared, keep it up to date. */
function showReceipt(dialog, connection, name, words, first) {
  const close = el("button", { class: "button primary", type: "button", text: text.close });
  close.addEventListener("click", () => dialog.close());
  const heading = el("h2", { id: "dialog-title", tabindex: "-1" });
  const lines = el("ul", { class: "receipt", role: "status" });
  dialog.replaceChildren(el("div", { class: "dialog-body" }, heading, lines, el("div", { class: "actions" }, close)));

  const draw = (receipt) => {
    const complete = receipt.complete !== false;
    setText(heading, complete ? text.disconnect.done(name) : text.disconnect.goingOn(name));
    const said = linesOf(receipt, words);
    keyed(lines, complete ? said : [{ shape: "working", sentence: text.disconnect.stillWorking }, ...said], (line) => line.sentence, receiptLine);
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
  return [
    ...done.map((line) => ({ shape: "active", ...line })),
    ...open.map((line) => ({ shape: "warning", ...line, words })),
  ];
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
    icon(shape, shape === "working" ? "turning" : ""),
    el("span", {}, el("span", { text: sentence }), anchor ? " " : null, anchor),
  );
  return { root, update() {} };
}
