// A week of busy time, as others may see it: drawn as columns of hours where there is room, as lists where there is none.

import { call } from "./api.js";
import { el, icon, keyed, setClass, setText, show } from "./dom.js";
import { sayProblem, unsay } from "./notices.js";
import { sentenceOf } from "./reasons.js";
import { text } from "./text.js";
import { ago, clockTime, dateOf, dayInWeek, firstDayOfWeek, hourName, shortDate } from "./time.js";

const EVERY_MS = 30_000;
const WORKDAY = { from: 8, to: 18 };
const words = text.busy;

export function busyWeek(root) {
  let week = 0;
  let wanted = 0;
  let lookedAt = 0;
  const range = el("p", { class: "muted", role: "status" });
  const asOf = el("p", { class: "muted small" });
  const why = el("span");
  const incomplete = el("p", { class: "warning-line", hidden: true }, icon("warning"), why);
  const none = el("p", { class: "muted", text: words.none, hidden: true });
  const hours = el("div", { class: "hours", "aria-hidden": "true" });
  const days = el("div", { class: "week-days" });
  const grid = el("div", { class: "week" }, hours, days);
  const step = (shape, label, by) =>
    el("button", { class: "button", type: "button", "aria-label": label, title: label, on: { click: () => go(week + by) } }, icon(shape));
  const now = el("button", { class: "button", type: "button", text: words.today, on: { click: () => go(0) } });
  root.setAttribute("aria-labelledby", "busy-title");
  root.append(
    el("header", {}, el("h2", { id: "busy-title", text: words.title }), el("div", { class: "actions" }, step("before", words.earlier, -1), now, step("after", words.later, 1))),
    el("p", { class: "muted small", text: words.lead }),
    range,
    none,
    incomplete,
    grid,
    asOf,
  );

  function go(to) {
    week = to;
    return refresh(true);
  }

  /** @param {boolean} atOnce also if it was asked for a moment ago */
  async function refresh(atOnce = false) {
    if (!atOnce && Date.now() - lookedAt < EVERY_MS) return;
    lookedAt = Date.now();
    const ticket = (wanted += 1);
    const start = firstDayOfWeek(week);
    const dates = Array.from({ length: 7 }, (_, ahead) => new Date(start.getFullYear(), start.getMonth(), start.getDate() + ahead));
    const end = new Date(start.getFullYear(), start.getMonth(), start.getDate() + 7);
    setText(range, words.week(shortDate(dates[0]), shortDate(dates[6])));
    try {
      const found = await call("GET", `/v1/busy?${new URLSearchParams({ from: start.toISOString(), to: end.toISOString() })}`);
      if (ticket === wanted) draw(found, dates);
      unsay("busy");
    } catch (error) {
      lookedAt = 0;
      sayProblem("busy", error);
    }
  }

  function draw(found, dates) {
    const spans = found.busy.map(({ start: from, end: to }) => ({ from: Date.parse(from), to: Date.parse(to) }));
    const columns = dates.map((date) => dayOfSpans(date, spans));
    const shownHours = hoursOf(columns);
    keyed(hours, shownHours.labels, (hour) => hour.at, () => hourLabel(shownHours));
    grid.style.setProperty("--hours", String(shownHours.to - shownHours.from));
    keyed(days, columns, (column) => column.key, () => dayColumn());
    for (const block of days.querySelectorAll(".block")) place(block, shownHours);
    show(incomplete, found.complete === false);
    setText(why, [words.incomplete, ...found.reasons.map(sentenceOf)].join(" "));
    show(none, found.calendars.length === 0);
    show(asOf, Boolean(found.as_of));
    if (found.as_of) setText(asOf, words.asOf(ago(found.as_of)));
    root.removeAttribute("aria-busy");
  }

  return { refresh };
}

/** What of the spans falls on one day, in hours of that day's own clock. */
function dayOfSpans(date, spans) {
  const start = date.getTime();
  const end = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
  const blocks = spans
    .filter((span) => span.from < end && span.to > start)
    .map((span) => ({ from: Math.max(span.from, start), to: Math.min(span.to, end), starts: span.from >= start, ends: span.to <= end }))
    .map((block) => ({ ...block, whole: block.to - block.from >= end - start, fromHour: hourOf(block.from, start), toHour: block.to === end ? 24 : hourOf(block.to, start) }));
  return { key: dateOf(date), date, today: dateOf(date) === dateOf(new Date()), blocks };
}

function hourOf(instant, midnight) {
  const at = new Date(instant);
  return instant === midnight ? 0 : at.getHours() + at.getMinutes() / 60;
}

function hoursOf(columns) {
  const blocks = columns.flatMap((column) => column.blocks).filter((block) => !block.whole);
  const from = Math.floor(Math.min(WORKDAY.from, ...blocks.map((block) => block.fromHour)));
  const to = Math.ceil(Math.max(WORKDAY.to, ...blocks.map((block) => block.toHour)));
  const labels = [];
  for (let at = from; at < to; at += 2) labels.push({ at, from, to });
  return { from, to, labels };
}

function hourLabel() {
  const root = el("span");
  return {
    root,
    update({ at, from, to }) {
      setText(root, hourName(new Date(2026, 0, 1, at)));
      root.style.setProperty("top", `${((at - from) / (to - from)) * 100}%`);
    },
  };
}

function dayColumn() {
  const heading = el("h3");
  const list = el("ol");
  const root = el("section", { class: "week-day" }, heading, list);
  return {
    root,
    update({ date, today, blocks }) {
      setText(heading, dayInWeek(date));
      setClass(root, today ? "week-day today" : "week-day");
      keyed(list, blocks.length ? blocks : [null], (block) => (block ? `${block.from} ${block.to}` : "free"), (block) => (block ? busyBlock() : freeDay()));
    },
  };
}

function busyBlock() {
  const root = el("li", { class: "block" });
  return {
    root,
    update(block) {
      Object.assign(root.dataset, { from: block.fromHour, to: block.toHour });
      setClass(root, block.whole ? "block whole" : "block");
      setText(root, sentence(block));
      root.title = root.textContent;
    },
  };
}

function freeDay() {
  return { root: el("li", { class: "free", text: words.free }), update() {} };
}

function sentence({ whole, starts, ends, from, to }) {
  if (whole) return words.allDay;
  if (starts && ends) return words.span(clockTime(from), clockTime(to));
  return starts ? words.from(clockTime(from)) : words.until(clockTime(to));
}

function place(block, { from, to }) {
  const share = (hour) => ((Math.min(Math.max(hour, from), to) - from) / (to - from)) * 100;
  const top = share(Number(block.dataset.from));
  block.style.setProperty("--top", `${top}%`);
  block.style.setProperty("--height", `${share(Number(block.dataset.to)) - top}%`);
}
