// What the page has been told: every connection, and the calendars of each. One place, since which calendar is the main
// one is a question about all of them.

import { listing } from "./api.js";
import { accountName, isKept } from "./connection.js";
import { text } from "./text.js";

export const known = { connections: [], calendars: new Map() };

/** Ask for the calendars of a connection and remember them. */
export async function fetchCalendars(connectionId) {
  const items = await listing(`/v1/connections/${encodeURIComponent(connectionId)}/calendars`);
  known.calendars.set(connectionId, items);
  return items;
}

export const calendarsOf = (connection) => known.calendars.get(connection.id) ?? [];

/** Every calendar of connections that are still there. */
const allCalendars = () => known.connections.filter(isKept).flatMap(calendarsOf);

/** Whether it is known by now which calendar is the main one, or that none is. */
export const allListed = () => known.connections.filter(isKept).every((connection) => calendarsOf(connection).length > 0);

export const mainCalendar = () => allCalendars().find((calendar) => calendar.main);

/** A calendar as people tell it from the others: its name, and the account unless that is its name. */
export function calendarName(calendar) {
  const connection = known.connections.find((each) => each.id === calendar.connection_id);
  const name = calendar.name || text.calendars.unnamed;
  const account = connection ? accountName(connection) : "";
  return account && account !== name ? `${name} (${account})` : name;
}

export const takesBookings = (calendar) => calendar.main || calendar.bookings;
export const isWritable = (calendar) => ["owner", "writer"].includes(calendar.access);

/** Where bookings of a newly connected account would go: its default calendar, else the first that can take them. */
export function bestCalendar(connection) {
  const writable = calendarsOf(connection).filter((calendar) => isWritable(calendar) && !isGone(calendar));
  return writable.find((calendar) => calendar.kind === "default") ?? writable.find((calendar) => calendar.sync) ?? writable[0];
}

export const isGone = (calendar) => calendar.reasons.some((reason) => ["calendar_gone", "not_found"].includes(reason.code));
