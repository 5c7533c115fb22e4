// The days, each with the rows of all sides next to each other.

import { el, keyed, setClass, setText } from "./dom.js";
import { rowView } from "./row-view.js";
import { text } from "./text.js";
import { dateOf, dayHeading, dayOf, midnight } from "./time.js";

/** @param {{names: string[], rows: object, exchange: object, sides: object, act: Function, days: number}} state */
export function drawDays(root, state) {
  const today = midnight();
  const days = Array.from({ length: state.days }, (_, ahead) => {
    const start = midnight(ahead);
    const empty = Object.fromEntries(state.names.map((side) => [side, []]));
    return { date: dateOf(start), heading: dayHeading(start, today), rows: empty };
  });
  const byDate = new Map(days.map((day) => [day.date, day]));
  for (const side of state.names) {
    const shown = [...state.rows[side], ...state.exchange.ghosts(side)];
    for (const row of shown.sort(inOrder)) byDate.get(dateShown(row, today))?.rows[side].push(row);
  }
  root.removeAttribute("aria-busy");
  keyed(root, days, (day) => day.date, () => dayView(state));
}

function dayView(state) {
  const heading = el("h2");
  const lists = state.names.map((side) => el("ul", { class: "rows", "aria-label": text.calendar.names[side] }));
  const root = el("section", { class: "day" }, heading, el("div", { class: "abreast" }, ...lists));
  return {
    root,
    update(day) {
      setText(heading, day.heading);
      setClass(root, state.names.some((side) => day.rows[side].length) ? "day" : "day empty");
      state.names.forEach((side, at) => keyed(lists[at], day.rows[side], keyOf, () => rowView(side, state)));
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
