// A connection as the API tells it (`GET /v1/connections/{id}`), asked the questions that the pages ask.

const HARMLESS = new Set(["not_watchable", "rate_limit", "provider_busy"]);

/** The name people know the account by; a pending or disconnected connection has none. */
export const accountName = (connection) => connection.account ?? "";

/** Connected by an administrator for this person, who may neither disconnect it nor change what is read. */
export const isManaged = (connection) => Boolean(connection.managed_by);

export const isActive = (connection) => connection.status === "active";
export const isShown = (connection) => !["pending", "disconnected"].includes(connection.status);

/** Connected, whether it works at the moment or not. */
export const isKept = (connection) => ["active", "reconnect_required"].includes(connection.status);

/** True while what is in the calendar is being copied, or bookings are on their way into it. What waits for a person
 * does not go on by itself. */
export function isCopying(connection) {
  return isActive(connection) && !needsAttention(connection) && (connection.sync?.state ?? "done") !== "done";
}

/** True while bookings move here from another main calendar: a first sync is over then. */
export const isSwitching = (connection) => isCopying(connection) && Boolean(connection.last_sync_at);

/** True while something changes by itself, so that looking often pays. */
export function isMoving(connection) {
  return isCopying(connection) || connection.status === "disconnecting";
}

/** Why it waits for a yes to many deletions, or undefined. */
export const heldReason = (connection) => (connection.reasons ?? []).find((reason) => reason.code === "held");

/** Reasons that somebody should read; a calendar that is merely polled, say, is none. */
export function needsAttention(connection) {
  return (connection.reasons ?? []).some((reason) => !HARMLESS.has(reason.code));
}
