// Leaving for the provider's sign-in page, and coming back from it.

import { call } from "./api.js";
import { accountName } from "./connection.js";
import { say, sayProblem, unsay } from "./notices.js";
import { Problem, link } from "./problem.js";
import { sentenceOf } from "./reasons.js";
import { own } from "./session.js";
import { text } from "./text.js";

const STARTED = "lockstep.sign-in";

/** Start connecting an account and go to the provider's page; `account` is the one that is expected, if any. Rejects if
 * that cannot be had. */
export async function startConsent(provider, account = "") {
  const { authorization_url: target } = await call("POST", "/v1/connections", {
    provider,
    return_to: returnTo("/"),
    ...(account ? { login_hint: account } : {}),
  });
  leave(target, { provider, account });
}

/** The address of one of our pages, for the provider to send the person back to. */
export const returnTo = (path) => new URL(own(path), location.href).href;

/** Go to a provider's page; this tab remembers what was `started` until it is back. */
export function leave(target, started) {
  const url = new URL(target);
  if (!["https:", "http:"].includes(url.protocol)) {
    throw new Problem({ status: 502, code: "bad_authorization_url", sentence: text.problems.unknown, help: "/help" });
  }
  sessionStorage.setItem(STARTED, JSON.stringify(started));
  location.assign(url);
}

/** Manage Integrations' own way back. */
export const finishConsent = () => comeBack({ home: "/", again: ({ provider, account }) => startConsent(provider, account), sayConnected });

/**
 * If this load is the return from a sign-in page, finish it: only the person who started may confirm, with the one-time
 * word from the fragment. Both leave the address bar first, so that neither a reload nor a copied link can repeat it.
 *
 * @param {{home: string, again: (started: object) => Promise<void>, sayConnected: Function}} way `home` is the page that
 *   was left, `again` starts anew.
 */
export async function comeBack(way) {
  const query = new URLSearchParams(location.search);
  const connection = query.get("connection_id");
  const status = query.get("status");
  const code = query.get("code");
  const confirmation = new URLSearchParams(location.hash.slice(1)).get("confirmation");
  if (!status) return;
  history.replaceState(null, "", own(way.home));
  if (status === "confirm" && connection && confirmation) await confirm(way, connection, confirmation);
  else if (status === "error" && code) await sayFailed(way, code, connection);
  else await sayFailed(way, "sign_in_incomplete");
}

/** What was started in this tab: `{provider, account}`. */
function started() {
  try {
    return { provider: "google", account: "", ...JSON.parse(sessionStorage.getItem(STARTED)) };
  } catch {
    return { provider: "google", account: "" };
  }
}

async function confirm(way, connection, confirmation) {
  const retry = () => confirm(way, connection, confirmation);
  say("consent", text.consent.finishing, { opens: true });
  try {
    const active = await call("POST", `/v1/connections/${encodeURIComponent(connection)}/confirm`, { confirmation });
    way.sayConnected(active);
  } catch (error) {
    unsay("consent");
    if (!(error instanceof Problem)) sayProblem("consent", error, { retry, opens: true });
    else if (error.status === 404) await sayFailed(way, "not_yours");
    else if (error.status >= 500 || error.status === 401) sayProblem("consent", error, { retry, opens: true });
    else await sayFailed(way, error.code, "", error.sentence);
  }
}

function sayConnected(active) {
  const { account } = started();
  const provider = text.providers[active.provider]?.name ?? active.provider;
  if (account && account !== accountName(active)) {
    const again = () => startConsent(active.provider, account);
    sayFailure("wrong_account", text.consent.otherAccount(accountName(active), account), again);
  } else {
    say("consent", text.consent.connected(provider, accountName(active)), { kind: "good", opens: true });
  }
}

/** Why a sign-in came to nothing. The connection that it was for knows more than its code, as long as it is pending. */
async function sayFailed(way, code, connectionId = "", sentence = "") {
  const before = started();
  const about = connectionId ? await pendingOne(connectionId) : null;
  const reason = about?.reasons?.find((each) => each.code === code);
  const said = (reason && sentenceOf(reason)) || text.problems[code] || sentence || text.consent.failed;
  const again = () => way.again({ ...before, provider: about?.provider ?? before.provider });
  sayFailure(code, said, again, reason?.link);
}

function sayFailure(code, sentence, again, address) {
  const retry = () => again().catch((error) => sayProblem("consent", error, { opens: true }));
  const field = address && link(address);
  const actions = [{ label: text.tryAgain, run: retry }, { label: text.help, help: true }];
  say("consent", sentence, { kind: "bad", code, opens: true, actions, ...(field ? { copy: { label: text.actions.adminLink, value: field } } : {}) });
}

async function pendingOne(connectionId) {
  try {
    return await call("GET", `/v1/connections/${encodeURIComponent(connectionId)}`);
  } catch (error) {
    if (!error.sentence) throw error;
    return null;
  }
}
