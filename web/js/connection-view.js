// One connected account within its provider's card: status, next step, what is under way, actions, calendars, settings.

import { actionButton } from "./action-button.js";
import { call } from "./api.js";
import { setBadge, statusOf } from "./badge.js";
import { calendarTable } from "./calendar-table.js";
import { accountName, heldReason, isActive, isCopying, isManaged, isSwitching, needsAttention } from "./connection.js";
import { connectionSettings } from "./connection-settings.js";
import { askToDisconnect } from "./disconnect.js";
import { el, keyed, setText, show } from "./dom.js";
import { heldPanel } from "./held.js";
import { calendarsOf, takesBookings } from "./known.js";
import { say, unsay } from "./notices.js";
import { reasonView } from "./reasons.js";
import { signInButton } from "./sign-in-button.js";
import { isMovingTo, isOffered, sayMoved, switchOffer } from "./switching.js";
import { text } from "./text.js";
import { ago } from "./time.js";
import { trialView } from "./trial.js";

const SAID_ELSEWHERE = new Set(["held", "not_watchable"]);
const SYNC_PATIENCE_MS = 30_000;

export function connectionView(first, look) {
  let connection = first;
  const current = () => connection;
  const account = el("strong");
  const managed = el("p", { class: "managed muted small" });
  const badge = el("span", { class: "badge" });
  const facts = factList();
  const reasons = el("div", { class: "reasons" });
  const again = el("div", { class: "invite" }, el("p", { text: text.card.reconnectWhy }), signInButton(first.provider, "", current));
  const trial = trialView(current, look);
  const parts = [heldPanel(current, look), progressView(), switchOffer(look), facts, actionsView(current, look, trial)];
  const calendars = calendarTable(first.id, look);
  const settings = connectionSettings(current, look);
  const root = el(
    "article",
    { class: "connection" },
    el("div", { class: "account" }, account, badge, managed),
    reasons,
    again,
    ...parts.map((part) => part.root),
    trial.root,
    calendars.root,
    settings.root,
  );

  return {
    root,
    update(now) {
      connection = now;
      setText(account, accountName(now));
      root.setAttribute("aria-label", accountName(now));
      show(managed, isManaged(now));
      if (isManaged(now)) setText(managed, text.card.managedBy(now.managed_by));
      setBadge(badge, statusOf(now));
      const inRows = calendarsOf(now).flatMap((calendar) => calendar.reasons.map((reason) => reason.code));
      const told = (now.reasons ?? []).filter((reason) => !SAID_ELSEWHERE.has(reason.code) && !inRows.includes(reason.code));
      keyed(reasons, told, (reason) => reason.code, reasonView);
      show(reasons, told.length > 0);
      show(again, now.status === "reconnect_required" && !isManaged(now));
      calendars.update(now);
      for (const part of parts) part.update(now);
      sayMoved(now);
      settings.update(now);
    },
  };
}

function factList() {
  const next = el("dd");
  const last = el("dd");
  const arrival = el("dd");
  const fact = (word, value) => el("div", {}, el("dt", { text: word }), value);
  const how = fact(text.card.arrival, arrival);
  const root = el("dl", { class: "facts" }, fact(text.card.next, next), fact(text.card.lastSync, last), how);
  let stamp = null;
  setInterval(() => root.isConnected && !document.hidden && setText(last, ago(stamp)), 1000);
  return {
    root,
    update(connection) {
      stamp = connection.last_sync_at;
      setText(next, nextStep(connection));
      setText(last, ago(stamp));
      setText(arrival, connection.push === "active" ? text.card.push : text.card.polling);
      show(how, isActive(connection));
    },
  };
}

function nextStep(connection) {
  if (connection.status === "reconnect_required") return isManaged(connection) ? text.next.administrator : text.next.reconnect;
  if (heldReason(connection)) return text.next.held;
  if (!isActive(connection) || isCopying(connection)) return text.next.copying;
  if (needsAttention(connection)) return text.next.attention;
  if (isOffered(connection)) return text.next.switch;
  return text.next.nothing;
}

function progressView() {
  const label = el("span", { id: `progress-${crypto.randomUUID()}` });
  const counts = el("span", { class: "muted" });
  const bar = el("progress", { "aria-labelledby": label.id });
  const root = el("div", { class: "progress" }, el("p", {}, label, counts), bar);
  return {
    root,
    update(connection) {
      const copying = isCopying(connection);
      show(root, copying);
      if (!copying) return;
      const { done = 0, total = null } = connection.sync;
      setText(label, underWay(connection));
      setText(counts, text.card.progress(done, total));
      if (total) {
        bar.max = total;
        bar.value = Math.min(done, total);
      } else {
        bar.removeAttribute("value");
      }
    },
  };
}

function underWay(connection) {
  if (!isSwitching(connection)) return text.card.firstSync;
  return isMovingTo(connection) ? text.card.movingHere : text.card.updating;
}

function actionsView(current, look, trial) {
  let awaited = null;
  const sync = actionButton({
    shape: "sync",
    words: text.actions.sync,
    doing: text.actions.syncing,
    run: async () => {
      unsay("sync");
      awaited = { since: current().last_sync_at, until: Date.now() + SYNC_PATIENCE_MS };
      await call("POST", `/v1/connections/${encodeURIComponent(current().id)}/sync`);
      await look();
    },
  });
  const test = actionButton({ shape: "send", words: text.actions.test, doing: text.actions.testing, run: trial.send });
  const disconnect = el("button", { class: "button quiet", type: "button", text: text.actions.disconnect(text.providers[current().provider].short) });
  let asking = false;
  disconnect.addEventListener("click", async () => {
    if (asking) return;
    asking = true;
    try {
      await askToDisconnect(current(), look);
    } finally {
      asking = false;
    }
  });
  const root = el("div", { class: "actions" }, test.root, sync.root, disconnect);

  return {
    root,
    update(connection) {
      show(sync.root, isActive(connection));
      show(test.root, isActive(connection) && !heldReason(connection) && calendarsOf(connection).some(takesBookings));
      show(disconnect, connection.status !== "disconnecting" && !isManaged(connection));
      if (!awaited) return;
      if (connection.last_sync_at !== awaited.since) {
        awaited = null;
        say("sync", text.actions.synced, { kind: "good" });
      } else if (Date.now() > awaited.until) {
        awaited = null;
      }
      sync.hold(Boolean(awaited));
    },
  };
}
