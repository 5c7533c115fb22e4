// The calendars of a connection: which is the main booking calendar, which take bookings, which are read and synced.

import { call } from "./api.js";
import { el, keyed, setText, show } from "./dom.js";
import { calendarsOf, fetchCalendars, isGone, isWritable } from "./known.js";
import { isActive, isCopying } from "./connection.js";
import { sayProblem, unsay } from "./notices.js";
import { reasonView } from "./reasons.js";
import { askToMove } from "./switching.js";
import { text } from "./text.js";

const EVERY_MS = 30_000;
const OFTEN_MS = 3_000;
const AFTER_CHANGE_MS = 60_000;
const words = text.calendars;
const COMES_BY_ITSELF = new Set(["not_subscribed"]);
const SAID_ELSEWHERE = new Set(["not_watchable", "held"]);
const FLAGS = ["bookings", "busy", "sync"];

/** The roles are written out since a narrow page shows each row as a block, which would take them away.
 * @param {() => Promise<void>} look asks for the newest state of the page */
export function calendarTable(connectionId, look) {
  const rows = el("tbody", { role: "rowgroup" });
  const caption = el("caption", { class: "visually-hidden", text: words.title });
  const heads = [words.main, words.bookings, words.busy, words.sync].map((word) => el("th", { scope: "col", role: "columnheader", text: word }));
  const first = el("th", { scope: "col", role: "columnheader", text: words.calendar });
  const table = el("table", { role: "table" }, caption, el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, first, ...heads)), rows);
  const note = el("p", { class: "muted small", text: words.loading });
  const root = el("div", { class: "calendars" }, el("h3", { text: words.title }), note, table);
  table.hidden = true;
  let lookedAt = 0;
  let changedAt = 0;
  let told = "";

  async function refresh() {
    lookedAt = Date.now();
    try {
      draw(await fetchCalendars(connectionId));
      unsay(`calendars ${connectionId}`);
    } catch (error) {
      lookedAt = 0;
      sayProblem(`calendars ${connectionId}`, error);
    }
  }

  /** After a change: other tables may have lost their main calendar by it. */
  async function changed() {
    changedAt = Date.now();
    await refresh();
    document.dispatchEvent(new CustomEvent("lockstep:calendars", { detail: connectionId }));
    await look();
  }
  document.addEventListener("lockstep:calendars", (event) => {
    if (event.detail === connectionId || !root.isConnected) return;
    changedAt = Date.now();
    refresh();
  });

  function draw(items) {
    keyed(rows, items, (item) => item.id, () => calendarRow(changed));
    show(table, items.length > 0);
    show(note, items.length === 0);
    setText(note, words.none);
  }

  return {
    root,
    update(connection) {
      show(root, isActive(connection));
      const now = JSON.stringify([connection.status, connection.reasons, connection.push, isCopying(connection)]);
      const often = isCopying(connection) || Date.now() - changedAt < AFTER_CHANGE_MS;
      const due = now !== told || Date.now() - lookedAt > (often ? OFTEN_MS : EVERY_MS);
      told = now;
      if (isActive(connection) && due) refresh();
      else if (calendarsOf(connection).length) draw(calendarsOf(connection));
    },
  };
}

function calendarRow(changed) {
  let calendar = null;
  const saving = new Set();
  const name = el("span", { class: "name" });
  const kind = el("span", { class: "muted small" });
  const problems = el("span", { class: "muted small" });
  const reasons = el("div", { class: "reasons" });
  const main = el("input", { type: "radio", name: "main" });
  const boxes = Object.fromEntries(FLAGS.map((flag) => [flag, el("input", { type: "checkbox" })]));
  const cell = (control, label) => el("td", { role: "cell" }, el("label", { class: "tick" }, control, el("span", { class: "tick-word", "aria-hidden": "true", text: label })));
  const root = el(
    "tr",
    { role: "row" },
    el("th", { scope: "row", role: "rowheader" }, name, kind, problems, reasons),
    cell(main, words.main),
    cell(boxes.bookings, words.bookings),
    cell(boxes.busy, words.busy),
    cell(boxes.sync, words.sync),
  );

  main.addEventListener("change", () => {
    askToMove(calendar, changed, () => (main.checked = calendar.main));
    main.checked = calendar.main;
  });
  for (const flag of FLAGS) boxes[flag].addEventListener("change", () => save(flag, boxes[flag].checked));

  async function save(flag, on) {
    saving.add(flag);
    unsay("calendar");
    try {
      await call("PATCH", `/v1/calendars/${encodeURIComponent(calendar.id)}`, { [flag]: on });
    } catch (error) {
      boxes[flag].checked = !on;
      sayProblem("calendar", error);
    }
    saving.delete(flag);
    await changed();
  }

  return {
    root,
    update(now) {
      calendar = now;
      const shown = now.name || words.unnamed;
      setText(name, shown);
      setText(kind, describe(now));
      setText(problems, now.problems.length ? words.problems(now.problems.length) : "");
      keyed(reasons, now.reasons.filter((reason) => !SAID_ELSEWHERE.has(reason.code)), (reason) => reason.code, reasonView);
      show(reasons, reasons.childElementCount > 0);
      const closed = isWritable(now) ? "" : words.notWritable;
      setControl(main, { label: words.mainOf(shown), on: now.main, off: closed || (isGone(now) && now.reasons[0].sentence) });
      const kept = now.main ? words.alwaysMain : "";
      const states = {
        bookings: { label: words.bookingsOf(shown), on: now.bookings || now.main, off: kept || closed },
        busy: { label: words.busyOf(shown), on: now.busy },
        sync: { label: words.syncOf(shown), on: now.sync, off: kept },
      };
      for (const flag of FLAGS) if (!saving.has(flag)) setControl(boxes[flag], states[flag]);
    },
  };
}

function setControl(control, { label, on, off = "" }) {
  control.setAttribute("aria-label", label);
  control.checked = on;
  control.disabled = Boolean(off);
  control.closest("label").title = off || "";
}

/** Whose it is, what may be done in it, and how it is watched. */
function describe(calendar) {
  const kind = calendar.kind ?? (calendar.access === "owner" ? "own" : "shared");
  const access = calendar.access === "reader" ? words.readOnly : calendar.access === "free_busy" ? words.freeBusy : "";
  const polled = calendar.sync && calendar.push === "polling" && !COMES_BY_ITSELF.has(calendar.push_reason?.code);
  return [words.kinds[kind] ?? words.kinds.own, access, polled && (calendar.watchable === false ? words.notWatchable : words.polled)].filter(Boolean).join(" · ");
}
