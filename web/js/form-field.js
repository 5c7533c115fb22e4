// Parts of a form: a labelled control with a hint and room for what is wrong with it, and a switch.

import { el, setAttribute, setText, show } from "./dom.js";

/** @param {HTMLElement} control gets its id, name, hint and fault by reference */
export function field({ name, label, hint = "", control }) {
  const id = `field-${crypto.randomUUID()}`;
  const hintLine = el("p", { class: "small muted", id: `${id}-hint`, text: hint, hidden: !hint });
  const fault = el("p", { class: "fault small", id: `${id}-fault`, hidden: true });
  Object.assign(control, { id, name });
  control.setAttribute("aria-describedby", `${id}-hint`);
  const root = el("div", { class: "form-field" }, el("label", { for: id, text: label }), control, hintLine, fault);
  return {
    root,
    control,
    say(sentence) {
      setText(hintLine, sentence);
      show(hintLine, Boolean(sentence));
    },
    complain(sentence) {
      setText(fault, sentence);
      show(fault, Boolean(sentence));
      setAttribute(control, "aria-invalid", sentence ? "true" : null);
      setAttribute(control, "aria-describedby", sentence ? `${id}-fault ${id}-hint` : `${id}-hint`);
    },
  };
}

export function textField({ name, label, hint, value = "", required = true, maxlength = "320", ...more }) {
  const control = el("input", { type: "text", value, required, maxlength, autocomplete: "off", spellcheck: "false", autocapitalize: "none", ...more });
  return field({ name, label, hint, control });
}

/** A tick with a sentence beneath that says what it means as it stands. */
export function toggle({ name, label, hint, on = false }) {
  const id = `field-${crypto.randomUUID()}`;
  const control = el("input", { type: "checkbox", role: "switch", id, name, "aria-describedby": `${id}-hint` });
  control.checked = on;
  const sentence = el("p", { class: "small muted", id: `${id}-hint` });
  const draw = () => setText(sentence, hint(control.checked));
  control.addEventListener("change", draw);
  draw();
  return {
    root: el("div", { class: "form-toggle" }, control, el("div", {}, el("label", { for: id, text: label }), sentence)),
    control,
    set(value) {
      control.checked = value;
      draw();
    },
    complain() {},
  };
}
