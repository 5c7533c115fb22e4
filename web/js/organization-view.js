// An organisation as the API tells it (`GET /v1/organization/{provider}`), asked the questions that the page asks.

export const pathOf = (provider) => `/v1/organization/${encodeURIComponent(provider)}`;

/** Authorised, whether it works at the moment or not: what says whom it is may not be changed then. */
export const isAuthorised = (view) => ["active", "reconnect_required", "disconnecting"].includes(view?.status);

export const isActive = (view) => view?.status === "active";
export const isOver = (view) => view?.status === "disconnected";

/** True while something changes by itself, so that looking often pays. */
export function isSettingUp(view) {
  if (!view) return false;
  if (view.status === "disconnecting") return true;
  return isActive(view) && view.sync?.state === "running";
}

/** True while Authorize has something to do: for the first time, again, or with a key that was added since. */
export function isToBeAuthorised(view) {
  return ["draft", "reconnect_required"].includes(view.status) || view.reasons.some((reason) => reason.code === "new_key");
}

/** Who comes back from the provider's page: the app itself, or an account of theirs. */
export const isApplication = (view) => view.access === "application";
