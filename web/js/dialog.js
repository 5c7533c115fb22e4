// A modal dialog of one's own content, which must hold a heading with the id `dialog-title`. Focus goes back to where it
// was when the dialog closes; Escape closes it unless `mayClose()` says no.

import { el } from "./dom.js";

export function openDialog(content, { mayClose = () => true } = {}) {
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, content);
  dialog.addEventListener("cancel", (event) => mayClose() || event.preventDefault());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
