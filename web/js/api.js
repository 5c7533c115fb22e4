// Calls to the REST API. `call` resolves to the answer's JSON (null for an empty one) and rejects with `Problem` or
// `Unreachable`; `listing` walks a listing to its end.

import { Problem, Unreachable } from "./problem.js";
import { token } from "./session.js";

const TIMEOUT_MS = 35_000;

/** One call as the person signed in; a refused token is renewed once. A `Blob` is sent as it is, anything else as JSON. */
export async function call(method, path, body) {
  let answer = await send(method, path, body, await token());
  if (answer.status === 401) answer = await send(method, path, body, await token({ fresh: true }));
  if (!answer.ok) throw await Problem.of(answer);
  const said = await answer.text();
  return said ? JSON.parse(said) : null;
}

/** Every item of `{"items": [...], "next": path | null}`. */
export async function listing(path) {
  const items = [];
  for (let next = path; next; ) {
    const page = await call("GET", next);
    items.push(...page.items);
    next = page.next;
  }
  return items;
}

/** A call to a simulator's control interface, which takes no token. */
export async function simulator(provider, method, path, body) {
  const answer = await send(method, `/sim/${provider}/control${path}`, body);
  if (!answer.ok) throw await Problem.of(answer);
  const said = await answer.text();
  return said ? JSON.parse(said) : null;
}

async function send(method, path, body, bearer) {
  const headers = { Accept: "application/json, application/problem+json" };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  const raw = body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = raw ? body.type : "application/json";
  try {
    return await fetch(path, {
      method,
      headers,
      body: raw || body === undefined ? body : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Unreachable();
  }
}
