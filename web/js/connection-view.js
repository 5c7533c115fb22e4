// One connected account within its provider's card: status, facts, first-sync progress, calendars, actions.

import { call, listing } from "./api.js";
import { setBadge, statusOf } from "./badge.js";
import { accountName, isActive, isCopying } from "./connection.js";
import { askToDisconnect } from "./disconnect.js";
import { el, icon, keyed, setText, show } from "./dom.js";
import { say, sayProblem, unsay } from "./notices.js";
import { signInButton } from "./sign-in-button.js";
import { text } from "./text.js";
import { ago, instantOf, momentName } from "./time.js";

const CALENDARS_EVERY_MS = 60_000;
const SYNC_PATIENCE_MS = 30_000;

export function connectionView(first, look) {
  let connection = first;
  const account = el("strong");
  const badge = el("span", { class: "badge" });
  const facts = factList();
  const reasons = el("div", { class: "reasons" });
  const again = el("div", { class: "invite" }, el("p", { text: text.card.reconnectWhy }), signInButton(first.provider));
  const progress = progressView();
  const calendars = calendarsView(first.id);
  const actions = actionsView(() => connection, look);
  const root = el(
    "article",
    { class: "connection" },
    el("div", { class: "account" }, account, badge),
    reasons,
    again,
    progress.root,
    facts.root,
    calendars.root,
    actions.root,
  );

  return {
    root,
    update(now) {
      connection = now;
      setText(account, accountName(now));
      root.setAttribute("aria-label", accountName(now));
      setBadge(badge, statusOf(now));
      keyed(reasons, now.reasons ?? [], (reason) => reason.code, reasonView);
      show(reasons, (now.reasons ?? []).length > 0);
      show(again, now.status === "reconnect_required");
      progress.update(now);
      facts.update(now);
      calendars.update(now);
      actions.update(now);
    },
  };
}

function reasonView() {
  const sentence = el("span");
  const code = el("span", { class: "code" });
  const help = el("a", { text: text.help });
  return {
    root: el("p", {}, sentence, " ", code, " ", help),
    update(reason) {
      setText(sentence, reason.sentence);
      setText(code, text.code(reason.code));
      help.href = `/help#${encodeURIComponent(reason.code)}`;
    },
  };
}

function factList() {
  const last = el("dd");
  const arrival = el("dd");
  const how = el("div", {}, el("dt", { text: text.card.arrival }), arrival);
  const root = el("dl", { class: "facts" }, el("div", {}, el("dt", { text: text.card.lastSync }), last), how);
  let stamp = null;
  const tick = () => root.isConnected && !document.hidden && setText(last, ago(stamp));
  setInterval(tick, 1000);
  return {
    root,
    update(connection) {
      stamp = connection.last_sync_at;
      setText(last, ago(stamp));
      setText(arrival, connection.push === "active" ? text.card.push : text.card.polling);
      show(how, isActive(connection));
      show(root, isActive(connection) || Boolean(stamp));
    },
  };
}

function progressView() {
  const label = el("span", { id: `progress-${crypto.randomUUID()}`, text: text.card.firstSync });
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

function calendarsView(connectionId) {
  const list = el("ul");
  const loading = el("li", { class: "muted", text: text.card.loadingCalendars });
  list.append(loading);
  const root = el("div", { class: "calendars" }, el("h3", { text: text.card.calendars }), list);
  let lookedAt = 0;
  let copied = null;

  async function fetchCalendars() {
    try {
      const items = await listing(`/v1/connections/${encodeURIComponent(connectionId)}/calendars`);
      loading.remove();
      keyed(list, items, (item) => item.id, calendarRow);
    } catch (error) {
      lookedAt = 0;
      sayProblem("refresh", error);
    }
  }

  return {
    root,
    update(connection) {
      show(root, isActive(connection));
      const copying = isCopying(connection);
      const due = Date.now() - lookedAt > CALENDARS_EVERY_MS || copied !== copying;
      copied = copying;
      if (!isActive(connection) || !due) return;
      lookedAt = Date.now();
      fetchCalendars();
    },
  };
}

function calendarRow() {
  const name = el("span");
  const badges = el("span", { class: "badges" });
  return {
    root: el("li", {}, name, badges),
    update(calendar) {
      setText(name, calendar.name || text.card.unnamed);
      const kinds = [
        calendar.main && { kind: "info", icon: "check", word: text.card.main },
        !calendar.main && calendar.bookings && { kind: "info", icon: "check", word: text.card.bookings },
        !calendar.main && calendar.busy && { kind: "", icon: "waiting", word: text.card.busy },
        ["reader", "free_busy"].includes(calendar.access) && { kind: "", icon: "lock", word: text.card.readOnly },
        calendar.sync === false && { kind: "", icon: "off", word: text.card.unsynced },
      ].filter(Boolean);
      keyed(badges, kinds, (kind) => kind.word, () => {
        const root = el("span", { class: "badge" });
        return { root, update: (kind) => setBadge(root, kind) };
      });
    },
  };
}

function actionsView(current, look) {
  const path = () => `/v1/connections/${encodeURIComponent(current().id)}`;
  let awaited = null;
  const sync = actionButton("sync", text.actions.sync, text.actions.syncing, async () => {
    unsay("sync");
    awaited = { since: current().last_sync_at, until: Date.now() + SYNC_PATIENCE_MS };
    await call("POST", `${path()}/sync`);
    await look();
  });
  const test = actionButton("send", text.actions.test, text.actions.testing, async () => {
    const event = await call("POST", `${path()}/test-event`);
    say("test", testSentence(event), { kind: "good" });
    await look();
  });
  const disconnect = el("button", { class: "button quiet", type: "button", text: text.actions.disconnect });
  disconnect.addEventListener("click", () => askToDisconnect(current(), look));
  const root = el("div", { class: "actions" }, sync.root, test.root, disconnect);

  return {
    root,
    update(connection) {
      show(sync.root, isActive(connection));
      show(test.root, isActive(connection));
      show(disconnect, connection.status !== "disconnecting");
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

/** A button that says what it is doing while it does it, keeps its width and can be held in that state. */
function actionButton(shape, words, doing, run) {
  const label = el("span", { text: words });
  const button = el("button", { class: "button", type: "button" }, icon(shape), label);
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
      sayProblem("action", error);
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

function testSentence(event) {
  return text.actions.testSent(momentName(instantOf(event.start.date_time, event.start.time_zone)));
}
