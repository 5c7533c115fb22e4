// The days, each with the rows of both sides next to each other.

import { el, keyed, setClass, setText } from "./dom.js";
import { rowView } from "./row-view.js";
import { text } from "./text.js";
import { dateOf, dayHeading, dayOf, midnight } from "./time.js";

const NAMES = { app: text.calendar.app, google: text.providers.google.short };

/** @param {{rows: object, exchange: object, sides: object, act: Function, days: number}} state */
export function drawDays(root, state) {
  const today = midnight();
  const days = Array.from({ length: state.days }, (_, ahead) => {
    const start = midnight(ahead);
    return { date: dateOf(start), heading: dayHeading(start, today), app: [], google: [] };
  });
  const byDate = new Map(days.map((day) => [day.date, day]));
  for (const side of ["app", "google"]) {
    const shown = [...state.rows[side], ...state.exchange.ghosts(side)];
    for (const row of shown.sort(inOrder)) byDate.get(dateShown(row, today))?.[side].push(row);
  }
  root.removeAttribute("aria-busy");
  keyed(root, days, (day) => day.date, () => dayView(state));
}

function dayView(state) {
  const heading = el("h2");
  const lists = { app: el("ul", { class: "rows", "aria-label": NAMES.app }), google: el("ul", { class: "rows", "aria-label": NAMES.google }) };
  const root = el("section", { class: "day" }, heading, el("div", { class: "pair" }, lists.app, lists.google));
  return {
    root,
    update(day) {
      setText(heading, day.heading);
      setClass(root, day.app.length + day.google.length ? "day" : "day empty");
      for (const side of ["app", "google"]) {
        keyed(lists[side], day[side], keyOf, () => rowView(side, state));
      }
    },
  };
}

const keyOf = (row) => (row.arrival ? `gone ${row.key} ${row.arrival.at}` : row.key);

function dateShown(row, today) {
  const start = row.allDay ? dayOf(row.start) : new Date(row.start);
  return dateOf(start < today ? today : start);
}

function inOrder(one, other) {
  if (one.allDay !== other.allDay) return one.allDay ? -1 : 1;
  if (one.start !== other.start) return one.start < other.start ? -1 : 1;
  return one.title < other.title ? -1 : one.title > other.title ? 1 : one.key < other.key ? -1 : 1;
}
