// A test booking: written in the app, seen arriving at the provider with its reminder, removed on a press.
//
// It has arrived when every calendar that takes bookings has been in step after the booking was written, and none of
// them reports it as refused.

import { actionButton } from "./action-button.js";
import { call } from "./api.js";
import { el, icon, setClass, setText, show } from "./dom.js";
import { fetchCalendars, takesBookings } from "./known.js";
import { sayProblem } from "./notices.js";
import { said } from "./reminders.js";
import { text } from "./text.js";
import { instantOf, momentName } from "./time.js";

const LOOK_MS = 700;
const SLOW_MS = 20_000;
const words = text.trial;

export function trialView(current, look) {
  const steps = { written: step(), arrived: step(), removed: step() };
  const remove = actionButton({ shape: "remove", words: words.remove, doing: words.removing, run: removeIt });
  const root = el(
    "div",
    { class: "panel trial", hidden: true },
    el("h3", { text: words.title }),
    el("div", { role: "status" }, el("ol", {}, steps.written.root, steps.arrived.root, steps.removed.root)),
    el("div", { class: "actions" }, remove.root),
  );
  const provider = () => text.providers[current().provider].calendar;
  let booking = null;
  let run = 0;

  async function send() {
    const event = await call("POST", `/v1/connections/${encodeURIComponent(current().id)}/test-event`);
    booking = { event, begun: Date.now() };
    run += 1;
    show(root, true);
    show(remove.root, true);
    steps.written.say("active", words.written(momentName(instantOf(event.start.date_time, event.start.time_zone))));
    steps.arrived.say("working", words.going(provider()));
    steps.removed.hide();
    follow(run, Date.parse(event.updated_at), (state, seconds) => {
      if (state.sentence) steps.arrived.say("warning", words.refused(state.sentence));
      else steps.arrived.say("active", words.arrived(provider(), words.seconds(seconds), said(current().default_reminder)));
    });
    await look();
  }

  async function removeIt() {
    const since = Math.max(0, ...(await takers()).map(syncedAt));
    booking.begun = Date.now();
    run += 1;
    try {
      await call("DELETE", `/v1/events/${encodeURIComponent(booking.event.id)}`);
    } catch (error) {
      if (error.status !== 404) throw error;
      show(remove.root, false);
      steps.removed.say("active", words.gone);
      return;
    }
    show(remove.root, false);
    steps.removed.say("working", words.leaving(provider()));
    follow(run, since, () => steps.removed.say("active", words.removed(provider())));
  }

  const takers = async () => (await fetchCalendars(current().id)).filter(takesBookings);
  const syncedAt = (calendar) => Date.parse(calendar.last_sync_at ?? 0);

  /** Call `done` once every calendar that takes bookings was in step after `since` (ms of the service's own clock). */
  async function follow(mine, since, done) {
    while (mine === run && root.isConnected) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      try {
        const calendars = await takers();
        const sentence = calendars.flatMap((each) => each.problems).find((each) => each.event_id === booking.event.id)?.sentence;
        const seconds = (Date.now() - booking.begun) / 1000;
        if (mine !== run) return;
        if (sentence || (calendars.length && calendars.every((each) => syncedAt(each) > since))) {
          done({ sentence }, seconds);
          return;
        }
        if (Date.now() - booking.begun > SLOW_MS) steps.arrived.say("waiting", words.slow(provider()));
      } catch (error) {
        sayProblem("trial", error);
      }
    }
  }

  return { root, send };
}

function step() {
  const sentence = el("span");
  const root = el("li", { hidden: true }, icon("waiting"), sentence);
  return {
    root,
    hide: () => show(root, false),
    say(shape, now) {
      show(root, true);
      if (root.dataset.shape !== shape) {
        root.dataset.shape = shape;
        root.firstChild.replaceWith(icon(shape, shape === "working" ? "turning" : ""));
        setClass(root, shape);
      }
      setText(sentence, now);
    },
  };
}
