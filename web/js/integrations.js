// The Manage Integrations page: asks `GET /v1/integrations` as often as things move, and draws a card per provider.

import { call } from "./api.js";
import { finishConsent } from "./consent.js";
import { isMoving } from "./connection.js";
import { keyed } from "./dom.js";
import { sayProblem, unsay } from "./notices.js";
import { startPage } from "./page.js";
import { poll } from "./poll.js";
import { providerCard } from "./provider-card.js";
import { text } from "./text.js";

const OFTEN_MS = 2_000;
const SELDOM_MS = 10_000;
const AFTER_ACTION_MS = 60_000;

const providers = document.getElementById("providers");
let moving = false;
let actedAt = 0;

async function refresh() {
  const { items } = await call("GET", "/v1/integrations");
  unsay("refresh");
  const shown = items.filter((item) => text.providers[item.provider]);
  if (providers.hasAttribute("aria-busy")) {
    providers.replaceChildren();
    providers.removeAttribute("aria-busy");
  }
  keyed(providers, shown, (item) => item.provider, (item) => providerCard(item.provider, look));
  moving = shown.some((item) => item.connections.some(isMoving));
}

function interval() {
  return moving || Date.now() - actedAt < AFTER_ACTION_MS ? OFTEN_MS : SELDOM_MS;
}

/** Look at once: something was done. */
function look() {
  actedAt = Date.now();
  return refreshing.soon();
}

startPage();
const consent = finishConsent();
const refreshing = poll(refresh, interval, (error) => sayProblem("refresh", error, { retry: look }));
consent.then(look);
