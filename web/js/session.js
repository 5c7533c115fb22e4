// Who is using the page, and the token that says so. The one place to change when a host app brings its own sign-in:
// call `useTokens` before anything else, with a function that resolves to a JWT (it is asked again before one expires,
// and with `{fresh: true}` after the API refused one).

import { Problem, Unreachable } from "./problem.js";

const query = new URLSearchParams(location.search);

/** The person of the demo; `?user=ann` makes it somebody else. */
export const person = { sub: query.get("user") || "demo-user", org: "demo" };

let source = demoToken;
let kept = null;

export function useTokens(tokens) {
  source = tokens;
  kept = null;
}

/** A token that is good for at least another minute. It lives in memory only. */
export async function token({ fresh = false } = {}) {
  if (fresh || !kept || kept.expires - Date.now() < 60_000) {
    const text = await source({ fresh });
    kept = { text, expires: expiry(text) };
  }
  return kept.text;
}

/** A path of this site that keeps the person who was chosen in the address. */
export function own(path) {
  return query.has("user") ? `${path}?${new URLSearchParams({ user: person.sub })}` : path;
}

async function demoToken() {
  let answer;
  try {
    answer = await fetch("/dev/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sub: person.sub, org: person.org, roles: [], scope: "" }),
    });
  } catch {
    throw new Unreachable();
  }
  if (!answer.ok) throw await Problem.of(answer);
  return (await answer.json()).token;
}

function expiry(text) {
  const payload = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(atob(payload)).exp * 1000;
}
