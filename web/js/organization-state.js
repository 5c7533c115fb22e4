// How an organisation fares: status, warnings, progress in total, and the end of it.

import { actionButton } from "./action-button.js";
import { call } from "./api.js";
import { setBadge } from "./badge.js";
import { el, keyed, setText, show } from "./dom.js";
import { say } from "./notices.js";
import { askToDisconnectAll } from "./organization-end.js";
import { isActive, isApplication, isAuthorised, isOver, pathOf } from "./organization-view.js";
import { reasonView } from "./reasons.js";
import { receiptBody } from "./receipt.js";
import { text } from "./text.js";
import { ago, momentName } from "./time.js";

const words = text.organizationState;
const SOON_DAYS = 30;

const BADGES = {
  draft: { kind: "", icon: "off" },
  active: { kind: "good", icon: "active" },
  reconnect_required: { kind: "bad", icon: "warning" },
  disconnecting: { kind: "info", icon: "working" },
  disconnected: { kind: "", icon: "off" },
};

/** @param {() => object | null} current what is stored now */
export function organizationState(provider, current, look) {
  const name = el("h2", { id: `state-${provider}` });
  const badge = el("span", { class: "badge" });
  const reasons = el("div", { class: "reasons" });
  const progress = progressView();
  const facts = factList();
  const receipt = receiptBody(text.providers[provider]);
  const check = actionButton({
    shape: "sync",
    words: words.check,
    doing: words.checking,
    run: async () => {
      await call("POST", `${pathOf(provider)}/check`);
      say("check", words.checked, { kind: "good" });
      await look();
    },
  });
  const end = el("button", { class: "button quiet", type: "button", text: words.disconnect });
  end.addEventListener("click", () => askToDisconnectAll(current(), look));
  const root = el(
    "section",
    { class: "card part", "aria-labelledby": name.id, hidden: true },
    el("header", {}, name, badge),
    reasons,
    progress.root,
    facts.root,
    receipt.root,
    el("div", { class: "actions spread" }, check.root, end),
  );
  return {
    root,
    update(view) {
      show(root, Boolean(view));
      if (!view) return;
      setText(name, view.display_name);
      setBadge(badge, { ...(BADGES[view.status] ?? BADGES.draft), word: words.statuses[view.status] ?? view.status });
      const told = isOver(view) ? [] : (view.reasons ?? []);
      keyed(reasons, told, (reason) => reason.code, reasonView);
      show(reasons, told.length > 0);
      progress.update(view);
      facts.update(view);
      show(receipt.root, Boolean(view.receipt));
      if (view.receipt) receipt.update(view.receipt);
      show(check.root, isActive(view));
      show(end, isActive(view) || view.status === "reconnect_required");
    },
  };
}

/** How many people are in step, of those that are to be, and how the others fare. */
function progressView() {
  const label = el("span", { id: `progress-${crypto.randomUUID()}` });
  const counts = el("span", { class: "muted" });
  const bar = el("progress", { "aria-labelledby": label.id });
  const people = el("p", { class: "small" });
  const moving = el("div", { class: "progress" }, el("p", {}, label, counts), bar);
  const root = el("div", { class: "progress" }, moving, people);
  return {
    root,
    update({ status, staff, sync }) {
      const known = ["active", "reconnect_required", "disconnecting"].includes(status);
      show(root, known && staff.total > 0);
      const { state = "done", done = 0, total = 0 } = sync ?? {};
      show(moving, status === "active" && state === "running");
      setText(label, words.connecting);
      setText(counts, words.progress(done, total));
      bar.max = Math.max(total, 1);
      bar.value = done;
      setText(people, words.people(staff));
    },
  };
}

function factList() {
  const heads = { authorized: words.authorized, account: words.account, secret: words.secret, arrival: words.arrival };
  const values = Object.fromEntries(Object.keys(heads).map((name) => [name, el("dd")]));
  const rows = Object.fromEntries(Object.entries(heads).map(([name, word]) => [name, el("div", {}, el("dt", { text: word }), values[name])]));
  const root = el("dl", { class: "facts" }, ...Object.values(rows));
  const set = (name, value) => {
    show(rows[name], Boolean(value));
    setText(values[name], value ?? "");
  };
  return {
    root,
    update(view) {
      const known = isAuthorised(view);
      show(root, known);
      set("authorized", known && view.authorized_at && words.authorizedBy(ago(view.authorized_at), view.authorized_by));
      set("account", known && (view.account?.name || view.service_account || (isApplication(view) && words.theApp)));
      set("secret", known && view.secret?.expires_at && secretEnds(view.secret));
      set("arrival", known && (view.push === "active" ? words.push : view.access === "delegated" ? words.pollingDelegated : words.polling));
    },
  };
}

function secretEnds({ expires_at: at, days_left: days }) {
  const when = momentName(Date.parse(at));
  return days <= SOON_DAYS ? words.secretSoon(when, days) : when;
}
