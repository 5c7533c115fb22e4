// The Manage Integrations page: asks `GET /v1/integrations` as often as things move, and draws a card per provider.

import { call } from "./api.js";
import { busyWeek } from "./busy-week.js";
import { finishConsent, startConsent } from "./consent.js";
import { accountName, isActive, isManaged, isMoving } from "./connection.js";
import { keyed, show } from "./dom.js";
import { setContact } from "./help-button.js";
import { known } from "./known.js";
import { say, sayProblem, unsay } from "./notices.js";
import { startPage } from "./page.js";
import { poll } from "./poll.js";
import { providerCard } from "./provider-card.js";
import { sentenceOf } from "./reasons.js";
import { text } from "./text.js";

const OFTEN_MS = 2_000;
const SELDOM_MS = 10_000;
const AFTER_ACTION_MS = 60_000;

const providers = document.getElementById("providers");
const busySection = document.getElementById("busy");
const busy = busyWeek(busySection);
const warned = new Map();
let moving = false;
let actedAt = 0;

async function refresh() {
  const { items, help } = await call("GET", "/v1/integrations");
  unsay("refresh");
  unsay("session");
  setContact(help);
  const shown = items.filter((item) => text.providers[item.provider]);
  known.connections = shown.flatMap((item) => item.connections);
  if (providers.hasAttribute("aria-busy")) {
    providers.replaceChildren();
    providers.removeAttribute("aria-busy");
  }
  keyed(providers, shown, (item) => item.provider, (item) => providerCard(item.provider, look));
  moving = known.connections.some(isMoving);
  warn();
  show(busySection, known.connections.some(isActive));
  if (known.connections.some(isActive)) await busy.refresh();
}

/** One banner for each connection that somebody has to sign in to again. It stays until that is done. */
function warn() {
  const broken = known.connections.filter((each) => each.status === "reconnect_required" && !isManaged(each));
  for (const [id, name] of warned) {
    if (broken.some((each) => each.id === id)) continue;
    unsay(name);
    warned.delete(id);
  }
  for (const connection of broken) {
    if (warned.has(connection.id)) continue;
    const name = `health ${connection.id}`;
    const [reason = { code: "sign_in_again" }] = connection.reasons;
    const again = () => startConsent(connection.provider, accountName(connection)).catch((error) => sayProblem("connect", error));
    warned.set(connection.id, name);
    say(name, text.health.banner(text.providers[connection.provider].name, accountName(connection), sentenceOf(reason)), {
      kind: "bad",
      code: reason.code,
      opens: true,
      keeps: true,
      actions: [
        { label: text.health.reconnect, run: again, keeps: true, primary: true },
        { label: text.help, help: true },
      ],
    });
  }
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
document.addEventListener("lockstep:calendars", () => busy.refresh(true).catch((error) => reportError(error)));
