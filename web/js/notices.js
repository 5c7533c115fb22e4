// What a page says to the person. Most of it stands in a corner above the page, so that nothing moves under the pointer
// (`#news` is polite, `#trouble` speaks at once); what a page opens with stands in its text (`#opening`).

import { copyField } from "./copy-field.js";
import { el, icon } from "./dom.js";
import { text } from "./text.js";

const MOST_REMEMBERED = 10;
const news = document.getElementById("news");
const trouble = document.getElementById("trouble");
const opening = document.getElementById("opening");
const regions = [news, trouble, opening].filter(Boolean);
const ICON_OF = { good: "active", info: "news", warn: "warning", bad: "warning" };

/** The last problems that were shown, newest last: `{at, code}`. */
export const remembered = [];

/** Say something, in place of what was said under the same `name`. `actions`: [{label, run?, href?, help?}]; `copy` is a
 * text to be sent on: `{label, value}`; what `keeps` stays until it is no longer so. */
export function say(name, sentence, { kind = "info", code = "", actions = [], opens = false, keeps = false, copy = null } = {}) {
  unsay(name);
  if (code) remember(code);
  const said = el("div", { class: "said" }, el("p", { text: sentence }));
  if (code) said.append(el("p", { class: "code", text: text.code(code) }));
  if (copy) said.append(copyField(copy).root);
  if (actions.length) said.append(el("div", { class: "actions" }, ...actions.map((action) => actionOf(name, action))));
  const close = el("button", { class: "button quiet", type: "button", "aria-label": text.dismiss }, icon("remove"));
  close.addEventListener("click", () => unsay(name));
  const region = opens && opening ? opening : kind === "bad" || kind === "warn" ? trouble : news;
  region.append(el("div", { class: `notice ${kind}`, data: { name, code } }, icon(ICON_OF[kind]), said, keeps ? null : close));
}

function actionOf(name, { label, run, href, help, keeps = false, primary = false }) {
  if (href) return el("a", { href, text: label });
  const done = () => {
    if (help) return document.dispatchEvent(new CustomEvent("lockstep:help"));
    if (!keeps) unsay(name);
    return run();
  };
  return el("button", { class: primary ? "button primary" : "button", type: "button", text: label, on: { click: done } });
}

export function unsay(name) {
  noticeOf(name)?.remove();
}

function noticeOf(name) {
  return regions.flatMap((region) => [...region.children]).find((notice) => notice.dataset.name === name);
}

/** Show what a call rejected with: the sentence, its code, the help; and `retry`, if there is something to try. A
 * session that has ended is said once, whatever was tried, with the way back in. */
export function sayProblem(name, error, { retry, opens = false } = {}) {
  if (!error.sentence) throw error;
  const ended = error.status === 401;
  const place = ended ? "session" : name;
  if (noticeOf(place)?.dataset.code === error.code) return;
  const sentences = [error.sentence, ...(error.errors ?? []).map((each) => each.sentence).filter(Boolean)];
  const actions = [{ label: text.help, href: error.help }];
  if (ended) actions.unshift({ label: text.reload, run: () => location.reload() });
  else if (retry) actions.unshift({ label: text.tryAgain, run: retry });
  say(place, [...new Set(sentences)].join(" "), { kind: "bad", code: error.code, actions, opens: opens && !ended });
}

function remember(code) {
  remembered.push({ at: new Date().toISOString(), code });
  remembered.splice(0, remembered.length - MOST_REMEMBERED);
}
