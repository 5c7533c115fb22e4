// A button that says what it is doing while it does it, keeps its width, and can be held in that state.

import { el, icon, setText } from "./dom.js";
import { sayProblem } from "./notices.js";

/** @param {{shape?: string, words: string, doing: string, kind?: string, run: () => Promise<void>, onError?: Function}} given */
export function actionButton({ shape, words, doing, kind = "", run, onError }) {
  const label = el("span", { text: words });
  const button = el("button", { class: `button ${kind}`.trim(), type: "button" }, shape ? icon(shape) : null, label);
  let busy = false;
  let held = false;
  const draw = () => {
    if (busy || held) {
      if (!button.hasAttribute("aria-disabled")) button.style.minWidth = `${button.offsetWidth}px`;
      button.setAttribute("aria-disabled", "true");
    } else {
      button.removeAttribute("aria-disabled");
    }
    setText(label, busy || held ? doing : words);
  };
  button.addEventListener("click", async () => {
    if (busy || held) return;
    busy = true;
    draw();
    try {
      await run();
    } catch (error) {
      held = false;
      if (onError && error.sentence) onError(error);
      else sayProblem("action", error);
    }
    busy = false;
    draw();
  });
  return {
    root: button,
    hold(on) {
      held = on;
      draw();
    },
  };
}
