// A status as a badge: a word, a colour and a shape, so that none of the three has to be seen alone.

import { isCopying } from "./connection.js";
import { el, icon, setClass, setText } from "./dom.js";
import { text } from "./text.js";

/** The status in words, colour and shape. */
export function statusOf(connection) {
  if (isCopying(connection)) return { kind: "info", icon: "working", word: text.card.copying };
  switch (connection.status) {
    case "active":
      return { kind: "good", icon: "active", word: text.card.connected };
    case "pending":
      return { kind: "info", icon: "waiting", word: text.card.pending };
    case "reconnect_required":
      return { kind: "warn", icon: "warning", word: text.card.reconnect };
    case "disconnecting":
      return { kind: "info", icon: "working", word: text.card.disconnecting };
    default:
      return { kind: "warn", icon: "warning", word: text.card.problem };
  }
}

/** Draw `{kind, icon, word}` into a `span.badge`; drawing the same again changes nothing. */
export function setBadge(badge, { kind, icon: name, word }) {
  setClass(badge, `badge ${kind}`.trim());
  if (badge.dataset.icon !== name) {
    badge.dataset.icon = name;
    badge.replaceChildren(icon(name, name === "working" ? "turning" : ""), el("span"));
  }
  setText(badge.lastChild, word);
}
