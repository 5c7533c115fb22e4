// The form that adds an event on one side.

import { firstTimes, nextHour } from "./app-side.js";
import { el, icon } from "./dom.js";
import { print } from "./exchange.js";
import { text } from "./text.js";

const words = text.calendar;

/** @param {(announced: object, added: object) => Promise<boolean>} add resolves to whether it was taken */
export function addForm(side, add) {
  const title = el("input", { name: "title", required: true, maxlength: "200", autocomplete: "off", value: words.proposal[side] });
  const start = el("input", { name: "start", type: "datetime-local", required: true, value: nextHour() });
  const minutes = el("input", { name: "minutes", type: "number", min: "5", max: "1440", step: "5", value: "50", required: true });
  const repeat = el(
    "select",
    { name: "repeat" },
    el("option", { value: "", text: words.once }),
    el("option", { value: "DAILY;COUNT=5", text: words.daily }),
    el("option", { value: "WEEKLY", text: words.weekly }),
  );
  const form = el(
    "form",
    { class: "add" },
    field(side, "title", words.title, title),
    field(side, "start", words.start, start),
    field(side, "minutes", words.minutes, minutes),
    field(side, "repeat", words.repeat, repeat),
    el("button", { class: "button primary submit", type: "submit" }, icon("add"), el("span", { text: words.add })),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const added = {
      title: title.value.trim() || words.proposal[side],
      local: `${start.value.slice(0, 16)}:00`,
      minutes: Number(minutes.value),
      repeat: repeat.value,
    };
    const first = { title: added.title, private: false, ...firstTimes(added.local, added.minutes) };
    await add({ kind: "create", appears: [print(first)] }, added);
  });
  return form;
}

function field(side, name, label, control) {
  control.id = `${side}-${name}`;
  return el("div", { class: `field ${name}` }, el("label", { for: control.id, text: label }), control);
}
