// Leaving to authorise the organisation, and coming back from it.

import { call } from "./api.js";
import { comeBack, leave, returnTo } from "./consent.js";
import { say } from "./notices.js";
import { pathOf } from "./organization-view.js";
import { text } from "./text.js";

const HOME = "/organization";
const words = text.organizationConsent;

/** Go to the provider's page, or have the key checked where there is no page; true if it has been authorised at once. */
export async function startAuthorization(provider) {
  const begun = await call("POST", `${pathOf(provider)}/authorize`, { return_to: returnTo(HOME) });
  if (!begun.authorization_url) return true;
  leave(begun.authorization_url, { provider });
  return false;
}

export const finishAuthorization = () => comeBack({ home: HOME, again: ({ provider }) => startAuthorization(provider), sayConnected: sayAuthorised });

export function sayAuthorised() {
  say("consent", words.done, { kind: "good", opens: true });
}
