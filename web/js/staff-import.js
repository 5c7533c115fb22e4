// Staff from a CSV file: looked at first, line by line, and applied only when somebody has seen what it would do.

import { actionButton } from "./action-button.js";
import { call } from "./api.js";
import { el, icon, keyed, setText, show } from "./dom.js";
import { say, sayProblem, unsay } from "./notices.js";
import { pathOf } from "./organization-view.js";
import { text } from "./text.js";

const words = text.staffImport;
/** As bytes, so that no server on the way mends an encoding that somebody should be told of. */
const TYPE = "application/octet-stream";

/** @param {() => Promise<void>} changed asks for the newest state of the page */
export function staffImport(provider, changed) {
  const id = `import-${provider}`;
  const path = (apply, from) => `${pathOf(provider)}/staff/import?${new URLSearchParams({ apply, from_line: from })}`;
  const file = el("input", { type: "file", id, accept: ".csv,text/csv,text/plain", "aria-describedby": `${id}-hint` });
  const button = el("button", { class: "button", type: "button", "aria-expanded": "false", "aria-controls": `${id}-part` }, icon("arrive"), el("span", { text: words.open }));
  const preview = previewView();
  const apply = actionButton({ words: words.apply, doing: words.applying, kind: "primary", run: applyAll });
  const close = el("button", { class: "button", type: "button", text: text.close });
  const progress = el("progress", { "aria-label": words.progress, hidden: true });
  const counts = el("p", { class: "small", role: "status" });
  const root = el(
    "div",
    { class: "import", id: `${id}-part`, hidden: true },
    el("h3", { text: words.title }),
    el("p", { class: "small muted", id: `${id}-hint`, text: words.hint }),
    el("pre", { class: "small", text: words.example }),
    el("label", { for: id, text: words.file }),
    file,
    counts,
    progress,
    preview.root,
    el("div", { class: "actions" }, apply.root, close),
  );
  let bytes = null;
  show(apply.root, false);

  const open = (on) => {
    show(root, on);
    button.setAttribute("aria-expanded", String(on));
    if (on) file.focus();
  };
  button.addEventListener("click", () => open(root.hidden));
  close.addEventListener("click", () => {
    reset();
    open(false);
    button.focus();
  });
  file.addEventListener("change", () => look().catch((error) => refuse(error)));

  function reset() {
    bytes = null;
    file.value = "";
    setText(counts, "");
    preview.clear();
    for (const each of [apply.root, progress]) show(each, false);
  }

  function refuse(error) {
    reset();
    sayProblem("import", error);
  }

  async function look() {
    unsay("import");
    preview.clear();
    show(apply.root, false);
    const [given] = file.files;
    if (!given) return;
    setText(counts, words.reading);
    bytes = new Blob([await given.arrayBuffer()], { type: TYPE });
    const found = await call("POST", path("false", 1), bytes);
    setText(counts, words.summary(found.totals, found.lines));
    preview.draw(found);
    show(apply.root, found.totals.add + found.totals.change > 0);
  }

  /** The service takes as many lines as its time allows and says where to go on. */
  async function applyAll() {
    let last = null;
    show(progress, true);
    progress.removeAttribute("value");
    for (let from = 1; from; from = last.next_line) {
      last = await call("POST", path("true", from), bytes);
      progress.max = last.lines;
      progress.value = (last.next_line ?? last.lines + 1) - 1;
      setText(counts, words.applied(Math.min(progress.value, last.lines), last.lines));
    }
    reset();
    open(false);
    button.focus();
    say("import", words.done, { kind: "good" });
    await changed();
  }

  return { root, button };
}

function previewView() {
  const errors = linesTable(words.errors, [words.line, words.why], (error) => [String(error.line), error.sentence], "errors");
  const rows = linesTable(
    words.rows,
    [words.line, words.user, words.mailbox, words.enabled, words.does],
    (row) => [String(row.line), row.user_id, row.mailbox, row.enabled ? words.yes : words.no, words.doings[row.does] ?? row.does],
    "rows",
  );
  const more = el("p", { class: "small muted", hidden: true });
  return {
    root: el("div", { class: "preview" }, errors.root, rows.root, more),
    clear() {
      for (const each of [errors, rows]) each.update([]);
      show(more, false);
    },
    draw(found) {
      errors.update(found.errors);
      rows.update(found.rows);
      const hidden = found.totals.errors - found.errors.length + found.lines - found.totals.errors - found.rows.length;
      show(more, hidden > 0);
      setText(more, words.more(hidden));
    },
  };
}

function linesTable(title, heads, cellsOf, kind) {
  const body = el("tbody");
  const table = el("table", {}, el("caption", { text: title }), el("thead", {}, el("tr", {}, ...heads.map((word) => el("th", { scope: "col", text: word })))), body);
  const root = el("div", { class: `lines ${kind}`, tabindex: "0", role: "region", "aria-label": title, hidden: true }, table);
  return {
    root,
    update(items) {
      show(root, items.length > 0);
      keyed(body, items, (item) => `${item.line} ${cellsOf(item).join(" ")}`, (item) => ({
        root: el("tr", {}, ...cellsOf(item).map((cell) => el("td", { text: cell }))),
        update() {},
      }));
    },
  };
}
