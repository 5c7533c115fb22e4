// One provider's card: how to connect, or what is connected and how it fares.

import { setBadge } from "./badge.js";
import { connectionView } from "./connection-view.js";
import { isActive, isShown } from "./connection.js";
import { el, keyed, show } from "./dom.js";
import { signInButton } from "./sign-in-button.js";
import { text } from "./text.js";

const NOT_CONNECTED = { kind: "", icon: "off", word: text.card.notConnected };

/** @param {() => Promise<void>} look asks for the newest state at once */
export function providerCard(provider, look) {
  const words = text.providers[provider];
  const badge = el("span", { class: "badge" });
  const connections = el("div", { class: "connections" });
  const invite = el("div", { class: "invite" }, el("p", { class: "muted", text: words.invite }), signInButton(provider));
  const another = el("div", { class: "invite another" }, el("p", { class: "muted small", text: words.another }), signInButton(provider, "neutral"));
  const root = el(
    "section",
    { class: "card provider", "aria-labelledby": `provider-${provider}` },
    el(
      "header",
      {},
      el("img", { src: `/img/${provider}.svg`, alt: "", width: "40", height: "40" }),
      el("h2", { id: `provider-${provider}`, text: words.name }),
      badge,
    ),
    el("div", { class: "body" }, connections, invite, another),
  );

  return {
    root,
    update(item) {
      const shown = item.connections.filter(isShown);
      setBadge(badge, NOT_CONNECTED);
      show(badge, shown.length === 0);
      show(connections, shown.length > 0);
      show(invite, shown.length === 0);
      show(another, shown.length > 0 && shown.every(isActive));
      keyed(connections, shown, (each) => each.id, (each) => connectionView(each, look));
    },
  };
}
