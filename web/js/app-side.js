// The app's own calendar, through the REST API: rows to show, and what a person may do to them.

import { call, listing } from "./api.js";
import { DAY, HOUR, ZONE, dateOf, instantOf, localOf, shiftLocal } from "./time.js";

const event = (id) => `/v1/events/${encodeURIComponent(id)}`;
const occurrence = (row) => `${event(row.event)}/occurrences/${encodeURIComponent(row.originalStart)}`;

export const appSide = {
  name: "app",

  async rows(from, to) {
    const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString(), expand: "true" });
    return (await listing(`/v1/events?${query}`)).map(rowOf);
  },

  add({ title, local, minutes, repeat }) {
    const id = `demo-${crypto.randomUUID()}`;
    return call("PUT", event(id), {
      title,
      start: { date_time: local, time_zone: ZONE },
      end: { date_time: shiftLocal(local, minutes * 60_000), time_zone: ZONE },
      ...(repeat ? { recurrence: [`RRULE:FREQ=${repeat}`] } : {}),
    });
  },

  rename: (row, title) => call("PATCH", event(row.event), { title }),
  remove: (row) => call("DELETE", event(row.event)),
  removeOne: (row) => call("DELETE", occurrence(row)),
  laterOne: (row) => call("PATCH", occurrence(row), later(row.raw)),

  async later(row) {
    const whole = row.originalStart ? await call("GET", event(row.event)) : row.raw;
    return call("PATCH", event(row.event), later(whole));
  },
};

/** An hour later by the event's own clock; a whole day moves by a day. */
function later({ start, end }) {
  return { start: shifted(start), end: shifted(end) };
}

function shifted(when) {
  if (when.date) return { date: shiftLocal(`${when.date}T00:00:00`, DAY).slice(0, 10) };
  return { date_time: shiftLocal(when.date_time, HOUR), time_zone: when.time_zone };
}

function rowOf(item) {
  const series = item.series_id ?? null;
  return {
    key: series ? `${series}/${item.original_start}` : item.id,
    event: series ?? item.id,
    originalStart: series ? item.original_start : null,
    series: Boolean(series),
    title: item.title ?? "",
    private: item.visibility === "private" || item.visibility === "confidential",
    allDay: Boolean(item.start.date),
    start: item.start.date ?? instantOf(item.start.date_time, item.start.time_zone),
    end: item.end.date ?? instantOf(item.end.date_time, item.end.time_zone),
    fromProvider: Boolean(item.origin) && item.origin !== "app",
    updatedAt: item.updated_at ? Date.parse(item.updated_at) : null,
    raw: item,
  };
}

/** The instants a new event would show first, as `print` compares them. */
export function firstTimes(local, minutes) {
  const start = instantOf(local, ZONE);
  return { start, end: instantOf(shiftLocal(local, minutes * 60_000), ZONE) };
}

/** The times of a row after "one hour later". */
export function laterTimes(row) {
  if (row.allDay) {
    const next = (date) => shiftLocal(`${date}T00:00:00`, DAY).slice(0, 10);
    return { start: next(row.start), end: next(row.end) };
  }
  return { start: row.start + HOUR, end: row.end + HOUR };
}

/** The next full hour, for the form: "2027-03-01T10:00". */
export function nextHour() {
  const next = new Date(Math.ceil((Date.now() + 1) / HOUR) * HOUR);
  return `${dateOf(next)}T${localOf(next.getTime(), ZONE).slice(11, 16)}`;
}
