// The simulated Google calendar, as its owner sees it, through the simulator's control interface.

import { simulator } from "./api.js";
import { DAY, HOUR, ZONE, shiftLocal } from "./time.js";

const act = (method, path, body) => simulator("google", method, path, body);

export function googleSide(calendarId) {
  const events = `/calendars/${encodeURIComponent(calendarId)}/events`;
  const event = (id) => `${events}/${encodeURIComponent(id)}`;
  const later = async (id) => {
    const { start, end } = await act("GET", event(id));
    return act("PATCH", event(id), { start: shifted(start), end: shifted(end) });
  };

  return {
    name: "google",

    async rows(from, to) {
      const query = new URLSearchParams({ expand: "1", from: from.toISOString(), to: to.toISOString() });
      const { items } = await act("GET", `${events}?${query}`);
      return items.filter((item) => item.status !== "cancelled").map(rowOf);
    },

    add({ title, local, minutes, repeat }) {
      return act("POST", events, {
        summary: title,
        start: { dateTime: local, timeZone: ZONE },
        end: { dateTime: shiftLocal(local, minutes * 60_000), timeZone: ZONE },
        ...(repeat ? { recurrence: [`RRULE:FREQ=${repeat}`] } : {}),
      });
    },

    rename: (row, title) => act("PATCH", event(row.event), { summary: title }),
    remove: (row) => act("DELETE", event(row.event)),
    removeOne: (row) => act("DELETE", event(row.raw.id)),
    laterOne: (row) => later(row.raw.id),
    later: (row) => later(row.event),
  };
}

/** An hour later by the event's own clock; a whole day moves by a day. */
function shifted(when) {
  if (when.date) return { date: shiftLocal(`${when.date}T00:00:00`, DAY).slice(0, 10) };
  const [, local, offset] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(.*)$/.exec(when.dateTime);
  const moved = shiftLocal(local, HOUR);
  return when.timeZone ? { dateTime: moved, timeZone: when.timeZone } : { dateTime: moved + offset };
}

function rowOf(item) {
  const series = item.recurringEventId ?? null;
  return {
    key: item.id,
    event: series ?? item.id,
    originalStart: series ? item.id : null,
    series: Boolean(series),
    title: item.summary ?? "",
    private: item.visibility === "private" || item.visibility === "confidential",
    allDay: Boolean(item.start.date),
    start: item.start.date ?? Date.parse(item.start.dateTime),
    end: item.end.date ?? Date.parse(item.end.dateTime),
    fromProvider: false,
    updatedAt: item.updated ? Date.parse(item.updated) : null,
    raw: item,
  };
}
