// The organisation's page, for administrators: which provider, how it is reached, how it fares, and whose calendars.
//
// Whether to draw it goes by the token; what may be done is decided by the API, which tells everybody else that there is
// nothing here, in the same words as for anything that is not there.

import { call } from "./api.js";
import { el, setText } from "./dom.js";
import { sayProblem, unsay } from "./notices.js";
import { finishAuthorization } from "./organization-consent.js";
import { organizationForm } from "./organization-form.js";
import { organizationState } from "./organization-state.js";
import { isSettingUp, pathOf } from "./organization-view.js";
import { startPage } from "./page.js";
import { poll } from "./poll.js";
import { isAdmin, own } from "./session.js";
import { staffSection } from "./staff-table.js";
import { text } from "./text.js";

const OFTEN_MS = 2_000;
const SELDOM_MS = 10_000;
const AFTER_ACTION_MS = 30_000;
const PROVIDERS = ["microsoft", "google"];
const words = text.organization;

const root = document.getElementById("organization");
const views = new Map();
const panels = new Map();
const place = el("div");
let chosen = "";
let actedAt = 0;
let refreshing = null;

async function refresh() {
  if (!(await isAdmin())) {
    sayNotThere();
    return;
  }
  const wanted = chosen ? [chosen] : PROVIDERS;
  for (const provider of wanted) views.set(provider, await viewOf(provider));
  chosen ||= PROVIDERS.find((provider) => views.get(provider)) ?? PROVIDERS[0];
  unsay("refresh");
  unsay("session");
  draw();
}

/** What is set for a provider, or null: nothing yet. */
async function viewOf(provider) {
  try {
    return await call("GET", pathOf(provider));
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function draw() {
  if (!place.isConnected) begin();
  if (!panels.has(chosen)) panels.set(chosen, organizationPanel(chosen));
  const panel = panels.get(chosen);
  if (place.firstChild !== panel.root) place.replaceChildren(panel.root);
  panel.update(views.get(chosen));
}

function begin() {
  say(text.organizationPage.title, text.organizationPage.lead);
  root.replaceChildren(typeChooser(), place);
  root.removeAttribute("aria-busy");
}

function typeChooser() {
  const options = PROVIDERS.map((provider) => {
    const input = el("input", { type: "radio", name: "type", value: provider, checked: provider === chosen });
    input.addEventListener("change", () => {
      chosen = provider;
      draw();
      look();
    });
    const image = el("img", { src: `/img/${provider}.svg`, alt: "", width: "20", height: "20" });
    return el("label", { class: "type" }, input, image, el("span", { text: words.types[provider] }));
  });
  return el("fieldset", { class: "card types" }, el("legend", { text: words.type }), el("div", {}, ...options));
}

function organizationPanel(provider) {
  let view = null;
  const current = () => view;
  const parts = [organizationState(provider, current, look), organizationForm(provider, current, look), staffSection(provider, current, look)];
  const panel = el("div", { class: "organization" }, ...parts.map((part) => part.root));
  return {
    root: panel,
    update(now) {
      view = now;
      for (const part of parts) part.update(now);
    },
  };
}

function sayNotThere() {
  say(text.notThere.title, text.notThere.lead);
  root.replaceChildren(el("p", {}, el("a", { href: own("/"), text: text.notThere.back })));
  root.removeAttribute("aria-busy");
}

function say(title, lead) {
  setText(document.getElementById("title"), title);
  setText(document.getElementById("lead"), lead);
}

function interval() {
  return isSettingUp(views.get(chosen)) || Date.now() - actedAt < AFTER_ACTION_MS ? OFTEN_MS : SELDOM_MS;
}

/** Look at once: something was done. */
function look() {
  actedAt = Date.now();
  return refreshing.soon();
}

startPage();
const returned = finishAuthorization();
refreshing = poll(refresh, interval, (error) => sayProblem("refresh", error, { retry: look }));
returned.then(look);
