// The Help button at the bottom right of every page: whom to ask, and a text that says what happened, without secrets.

import { copyField } from "./copy-field.js";
import { openDialog } from "./dialog.js";
import { el, icon } from "./dom.js";
import { known } from "./known.js";
import { remembered } from "./notices.js";
import { link } from "./problem.js";
import { text } from "./text.js";
import { ZONE } from "./time.js";

const words = text.helpButton;

/** Whom to ask, as `GET /v1/integrations` says it: `{address, content, url}`; nothing until it has been told. */
let contact = {};

export function setContact(told) {
  contact = told ?? {};
}

export function addHelpButton() {
  const button = el("button", { class: "button help-button", type: "button" }, icon("help"), el("span", { text: words.label }));
  button.addEventListener("click", openHelp);
  document.addEventListener("lockstep:help", openHelp);
  document.body.append(button);
}

function openHelp() {
  const where = addressOf(contact.address);
  const close = el("button", { class: "button primary", type: "button", text: text.close, autofocus: true });
  const diagnosis = copyField({ label: words.diagnosis, value: diagnosticText(), lines: 9, words: words.copy });
  const dialog = openDialog(
    el(
      "div",
      { class: "dialog-body" },
      el("h2", { id: "dialog-title", text: words.title }),
      el("p", { text: contact.content || (where ? words.ask : words.noContact) }),
      where && el("p", {}, el("strong", { text: words.contact }), " ", el("a", { href: where.href, text: where.shown })),
      diagnosis.root,
      el("div", { class: "actions" }, el("a", { href: contact.url ? link(contact.url) : "/help", text: words.codes }), close),
    ),
  );
  close.addEventListener("click", () => dialog.close());
}

/** A mail address or a web address as a link; anything else is none. */
function addressOf(address) {
  if (!address) return null;
  if (/^[^\s@:/]+@[^\s@:/]+$/.test(address)) return { href: `mailto:${address}`, shown: address };
  const href = link(address);
  return href ? { href, shown: address } : null;
}

/** States, codes and times; never an account, a title, a token or an address with its query. */
export function diagnosticText() {
  const lines = [
    `Page: ${location.origin}${location.pathname}`,
    `Time: ${new Date().toISOString()} (${ZONE})`,
    `Browser: ${navigator.userAgent}`,
    `Online: ${navigator.onLine}`,
  ];
  for (const connection of known.connections) {
    const { id, provider, status, push, sync, last_sync_at: last, reasons = [] } = connection;
    lines.push(`Connection ${id}: ${provider}, ${status}, ${push}, sync ${sync?.state} ${sync?.done}/${sync?.total}, last ${last}`);
    for (const reason of reasons) lines.push(`  reason ${reason.code}`);
    for (const calendar of known.calendars.get(id) ?? []) {
      const flags = ["main", "bookings", "busy", "sync"].filter((flag) => calendar[flag]).join("+") || "unused";
      lines.push(`  calendar ${calendar.id}: ${flags}, ${calendar.access}, ${calendar.push}, problems ${calendar.problems.length}`);
    }
  }
  for (const { at, code } of remembered) lines.push(`Problem ${at}: ${code}`);
  return lines.join("\n");
}
