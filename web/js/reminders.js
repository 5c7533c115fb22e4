// The default reminder of a connection: the list to choose from, and how to say it.

import { text } from "./text.js";

const words = text.reminder;
const MINUTES = [0, 5, 10, 15, 30, 60, 120, 1440, 2880];

/** What `PATCH /v1/connections/{id}` takes, as the value of an option: `"provider"`, `"none"` for null, or minutes. */
const NONE = "none";
export const optionOf = (reminder) => (reminder === null ? NONE : String(reminder));
export const reminderOf = (option) => (option === NONE ? null : option === "provider" ? option : Number(option));

/** Every choice as `{value, label}`, with `current` among them even if somebody set minutes that are not in the list. */
export function choices(current, provider) {
  const own = typeof current === "number" && !MINUTES.includes(current) ? [current] : [];
  return [
    { value: "provider", label: words.provider(provider) },
    { value: NONE, label: words.none },
    ...[...MINUTES, ...own].sort((a, b) => a - b).map((minutes) => ({ value: String(minutes), label: before(minutes) })),
  ];
}

function before(minutes) {
  if (minutes === 0) return words.atStart;
  if (minutes % 1440 === 0) return words.days(minutes / 1440);
  return minutes % 60 === 0 ? words.hours(minutes / 60) : words.minutes(minutes);
}

/** As the end of a sentence: "with a reminder 10 minutes before". */
export function said(reminder) {
  if (reminder === "provider") return words.withProvider;
  if (reminder === null) return words.withNone;
  return reminder === 0 ? words.withAtStart : words.with(before(reminder));
}
