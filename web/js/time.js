// Times for people, in the reader's own language, format and zone; and wall-clock times in a zone to instants and back.

import { LANGUAGE, text } from "./text.js";

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

// The reader's own region, if it speaks the page's language: "21 November" here, "November 21" there.
const REGION = navigator.languages.find((each) => each.startsWith(LANGUAGE)) ?? LANGUAGE;

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

const relative = new Intl.RelativeTimeFormat(REGION, { numeric: "always" });
const clock = new Intl.DateTimeFormat(REGION, { timeStyle: "short" });
const dayName = new Intl.DateTimeFormat(REGION, { weekday: "long", day: "numeric", month: "long" });
const hour = new Intl.DateTimeFormat(REGION, { hour: "numeric" });
const dayAndMonth = new Intl.DateTimeFormat(REGION, { day: "numeric", month: "long" });
const weekday = new Intl.DateTimeFormat(REGION, { weekday: "short", day: "numeric" });
const moment = new Intl.DateTimeFormat(REGION, { dateStyle: "full", timeStyle: "short" });

/** "12 seconds ago", for a time in RFC 3339 or null. */
export function ago(stamp, now = Date.now()) {
  if (!stamp) return text.never;
  const seconds = Math.max(0, Math.round((now - Date.parse(stamp)) / 1000));
  if (seconds < 2) return text.justNow;
  if (seconds < 60) return relative.format(-seconds, "second");
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3600), "hour");
  return relative.format(-Math.floor(seconds / 86_400), "day");
}

export const clockTime = (instant) => clock.format(instant);
export const momentName = (instant) => moment.format(instant);

export const hourName = (instant) => hour.format(instant);
export const shortDate = (day) => dayAndMonth.format(day);
export const dayInWeek = (day) => weekday.format(day);

/** Local midnight of the first day of a week, as the reader's region begins it; 0 is this week. */
export function firstDayOfWeek(weeks = 0) {
  const locale = new Intl.Locale(REGION);
  const { firstDay = 1 } = locale.getWeekInfo?.() ?? locale.weekInfo ?? {};
  const now = new Date();
  const since = (now.getDay() - firstDay + 7) % 7;
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - since + 7 * weeks);
}

/** The heading of a day that starts at `midnight` (local). */
export function dayHeading(midnight, today) {
  const days = Math.round((midnight - today) / DAY);
  const name = dayName.format(midnight);
  if (days === 0) return `${text.calendar.today}, ${name}`;
  return days === 1 ? `${text.calendar.tomorrow}, ${name}` : name;
}

/** Local midnight of the day `days` after today. */
export function midnight(days = 0) {
  const now = new Date();
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
}

/** `2027-03-01` of a local Date. */
export function dateOf(day) {
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** Local midnight of `2027-03-01`. */
export function dayOf(date) {
  const [year, month, day] = date.split("-").map(Number);
  return new Date(year, month - 1, day);
}

const parts = new Map();

/** What a clock in `zone` shows at `instant`, as if it were UTC, in ms. */
function wall(instant, zone) {
  if (!parts.has(zone)) {
    parts.set(
      zone,
      new Intl.DateTimeFormat("en-US", {
        timeZone: zone,
        hourCycle: "h23",
        year: "numeric",
        month: "2-digit",
        day: "2-digit",
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
      }),
    );
  }
  const at = Object.fromEntries(parts.get(zone).formatToParts(instant).map((part) => [part.type, Number(part.value)]));
  return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
}

/**
 * The instant (ms) at which a clock in `zone` shows `local` ("2027-03-01T09:00:00"). As in RFC 5545, a time that comes
 * twice is the first of the two, and one that is skipped counts with the offset from before the gap.
 */
export function instantOf(local, zone) {
  const wanted = Date.parse(`${local.replace(/Z$/, "")}Z`);
  const [before, after] = [wanted - DAY, wanted + DAY].map((at) => wanted - (wall(at, zone) - at));
  const right = [before, after].filter((at) => wall(at, zone) === wanted);
  return right.length ? Math.min(...right) : before;
}

/** What a clock in `zone` shows at `instant`: "2027-03-01T09:00:00". */
export function localOf(instant, zone) {
  return new Date(wall(instant, zone)).toISOString().slice(0, 19);
}

/** "2027-03-01T09:00:00" moved by some ms on the wall clock. */
export function shiftLocal(local, by) {
  return new Date(Date.parse(`${local.replace(/Z$/, "")}Z`) + by).toISOString().slice(0, 19);
}

function two(value) {
  return String(value).padStart(2, "0");
}
