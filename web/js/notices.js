// What a page says to the person. Most of it stands in a corner above the page, so that nothing moves under the pointer
// (`#news` is polite, `#trouble` speaks at once); what a page opens with stands in its text (`#opening`).

import { el, icon } from "./dom.js";
import { text } from "./text.js";

const news = document.getElementById("news");
const trouble = document.getElementById("trouble");
const opening = document.getElementById("opening");
const regions = [news, trouble, opening].filter(Boolean);
const ICON_OF = { good: "active", info: "news", warn: "warning", bad: "warning" };

/** Say something, in place of what was said under the same `name`. `actions`: [{label, run?, href?}]. */
export function say(name, sentence, { kind = "info", code = "", actions = [], opens = false } = {}) {
  unsay(name);
  const said = el("div", { class: "said" }, el("p", { text: sentence }));
  if (code) said.append(el("p", { class: "code", text: text.code(code) }));
  if (actions.length) said.append(el("div", { class: "actions" }, ...actions.map((action) => actionOf(name, action))));
  const close = el("button", { class: "button quiet", type: "button", "aria-label": text.dismiss }, icon("remove"));
  close.addEventListener("click", () => unsay(name));
  const region = opens && opening ? opening : kind === "bad" || kind === "warn" ? trouble : news;
  region.append(el("div", { class: `notice ${kind}`, data: { name, code } }, icon(ICON_OF[kind]), said, close));
}

function actionOf(name, { label, run, href }) {
  if (href) return el("a", { href, text: label });
  const done = () => {
    unsay(name);
    run();
  };
  return el("button", { class: "button", type: "button", text: label, on: { click: done } });
}

export function unsay(name) {
  noticeOf(name)?.remove();
}

function noticeOf(name) {
  return regions.flatMap((region) => [...region.children]).find((notice) => notice.dataset.name === name);
}

/** Show what a call rejected with: the sentence, its code, the help; and `retry`, if there is something to try. */
export function sayProblem(name, error, { retry, opens = false } = {}) {
  if (!error.sentence) throw error;
  if (noticeOf(name)?.dataset.code === error.code) return;
  const sentences = [error.sentence, ...(error.errors ?? []).map((each) => each.sentence).filter(Boolean)];
  const actions = [{ label: text.help, href: error.help }];
  if (retry) actions.unshift({ label: text.tryAgain, run: retry });
  say(name, [...new Set(sentences)].join(" "), { kind: "bad", code: error.code, actions, opens });
}
