// A connection as the API tells it (`GET /v1/connections/{id}`), asked the questions that the pages ask.

/** The name people know the account by; a pending or disconnected connection has none. */
export const accountName = (connection) => connection.account ?? "";

export const isActive = (connection) => connection.status === "active";
export const isShown = (connection) => !["pending", "disconnected"].includes(connection.status);

/** True while what is in the calendar is being copied: `sync.state` is `waiting`, `running` or `done`. */
export function isCopying(connection) {
  return isActive(connection) && connection.sync?.state !== "done";
}

/** True while something changes by itself, so that looking often pays. */
export function isMoving(connection) {
  return isCopying(connection) || connection.status === "disconnecting";
}
