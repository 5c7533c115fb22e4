// One event in one column: what it is, what has just happened to it, and what may be done to it.

import { laterTimes } from "./app-side.js";
import { el, icon, setClass, setText, show } from "./dom.js";
import { print } from "./exchange.js";
import { text } from "./text.js";
import { clockTime } from "./time.js";

const words = text.calendar;
const LATE_MS = 15_000;

export function rowView(side, { exchange, sides, act }) {
  let row = null;
  const time = el("span", { class: "time" });
  const title = el("span", { class: "title" });
  const badges = el("span", { class: "badges" });
  const arrival = el("span", { class: "arrival" });
  const what = el("div", { class: "what" }, title, badges, arrival);
  const tools = el("div", { class: "tools" });
  const root = el("li", { class: "row" }, time, what, tools);

  const change = (times, run) => act(side, { kind: "change", appears: [print({ ...row, ...times })], vanishes: [print(row)] }, run);
  const remove = (run) => act(side, { kind: "delete", vanishes: [print(row)] }, run);
  const rename = () =>
    askForTitle(what, title, row, (wanted) => change({ title: wanted }, () => sides[side].rename(row, wanted)));

  return {
    root,
    update(now) {
      const before = row;
      row = now;
      setText(time, row.allDay ? words.allDay : `${clockTime(row.start)} – ${clockTime(row.end)}`);
      setText(title, shownTitle(row));
      title.title = title.textContent;
      title.classList.toggle("withheld", !row.title);
      if (!before || before.series !== row.series || before.private !== row.private) drawBadges(badges, row);
      if (!before || print(before) !== print(row)) drawTools();
      drawState(root, arrival, stateOf(side, row, exchange));
    },
  };

  function drawTools() {
    if (row.arrival) return;
    const name = shownTitle(row);
    const laterLabel = row.allDay ? words.laterAllDay : words.later;
    const moved = laterTimes(row);
    const adapter = sides[side];
    if (row.series) {
      tools.replaceChildren(
        tool(laterLabel, words.laterOne(name), () => change(moved, () => adapter.laterOne(row))),
        tool(icon("remove"), words.removeOne(name), () => remove(() => adapter.removeOne(row))),
        menu(words.wholeSeries(name), [
          [words.renameSeries, rename],
          [words.laterSeries, () => change(moved, () => adapter.later(row))],
          [words.removeSeries, () => remove(() => adapter.remove(row))],
        ]),
      );
    } else {
      tools.replaceChildren(
        tool(icon("edit"), words.renameRow(name), rename),
        tool(laterLabel, words.laterRow(name), () => change(moved, () => adapter.later(row))),
        tool(icon("remove"), words.removeRow(name), () => remove(() => adapter.remove(row))),
      );
    }
  }
}

const shownTitle = (row) => row.title || (row.private ? words.withheld : words.untitled);

function drawBadges(badges, row) {
  badges.replaceChildren(
    ...[
      row.series && el("span", { class: "badge" }, icon("series"), words.series),
      row.private && el("span", { class: "badge" }, icon("lock"), words.private),
    ].filter(Boolean),
  );
  show(badges, badges.childElementCount > 0);
}

function stateOf(side, row, exchange) {
  if (row.arrival) return { kind: "ghost", sentence: words.gone(words.seconds(row.arrival.seconds)) };
  const arrival = exchange.arrivalOf(side, row);
  if (arrival) return { kind: "arrived", sentence: words.arrived(words.seconds(arrival.seconds)) };
  const waiting = exchange.waitingFor(side, row);
  if (!waiting) return { kind: "", sentence: "" };
  const late = Date.now() - waiting.at > LATE_MS;
  return late ? { kind: "late", sentence: words.late } : { kind: "waiting", sentence: words.waiting };
}

function drawState(root, arrival, { kind, sentence }) {
  setClass(root, `row ${kind}`.trim());
  setText(arrival, sentence);
  show(arrival, Boolean(sentence));
}

function tool(face, label, run) {
  return el("button", { class: "tool", type: "button", "aria-label": label, title: label, on: { click: run } }, face);
}

/** A small menu; it closes when something is chosen, on Escape, and when the focus leaves. */
function menu(label, choices) {
  const root = el("details", { class: "menu" }, el("summary", { class: "tool", "aria-label": label, title: label }, icon("more")));
  const close = () => root.removeAttribute("open");
  root.append(
    el(
      "div",
      { class: "choices" },
      ...choices.map(([choice, run]) => el("button", { type: "button", text: choice, on: { click: () => (close(), run()) } })),
    ),
  );
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !root.open) return;
    close();
    root.firstElementChild.focus();
  });
  root.addEventListener("focusout", (event) => root.contains(event.relatedTarget) || close());
  return root;
}

/** Put a field in place of the title until it is saved or given up. */
function askForTitle(what, title, row, save) {
  if (what.querySelector(".renaming")) return;
  const input = el("input", { "aria-label": words.newTitle, value: row.title, maxlength: "200", required: true, autocomplete: "off" });
  const form = el("form", { class: "renaming" }, input, el("button", { class: "button", type: "submit", text: text.save }));
  let open = true;
  const done = () => {
    if (!open) return;
    open = false;
    form.remove();
    show(title, true);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = input.value.trim();
    done();
    if (wanted && wanted !== row.title) save(wanted);
  });
  form.addEventListener("keydown", (event) => event.key === "Escape" && done());
  form.addEventListener("focusout", (event) => form.contains(event.relatedTarget) || done());
  show(title, false);
  what.prepend(form);
  input.focus();
  input.select();
}
