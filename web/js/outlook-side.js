// The simulated Outlook calendar, as its owner sees it, through the simulator's control interface.

import { simulator } from "./api.js";
import { DAY, HOUR, ZONE, instantOf, shiftLocal } from "./time.js";

const act = (method, path, body) => simulator("microsoft", method, path, body);

export function outlookSide(calendarId) {
  const events = `/calendars/${encodeURIComponent(calendarId)}/events`;
  const event = (id) => `${events}/${encodeURIComponent(id)}`;
  const later = async (id) => {
    const whole = await act("GET", event(id));
    return act("PATCH", event(id), { start: shifted(whole.start, whole.isAllDay), end: shifted(whole.end, whole.isAllDay) });
  };

  return {
    name: "microsoft",

    async rows(from, to) {
      const query = new URLSearchParams({ expand: "1", zone: "UTC", from: from.toISOString(), to: to.toISOString() });
      const { value } = await act("GET", `${events}?${query}`);
      return value.filter((item) => !item.isCancelled).map(rowOf);
    },

    add({ title, local, minutes, repeat }) {
      return act("POST", events, {
        subject: title,
        start: { dateTime: local, timeZone: ZONE },
        end: { dateTime: shiftLocal(local, minutes * 60_000), timeZone: ZONE },
        ...(repeat ? { recurrence: recurrenceOf(repeat, local) } : {}),
      });
    },

    rename: (row, title) => act("PATCH", event(row.event), { subject: title }),
    remove: (row) => act("DELETE", event(row.event)),
    removeOne: (row) => act("DELETE", event(row.raw.id)),
    laterOne: (row) => later(row.raw.id),
    later: (row) => later(row.event),
  };
}

/** An hour later by the event's own clock; a whole day moves by a day. */
function shifted({ dateTime, timeZone }, allDay) {
  return { dateTime: shiftLocal(dateTime.slice(0, 19), allDay ? DAY : HOUR), timeZone };
}

/** Graph's recurrence for what the form offers: `DAILY;COUNT=5` or `WEEKLY`. */
function recurrenceOf(rule, local) {
  const [frequency, count] = rule.split(";COUNT=");
  const startDate = local.slice(0, 10);
  const weekday = new Date(`${startDate}T12:00:00Z`).toLocaleDateString("en-US", { weekday: "long", timeZone: "UTC" });
  const weekly = frequency === "WEEKLY" ? { daysOfWeek: [weekday.toLowerCase()] } : {};
  const range = count ? { type: "numbered", numberOfOccurrences: Number(count) } : { type: "noEnd" };
  return {
    pattern: { type: frequency.toLowerCase(), interval: 1, ...weekly },
    range: { ...range, startDate, recurrenceTimeZone: ZONE },
  };
}

function rowOf(item) {
  const series = item.seriesMasterId ?? null;
  const at = ({ dateTime, timeZone }) => (item.isAllDay ? dateTime.slice(0, 10) : instantOf(dateTime.slice(0, 19), timeZone));
  return {
    key: item.id,
    event: series ?? item.id,
    originalStart: series ? item.id : null,
    series: Boolean(series),
    title: item.subject ?? "",
    private: item.sensitivity === "private" || item.sensitivity === "confidential",
    allDay: Boolean(item.isAllDay),
    start: at(item.start),
    end: at(item.end),
    fromProvider: false,
    updatedAt: item.lastModifiedDateTime ? Date.parse(item.lastModifiedDateTime) : null,
    raw: item,
  };
}
