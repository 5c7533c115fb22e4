// Another main booking calendar: the offer after a second account was connected, the question before it happens.

import { call } from "./api.js";
import { openDialog } from "./dialog.js";
import { el, icon, setText, show } from "./dom.js";
import { isActive, isCopying } from "./connection.js";
import { allListed, bestCalendar, calendarName, calendarsOf, known, mainCalendar } from "./known.js";
import { say, sayProblem } from "./notices.js";
import { actionButton } from "./action-button.js";
import { text } from "./text.js";

const words = text.switching;
const KEPT = "lockstep.keep-main.";

/** The move that was begun here: `{calendar, since}`, `since` being its connection's last sync before it. */
let begun = null;

const connectionOf = (calendar) => known.connections.find((each) => each.id === calendar.connection_id);

/** The question is answered for this connection. */
const keepAsIs = (connection) => localStorage.setItem(KEPT + connection.id, "1");

/** Make a calendar the main one: bookings move by themselves, and the connection shows how far they are. */
async function makeMain(calendar, changed) {
  const since = connectionOf(calendar)?.last_sync_at;
  await call("PATCH", `/v1/calendars/${encodeURIComponent(calendar.id)}`, { main: true });
  begun = { calendar, since };
  for (const each of known.connections) keepAsIs(each);
  say("switch", words.begun(calendarName(calendar)), { kind: "good" });
  await changed();
}

/** Whether bookings are on their way into this connection because of what was pressed here. */
export const isMovingTo = (connection) => begun?.calendar.connection_id === connection.id;

/** Say when the move that was begun here has come to its end. */
export function sayMoved(connection) {
  if (!isMovingTo(connection) || isCopying(connection) || connection.last_sync_at === begun.since) return;
  say("switch", words.done(calendarName(begun.calendar)), { kind: "good" });
  begun = null;
}

/** Ask, then do it. `kept` is called if the person leaves it as it is. */
export function askToMove(calendar, changed, kept) {
  const from = mainCalendar();
  const to = calendarName(calendar);
  const cancel = el("button", { class: "button", type: "button", text: text.cancel, autofocus: true });
  const move = actionButton({
    words: from ? words.confirm : text.save,
    doing: words.working,
    kind: "primary",
    run: async () => {
      await makeMain(calendar, changed);
      dialog.close();
    },
    onError: (error) => {
      dialog.close();
      sayProblem("calendar", error);
    },
  });
  const dialog = openDialog(
    el(
      "div",
      { class: "dialog-body" },
      el("h2", { id: "dialog-title", text: words.title(to) }),
      el("p", { text: from ? words.body(calendarName(from)) : words.first }),
      el("div", { class: "actions" }, cancel, move.root),
    ),
  );
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", kept);
}

/** The offer within a connection whose calendars take no bookings, while another connection's does or none at all. */
export function switchOffer(look) {
  let connection = null;
  const sentence = el("p");
  const how = el("p", { class: "muted small" });
  const move = actionButton({
    shape: "swap",
    words: words.move,
    doing: words.working,
    kind: "primary",
    run: () =>
      makeMain(bestCalendar(connection), async () => {
        document.dispatchEvent(new CustomEvent("lockstep:calendars"));
        await look();
      }),
  });
  const keep = el("button", { class: "button", type: "button", text: words.keep });
  keep.addEventListener("click", () => {
    keepAsIs(connection);
    show(root, false);
  });
  const root = el(
    "div",
    { class: "panel offer", hidden: true },
    icon("swap"),
    el("div", {}, sentence, how),
    el("div", { class: "actions" }, move.root, keep),
  );
  return {
    root,
    update(now) {
      connection = now;
      const offered = isOffered(now);
      show(root, offered);
      if (!offered) return;
      const main = mainCalendar();
      setText(sentence, main ? words.offer(calendarName(main)) : words.offerNone);
      setText(how, main ? words.how : words.howNone);
      show(keep, Boolean(main));
    },
  };
}

/** Whether the offer is made: to an account that was connected after the one that has the bookings, until it is
 * answered; to any, if none has them. */
export function isOffered(connection) {
  if (!isActive(connection) || isCopying(connection) || !bestCalendar(connection)) return false;
  const main = mainCalendar();
  if (!main) return allListed();
  const since = connectionOf(main)?.created_at ?? "";
  const takesSome = calendarsOf(connection).some((each) => each.main || each.bookings);
  return connection.created_at > since && !takesSome && !localStorage.getItem(KEPT + connection.id);
}
