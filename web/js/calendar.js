// The live calendar: looks at all sides twice a second and shows what follows what, and how fast.

import { addForm } from "./add-form.js";
import { listing } from "./api.js";
import { appSide } from "./app-side.js";
import { accountName, isActive, isCopying } from "./connection.js";
import { drawDays } from "./day-grid.js";
import { el, setText, show } from "./dom.js";
import { Exchange } from "./exchange.js";
import { drawLatency } from "./latency-table.js";
import { say, sayProblem, unsay } from "./notices.js";
import { startPage } from "./page.js";
import { poll } from "./poll.js";
import { own } from "./session.js";
import { CALENDAR_PAGES, PROVIDERS, findSide } from "./sides.js";
import { text } from "./text.js";
import { midnight } from "./time.js";

const LOOK_MS = 500;
const CONNECTION_MS = 5_000;
const DAYS = 14;
const FRESH_MS = 15 * 60_000;

const words = text.calendar;
const NAMES = ["app", ...PROVIDERS];
const perSide = (value) => Object.fromEntries(NAMES.map((side) => [side, value(side)]));
const exchange = new Exchange(NAMES);
const sides = { ...perSide(() => null), app: appSide };
const rows = perSide(() => []);
const looks = perSide(() => null);
const watched = {};
const arrivals = document.getElementById("arrivals");
const days = document.getElementById("days");

const simulated = () => PROVIDERS.filter((provider) => sides[provider]);

/** Do something as the person on `side`: announce it, do it, and look at that side again. */
async function act(side, announced, run) {
  const expectation = simulated().length ? exchange.expect(side, announced, Date.now()) : null;
  draw();
  try {
    await run();
    unsay("act");
    await looks[side].soon();
    return true;
  } catch (error) {
    if (expectation) exchange.withdraw(expectation);
    draw();
    sayProblem("act", error);
    return false;
  }
}

async function look(side) {
  const asked = sides[side];
  if (!asked) return;
  const found = await asked.rows(midnight(), midnight(DAYS));
  if (sides[side] !== asked) return;
  unsay(`look-${side}`);
  const first = exchange.rows[side] === null;
  const known = new Set(rows[side].map((row) => row.key));
  rows[side] = found;
  const at = Date.now();
  for (const arrival of exchange.observe(side, found, at)) announce(arrival);
  if (side === "app" && !first) arrivedFromOutside(found.filter((row) => !known.has(row.key)), at);
  draw();
}

/** In front of a real provider only the arrival can be seen; the edit itself carries the time it was made. */
function arrivedFromOutside(fresh, at) {
  if (simulated().length) return;
  for (const row of fresh) {
    if (!row.fromProvider || row.updatedAt === null || at - row.updatedAt > FRESH_MS) continue;
    const seconds = Math.max(0, (at - row.updatedAt) / 1000);
    const arrival = { side: "app", kind: "create", seconds, at, keys: new Set([row.key]), gone: [] };
    exchange.answered.push(arrival);
    announce(arrival);
  }
}

function announce(arrival) {
  const seconds = words.seconds(arrival.seconds);
  const [key] = arrival.keys;
  const row = arrival.gone[0] ?? rows[arrival.side].find((each) => each.key === key);
  const said = arrival.kind === "delete" ? words.announceGone : words.announce;
  setText(arrivals, said(row?.title || words.untitled, words.names[arrival.side], seconds));
}

function draw() {
  drawDays(days, { names: NAMES, rows, exchange, sides, act, days: DAYS });
  drawLatency(exchange, simulated());
}

// --- the heads: what each side is, and a form to add to it ----------------------------------------------------------

function head(side) {
  const about = el("span", { class: "muted small" });
  const message = el("p", { class: "muted" });
  const anchor = el("a", {});
  const note = el("div", { hidden: true }, message, anchor);
  const form = addForm(side, (announced, added) => act(side, announced, () => sides[side].add(added)));
  const root = el(
    "section",
    { class: "card side", "aria-labelledby": `side-${side}` },
    el("header", {}, el("h2", { id: `side-${side}`, text: words.names[side] }), about),
    form,
    note,
  );
  document.getElementById("sides").append(root);
  return {
    about: (said) => setText(about, said),
    /** A sentence (and a link) in place of the form, or the form. */
    instead(sentence, label, href) {
      show(form, !sentence);
      show(note, Boolean(sentence));
      if (!sentence) return;
      setText(message, sentence);
      show(anchor, Boolean(href));
      if (!href) return;
      setText(anchor, label);
      anchor.href = href;
      anchor.target = href.startsWith("https://") ? "_blank" : "";
      anchor.rel = "noreferrer";
    },
  };
}

const heads = perSide(head);
for (const provider of PROVIDERS) heads[provider].instead(" ");

// --- which calendars stand beside the app's -------------------------------------------------------------------------

async function findConnections() {
  const connections = await listing("/v1/connections");
  unsay("look-connection");
  const shown = PROVIDERS.map((provider) => connections.find((each) => each.provider === provider && isActive(each)));
  const copying = shown.filter((each) => each && isCopying(each));
  if (copying.length) say("copying", words.firstSync(copying.map((each) => words.names[each.provider])));
  else unsay("copying");
  await Promise.all(PROVIDERS.map((provider, at) => watch(provider, shown[at])));
}

async function watch(provider, connection) {
  const account = connection ? accountName(connection) : "";
  heads[provider].about(account);
  if (watched[provider] === account) return;
  sides[provider] = null;
  rows[provider] = [];
  exchange.rows[provider] = null;
  if (account) {
    const found = await findSide(provider, account);
    if (found.kind === "simulated") {
      sides[provider] = found.side;
      heads[provider].instead("");
      looks[provider]?.soon();
    } else if (found.kind === "real") {
      heads[provider].instead(words.real(words.names[provider]), words.open(words.names[provider]), CALENDAR_PAGES[provider]);
    } else {
      heads[provider].instead(words.noAccount(account));
    }
  } else {
    heads[provider].instead(words.notConnected(words.names[provider]), words.connect, own("/"));
  }
  watched[provider] = account;
  draw();
}

startPage();
for (const side of NAMES) {
  looks[side] = poll(() => look(side), () => LOOK_MS, (error) => sayProblem(`look-${side}`, error));
}
poll(findConnections, () => CONNECTION_MS, (error) => sayProblem("look-connection", error));
setInterval(() => document.hidden || draw(), 1_000);
