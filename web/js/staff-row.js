// One person of the staff: whose mailbox, whether it is kept in step, how it fares and why.

import { setBadge } from "./badge.js";
import { call } from "./api.js";
import { el, icon, keyed, setText, show } from "./dom.js";
import { sayProblem, unsay } from "./notices.js";
import { reasonView } from "./reasons.js";
import { askForMailbox, askToRemove, askToStop, pathOfPerson } from "./staff-edit.js";
import { text } from "./text.js";
import { ago } from "./time.js";

const words = text.staff;

const BADGES = {
  disabled: { kind: "", icon: "off" },
  waiting: { kind: "", icon: "waiting" },
  checking: { kind: "info", icon: "working" },
  first_sync: { kind: "info", icon: "working" },
  active: { kind: "good", icon: "active" },
  paused: { kind: "warn", icon: "paused" },
  own_connection: { kind: "", icon: "active" },
  removing: { kind: "info", icon: "working" },
};

export function staffRow(provider, changed) {
  let person = null;
  let saving = false;
  const name = el("span", { class: "name" });
  const mailbox = el("span");
  const enabled = el("input", { type: "checkbox" });
  const badge = el("span", { class: "badge" });
  const bar = el("progress");
  const counts = el("span", { class: "muted small" });
  const reasons = el("div", { class: "reasons" });
  const last = el("span", { class: "last" });
  const arrival = el("span", { class: "muted small" });
  const change = el("button", { class: "button quiet", type: "button" }, icon("edit"));
  const remove = el("button", { class: "button quiet", type: "button" }, icon("remove"));
  const cell = (word, ...children) => el("td", { role: "cell" }, word && el("span", { class: "cell-word", "aria-hidden": "true", text: word }), el("div", {}, ...children));
  const root = el(
    "tr",
    { role: "row" },
    el("th", { scope: "row", role: "rowheader" }, name),
    cell("", mailbox),
    cell(words.enabled, el("label", { class: "tick" }, enabled)),
    cell("", badge, el("div", { class: "row-progress" }, bar, counts), reasons),
    cell(words.lastSync, last, arrival),
    cell("", el("div", { class: "row-actions" }, change, remove)),
  );

  change.addEventListener("click", () => askForMailbox(provider, person, changed));
  remove.addEventListener("click", () => askToRemove(provider, person, changed));
  enabled.addEventListener("change", () => {
    if (enabled.checked) return save();
    askToStop(provider, person, changed, () => (enabled.checked = person.enabled));
    return undefined;
  });

  async function save() {
    saving = true;
    unsay("person");
    try {
      person = await call("PUT", pathOfPerson(provider, person.user_id), { mailbox: person.mailbox, enabled: true });
    } catch (error) {
      enabled.checked = false;
      sayProblem("person", error);
    }
    saving = false;
    await changed();
  }

  return {
    root,
    update(now) {
      person = now;
      setText(name, now.user_id);
      setText(mailbox, now.mailbox);
      enabled.setAttribute("aria-label", words.enabledOf(now.user_id));
      if (!saving && !document.querySelector("dialog[open]")) enabled.checked = now.enabled;
      enabled.disabled = now.status === "removing";
      setBadge(badge, { ...(BADGES[now.status] ?? BADGES.waiting), word: words.statuses[now.status] ?? now.status });
      drawProgress(now);
      keyed(reasons, now.reason ? [now.reason] : [], (reason) => reason.code, reasonView);
      show(reasons, Boolean(now.reason));
      setText(last, now.last_sync_at ? ago(now.last_sync_at) : now.status === "first_sync" ? text.never : "");

      setText(arrival, now.status === "active" ? (now.push === "active" ? words.push : words.polling) : "");
      for (const [button, word] of [[change, words.changeOf(now.user_id)], [remove, words.removeOf(now.user_id)]]) {
        button.setAttribute("aria-label", word);
        button.title = word;
        show(button, now.status !== "removing");
      }
    },
  };

  function drawProgress({ status, user_id: user, sync }) {
    const copying = status === "first_sync" && sync;
    show(bar.parentElement, Boolean(copying));
    if (!copying) return;
    bar.setAttribute("aria-label", words.progressOf(user));
    setText(counts, words.progress(sync.done ?? 0, sync.total ?? null));
    if (sync.total) {
      bar.max = sync.total;
      bar.value = Math.min(sync.done, sync.total);
    } else {
      bar.removeAttribute("value");
    }
  }
}
