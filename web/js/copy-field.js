// A text to be sent to somebody else: shown, selectable, and copied by a button.

import { el, icon, setText } from "./dom.js";
import { text } from "./text.js";

/** @param {{label: string, value: string, lines?: number, words?: string}} given `lines`: a text area of that height */
export function copyField({ label, value, lines = 0, words = text.actions.copy }) {
  const id = `copy-${crypto.randomUUID()}`;
  const field = lines
    ? el("textarea", { id, readonly: true, rows: String(lines), spellcheck: "false" })
    : el("input", { id, readonly: true, type: "text", spellcheck: "false" });
  field.value = value;
  field.addEventListener("focus", () => field.select());
  const said = el("span", { class: "small muted", role: "status" });
  const button = el("button", { class: "button", type: "button" }, icon("copy"), el("span", { text: words }));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      setText(said, text.actions.copied);
    } catch {
      field.focus();
      field.select();
      setText(said, text.actions.copyFailed);
    }
  });
  return {
    root: el("div", { class: lines ? "copy-field tall" : "copy-field" }, el("label", { for: id, text: label }), field, button, said),
    set(now) {
      if (field.value !== now) field.value = now;
    },
  };
}
