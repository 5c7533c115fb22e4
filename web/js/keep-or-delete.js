// What becomes of events when a connection ends: asked for both sides, keeping chosen at first, since it can be undone.

import { el, setText, show } from "./dom.js";

/** A question with two answers, in a form under `name`. `count(n)` says how many events it is about, if that is known. */
export function keepOrDelete({ name, question, counted = () => question, keep, remove }) {
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
