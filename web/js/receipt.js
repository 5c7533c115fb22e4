// The receipt of a disconnection: what was and what was not possible, kept up to date while there is more to clear up.

import { el, icon, keyed, setText, show } from "./dom.js";
import { text } from "./text.js";

const LOOK_MS = 2_000;
const words = text.receiptView;

/**
 * Put a receipt into a dialog. `words`: the provider's; `done` and `goingOn`: the two headings; `again` resolves to the
 * receipt as it is then.
 */
export function showReceipt(dialog, { provider, done, goingOn, first, again }) {
  const close = el("button", { class: "button primary", type: "button", text: text.close });
  close.addEventListener("click", () => dialog.close());
  const heading = el("h2", { id: "dialog-title", tabindex: "-1" });
  const body = receiptBody(provider);
  dialog.replaceChildren(el("div", { class: "dialog-body" }, heading, body.root, el("div", { class: "actions" }, close)));

  const draw = (receipt) => {
    setText(heading, receipt.complete === false ? goingOn : done);
    body.update(receipt);
    if (receipt.complete === false) setTimeout(look, LOOK_MS);
  };
  const look = async () => {
    if (!dialog.isConnected) return;
    try {
      draw(await again());
    } catch (error) {
      if (!error.sentence) throw error;
      setTimeout(look, LOOK_MS);
    }
  };
  draw(first);
  heading.focus();
}

/** The receipt's sentences, for a dialog or a card. */
export function receiptBody(provider) {
  const working = el("p", { class: "receipt-working" }, icon("working", "turning"), el("span", { text: words.stillWorking }));
  const parts = { done: receiptPart(words.donePart), open: receiptPart(words.openPart) };
  return {
    root: el("div", { role: "status" }, working, parts.done.root, parts.open.root),
    update(receipt) {
      const said = linesOf(receipt, provider);
      show(working, receipt.complete === false);
      for (const name of ["done", "open"]) parts[name].update(said[name]);
    },
  };
}

/** What the receipt says, in sentences: first what was done, then what was not possible. */
function linesOf(receipt, provider) {
  const done = [];
  const open = [];
  const counted = (name, list) => receipt[name] > 0 && list.push({ sentence: text.receipt[name](receipt[name], provider.short) });
  if (receipt.revoked === true) done.push({ sentence: words.revoked(provider.short) });
  else if (receipt.revoked === false || receipt.revoked === "not_supported") open.push(...notRevoked(receipt, provider));
  for (const name of ["subscriptions_stopped", "events_deleted_here", "events_deleted_there", "links_erased"]) counted(name, done);
  for (const name of ["subscriptions_not_stopped", "events_not_deleted_there"]) counted(name, open);
  if (receipt.complete) done.push({ sentence: words.erased });
  return {
    done: done.map((line) => ({ shape: "active", ...line })),
    open: open.map((line) => ({ shape: "warning", ...line, provider })),
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
function notRevoked(receipt, provider) {
  const ours = receipt.revoked === "not_supported" ? words.revokeUnsupported : words.notRevoked;
  const sentences = receipt.notes?.length ? receipt.notes : [ours(provider.short)];
  return sentences.map((sentence) => ({ sentence, permissions: provider.permissions }));
}

function receiptLine({ shape, sentence, permissions, provider }) {
  const anchor = permissions && el("a", { href: permissions, target: "_blank", rel: "noreferrer", text: words.openPermissions(provider.short) });
  const root = el(
    "li",
    { class: shape === "warning" ? "open" : "" },
    icon(shape),
    el("span", {}, el("span", { text: sentence }), anchor ? " " : null, anchor),
  );
  return { root, update() {} };
}
