// A question in a dialog, with the answer's work done while it stands: what went wrong is said in it, and it can be tried
// again. Escape and Cancel close it, but not while the work is under way.

import { openDialog } from "./dialog.js";
import { el, icon } from "./dom.js";
import { text } from "./text.js";

/**
 * @param {{title: string, parts: Node[], yes: string, working: string, kind?: string,
 *   run: (chosen: URLSearchParams, dialog: HTMLDialogElement) => Promise<void>, closed?: () => void}} given
 *   `run` gets what the form's controls hold; the dialog closes after it unless it has put something else into it.
 */
export function ask({ title, parts, yes, working, kind = "danger", run, closed }) {
  const trouble = el("div", { class: "notice bad", role: "alert", hidden: true });
  const confirm = el("button", { class: `button ${kind}`, type: "submit", text: yes });
  const cancel = el("button", { class: "button", type: "button", text: text.cancel, autofocus: true });
  const form = el(
    "form",
    { class: "dialog-body" },
    el("h2", { id: "dialog-title", text: title }),
    ...parts,
    trouble,
    el("div", { class: "actions" }, cancel, confirm),
  );
  let busy = false;
  const dialog = openDialog(form, { mayClose: () => !busy });
  const hold = (on) => {
    busy = on;
    confirm.textContent = on ? working : yes;
    if (on) confirm.setAttribute("aria-disabled", "true");
    else confirm.removeAttribute("aria-disabled");
  };
  if (closed) dialog.addEventListener("close", closed);
  cancel.addEventListener("click", () => busy || dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    trouble.hidden = true;
    hold(true);
    try {
      await run(new URLSearchParams(new FormData(form)), dialog);
      busy = false;
      if (form.isConnected) dialog.close();
    } catch (error) {
      hold(false);
      if (!error.sentence) throw error;
      trouble.replaceChildren(
        icon("warning"),
        el("div", { class: "said" }, el("p", { text: error.sentence }), el("p", { class: "code", text: text.code(error.code) })),
        el("a", { href: error.help, text: text.help }),
      );
      trouble.hidden = false;
    }
  });
  return dialog;
}
