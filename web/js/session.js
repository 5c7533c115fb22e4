// Who is using the page, and the token that says so. The one place to change when a host app brings its own sign-in:
// call `useTokens` before anything else, with a function that resolves to a JWT (it is asked again before one expires,
// and with `{fresh: true}` after the API refused one).

import { Problem, Unreachable } from "./problem.js";

const query = new URLSearchParams(location.search);

/** The person of the demo; `?user=ann` makes it somebody else, `&role=admin` an administrator, `&org=` another organisation. */
export const person = { sub: query.get("user") || "demo-user", org: query.get("org") || "demo", roles: query.getAll("role") };

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
    const { exp, roles = [] } = claimsOf(text);
    kept = { text, expires: exp * 1000, roles };
  }
  return kept.text;
}

/** Whether the token speaks of an administrator. Only what is drawn goes by it: the API decides for itself. */
export async function isAdmin() {
  await token();
  return kept.roles.includes("admin");
}

/** A path of this site that keeps the person who was chosen in the address. */
export function own(path) {
  const kept = new URLSearchParams([...query].filter(([name]) => ["user", "role", "org"].includes(name)));
  return kept.size ? `${path}?${kept}` : path;
}

async function demoToken() {
  let answer;
  try {
    answer = await fetch("/dev/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sub: person.sub, org: person.org, roles: person.roles, scope: "" }),
    });
  } catch {
    throw new Unreachable();
  }
  if (!answer.ok) throw await Problem.of(answer);
  return (await answer.json()).token;
}

function claimsOf(text) {
  const payload = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0))));
}
