// The provider calendars that may stand beside the app's: which calendar of the simulator is the account's, and how to
// read and change it as its owner. In front of a real provider there is no such thing: `findSide` says `{kind: "real"}`.

import { simulator } from "./api.js";
import { googleSide } from "./google-side.js";
import { outlookSide } from "./outlook-side.js";
import { Problem } from "./problem.js";

export const PROVIDERS = ["google", "microsoft"];

const MAKERS = { google: googleSide, microsoft: outlookSide };

/** Where people look at their calendar themselves. */
export const CALENDAR_PAGES = { google: "https://calendar.google.com/", microsoft: "https://outlook.office.com/calendar/" };

/** What `account` looks at: `{kind: "simulated", side}`, `{kind: "real"}` or `{kind: "missing"}`. */
export async function findSide(provider, account) {
  try {
    const { accounts } = await simulator(provider, "GET", "/accounts");
    const found = accounts.find((each) => each.email === account);
    const calendar = found?.calendars.find((each) => each.primary || each.kind === "default") ?? found?.calendars[0];
    return calendar ? { kind: "simulated", side: MAKERS[provider](calendar.id) } : { kind: "missing" };
  } catch (error) {
    if (error instanceof Problem && error.code === "no_simulator") return { kind: "real" };
    throw error;
  }
}
