// Whose calendars the organisation keeps in step: a page of the list at a time, with what can be done for each person.

import { call } from "./api.js";
import { el, icon, keyed, setText, show } from "./dom.js";
import { sayProblem, unsay } from "./notices.js";
import { isOver, isSettingUp, pathOf } from "./organization-view.js";
import { askForPerson } from "./staff-edit.js";
import { staffImport } from "./staff-import.js";
import { staffRow } from "./staff-row.js";
import { text } from "./text.js";

const OFTEN_MS = 2_000;
const SELDOM_MS = 15_000;
const AFTER_CHANGE_MS = 30_000;
const words = text.staff;

/** The roles are written out since a narrow page shows each row as a block, which would take them away.
 * @param {() => object | null} current what is stored of the organisation now */
export function staffSection(provider, current, look) {
  const first = `${pathOf(provider)}/staff`;
  const rows = el("tbody", { role: "rowgroup" });
  const mailbox = el("th", { scope: "col", role: "columnheader" });
  const head = (word) => el("th", { scope: "col", role: "columnheader", text: word });
  const heads = [head(words.user), mailbox, head(words.enabled), head(words.status), head(words.lastSync), el("th", { scope: "col", role: "columnheader" }, el("span", { class: "visually-hidden", text: words.actions }))];
  const caption = el("caption", { class: "visually-hidden", text: words.title });
  const table = el("table", { role: "table", hidden: true }, caption, el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads)), rows);
  const note = el("p", { class: "muted" });
  const add = el("button", { class: "button", type: "button" }, icon("add"), el("span", { text: words.add }));
  const find = finder();
  const pager = pagerView();
  const importing = staffImport(provider, changed);
  const root = el(
    "section",
    { class: "card part staff", "aria-labelledby": `staff-${provider}`, hidden: true },
    el("header", {}, el("h2", { id: `staff-${provider}`, text: words.title }), el("div", { class: "actions" }, add, importing.button)),
    importing.root,
    find.root,
    note,
    table,
    pager.root,
  );
  let trail = [first];
  let next = null;
  let wanted = "";
  let lookedAt = 0;
  let changedAt = 0;
  let running = null;
  let ticket = 0;

  add.addEventListener("click", () => askForPerson(provider, changed));

  function finder() {
    const id = `find-${provider}`;
    const input = el("input", { type: "search", id, name: "user_id", autocomplete: "off", spellcheck: "false", maxlength: "128" });
    const form = el(
      "form",
      { class: "find", role: "search" },
      el("label", { for: id, text: words.find }),
      input,
      el("button", { class: "button", type: "submit", text: words.findIt }),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      wanted = input.value.trim();
      refresh(true);
    });
    input.addEventListener("search", () => input.value || (wanted && ((wanted = ""), refresh(true))));
    return { root: form };
  }

  function pagerView() {
    const back = el("button", { class: "button", type: "button" }, icon("before"), el("span", { text: words.before }));
    const on = el("button", { class: "button", type: "button" }, el("span", { text: words.after }), icon("after"));
    const where = el("span", { class: "muted", role: "status" });
    back.addEventListener("click", () => {
      if (trail.length > 1) trail.pop();
      refresh(true);
    });
    on.addEventListener("click", () => {
      if (next) trail.push(next);
      refresh(true);
    });
    const whole = el("nav", { class: "pager", "aria-label": words.pages, hidden: true }, back, where, on);
    return {
      root: whole,
      update() {
        show(whole, !wanted && (trail.length > 1 || Boolean(next)));
        back.disabled = trail.length === 1;
        on.disabled = !next;
        setText(where, words.page(trail.length));
      },
    };
  }

  /** Never two at once, unless somebody asked for another page: then the older answer is not drawn. */
  async function refresh(atOnce = false) {
    if (running === ticket && !atOnce) return;
    const mine = (ticket += 1);
    running = mine;
    lookedAt = Date.now();
    try {
      const page = wanted ? await found(wanted) : await call("GET", trail.at(-1));
      if (mine === ticket) draw(page);
      unsay("staff");
    } catch (error) {
      sayProblem("staff", error);
    }
    if (running === mine) running = null;
  }

  async function found(userId) {
    try {
      return { items: [await call("GET", `${first}/${encodeURIComponent(userId)}`)], next: null };
    } catch (error) {
      if (error.status === 404) return { items: [], next: null };
      throw error;
    }
  }

  function draw(page) {
    next = page.next;
    keyed(rows, page.items, (item) => item.user_id, () => staffRow(provider, changed));
    show(table, page.items.length > 0);
    show(note, page.items.length === 0);
    setText(note, wanted ? words.notFound(wanted) : trail.length > 1 ? words.noMore : words.none);
    pager.update();
  }

  async function changed() {
    changedAt = Date.now();
    await Promise.all([refresh(true), look()]);
  }

  return {
    root,
    update(view) {
      const there = Boolean(view) && !isOver(view);
      show(root, there);
      if (!there) return;
      setText(mailbox, view.display_name);
      show(find.root, view.staff.total > 20 || Boolean(wanted));
      for (const each of [add, importing.button]) show(each, view.status !== "disconnecting");
      const often = isSettingUp(view) || Date.now() - changedAt < AFTER_CHANGE_MS;
      if (Date.now() - lookedAt > (often ? OFTEN_MS : SELDOM_MS) - 100) refresh();
    },
  };
}
