// The live calendar: looks at both sides twice a second and shows what follows what, and how fast.

import { addForm } from "./add-form.js";
import { listing } from "./api.js";
import { appSide } from "./app-side.js";
import { accountName, isActive, isCopying } from "./connection.js";
import { drawDays } from "./day-grid.js";
import { el, setText, show } from "./dom.js";
import { Exchange } from "./exchange.js";
import { findGoogle, googleSide } from "./google-side.js";
import { drawLatency } from "./latency-table.js";
import { say, sayProblem, unsay } from "./notices.js";
import { startPage } from "./page.js";
import { poll } from "./poll.js";
import { own } from "./session.js";
import { text } from "./text.js";
import { midnight } from "./time.js";

const LOOK_MS = 500;
const CONNECTION_MS = 5_000;
const DAYS = 14;
const FRESH_MS = 15 * 60_000;

const words = text.calendar;
const exchange = new Exchange();
const sides = { app: appSide, google: null };
const rows = { app: [], google: [] };
const looks = { app: null, google: null };
const arrivals = document.getElementById("arrivals");
const days = document.getElementById("days");

/** Do something as the person on `side`: announce it, do it, and look at that side again. */
async function act(side, announced, run) {
  const expectation = sides.google ? exchange.expect(side, announced, Date.now()) : null;
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
  if (!sides[side]) return;
  const found = await sides[side].rows(midnight(), midnight(DAYS));
  unsay(`look-${side}`);
  const first = exchange.rows[side] === null;
  const known = new Set(rows[side].map((row) => row.key));
  rows[side] = found;
  const at = Date.now();
  for (const arrival of exchange.observe(side, found, at)) announce(arrival);
  if (!sides.google && !first) arrivedFromOutside(found.filter((row) => !known.has(row.key)), at);
  draw();
}

/** In front of the real Google only the arrival can be seen; the edit itself carries the time it was made. */
function arrivedFromOutside(fresh, at) {
  for (const row of fresh) {
    if (!row.fromProvider || row.updatedAt === null || at - row.updatedAt > FRESH_MS) continue;
    const seconds = Math.max(0, (at - row.updatedAt) / 1000);
    const arrival = { side: "app", kind: "create", seconds, at, keys: new Set([row.key]), gone: [] };
    exchange.answered.push(arrival);
    exchange.measured.push({ from: "google", kind: "create", seconds });
    announce(arrival);
  }
}

function announce(arrival) {
  const side = arrival.side === "app" ? words.app : text.providers.google.short;
  const seconds = words.seconds(arrival.seconds);
  const [key] = arrival.keys;
  const row = arrival.gone[0] ?? rows[arrival.side].find((each) => each.key === key);
  const said = arrival.kind === "delete" ? words.announceGone : words.announce;
  setText(arrivals, said(row?.title || words.untitled, side, seconds));
}

function draw() {
  drawDays(days, { rows, exchange, sides, act, days: DAYS });
  drawLatency(exchange);
}

// --- the two heads: what each side is, and a form to add to it ------------------------------------------------------

function head(side, name) {
  const about = el("span", { class: "muted small" });
  const message = el("p", { class: "muted" });
  const anchor = el("a", {});
  const note = el("div", { hidden: true }, message, anchor);
  const form = addForm(side, (announced, added) => act(side, announced, () => sides[side].add(added)));
  const root = el(
    "section",
    { class: "card side", "aria-labelledby": `side-${side}` },
    el("header", {}, el("h2", { id: `side-${side}`, text: name }), about),
    form,
    note,
  );
  return {
    root,
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

const heads = { app: head("app", words.app), google: head("google", text.providers.google.short) };
document.getElementById("sides").append(heads.app.root, heads.google.root);
heads.google.instead(" ");

// --- which Google calendar stands on the right ----------------------------------------------------------------------

let watched = "";

async function findConnection() {
  const connections = await listing("/v1/connections");
  const connection = connections.find((each) => each.provider === "google" && isActive(each));
  unsay("look-connection");
  const account = connection ? accountName(connection) : "";
  heads.google.about(account);
  if (connection && isCopying(connection)) say("copying", words.firstSync);
  else unsay("copying");
  if (account === watched && account) return;
  await watch(account);
  watched = account;
}

async function watch(account) {
  sides.google = null;
  rows.google = [];
  exchange.rows.google = null;
  if (!account) {
    heads.google.instead(words.notConnected, words.connect, own("/"));
    return draw();
  }
  const google = await findGoogle(account);
  if (google.kind === "simulated") {
    sides.google = googleSide(google.calendar);
    heads.google.instead("");
    return looks.google?.soon();
  }
  if (google.kind === "real") heads.google.instead(words.realGoogle, words.openGoogle, "https://calendar.google.com/");
  else heads.google.instead(words.noAccount(account));
  return draw();
}

startPage();
looks.app = poll(() => look("app"), () => LOOK_MS, (error) => sayProblem("look-app", error));
looks.google = poll(() => look("google"), () => LOOK_MS, (error) => sayProblem("look-google", error));
poll(findConnection, () => CONNECTION_MS, (error) => sayProblem("look-connection", error));
setInterval(() => document.hidden || draw(), 1_000);
