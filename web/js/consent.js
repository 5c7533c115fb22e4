// Leaving for the provider's sign-in page, and coming back from it.

import { call } from "./api.js";
import { accountName } from "./connection.js";
import { say, sayProblem, unsay } from "./notices.js";
import { Problem } from "./problem.js";
import { own } from "./session.js";
import { text } from "./text.js";

const STARTED = "lockstep.provider";

/** Start connecting an account and go to the provider's page. Rejects if that cannot be had. */
export async function startConsent(provider) {
  const { authorization_url: target } = await call("POST", "/v1/connections", {
    provider,
    return_to: new URL(own("/"), location.href).href,
  });
  const url = new URL(target);
  if (!["https:", "http:"].includes(url.protocol)) {
    throw new Problem({ status: 502, code: "bad_authorization_url", sentence: text.problems.unknown, help: "/help" });
  }
  sessionStorage.setItem(STARTED, provider);
  location.assign(url);
}

/**
 * If this load is the return from a sign-in page, finish it: only the person who started may confirm, with the one-time
 * word from the fragment. Both leave the address bar first, so that neither a reload nor a copied link can repeat it.
 */
export async function finishConsent() {
  const query = new URLSearchParams(location.search);
  const connection = query.get("connection_id");
  const status = query.get("status");
  const code = query.get("code");
  const confirmation = new URLSearchParams(location.hash.slice(1)).get("confirmation");
  if (!status) return;
  history.replaceState(null, "", own("/"));
  if (status === "confirm" && connection && confirmation) await confirm(connection, confirmation);
  else sayFailed(status === "error" && code ? code : "sign_in_incomplete");
}

async function confirm(connection, confirmation) {
  say("consent", text.consent.finishing, { opens: true });
  try {
    const active = await call("POST", `/v1/connections/${encodeURIComponent(connection)}/confirm`, { confirmation });
    const provider = text.providers[active.provider]?.name ?? active.provider;
    say("consent", text.consent.connected(provider, accountName(active)), { kind: "good", opens: true });
  } catch (error) {
    const retry = error instanceof Problem ? undefined : () => confirm(connection, confirmation);
    unsay("consent");
    sayProblem("consent", error, { retry, opens: true });
  }
}

function sayFailed(code) {
  const provider = sessionStorage.getItem(STARTED) ?? "google";
  const retry = () => startConsent(provider).catch((error) => sayProblem("consent", error, { opens: true }));
  say("consent", text.problems[code] ?? text.consent.failed, {
    kind: "bad",
    code,
    opens: true,
    actions: [
      { label: text.tryAgain, run: retry },
      { label: text.help, href: `/help#${encodeURIComponent(code)}` },
    ],
  });
}
