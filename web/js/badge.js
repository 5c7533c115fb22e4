// A status as a badge: a word, a colour and a shape, so that none of the three has to be seen alone.

import { heldReason, isCopying, isSwitching, needsAttention } from "./connection.js";
import { el, icon, setClass, setText } from "./dom.js";
import { text } from "./text.js";

const words = text.card;

/** The status in words, colour and shape. */
export function statusOf(connection) {
  switch (connection.status) {
    case "active":
      if (heldReason(connection)) return { kind: "warn", icon: "paused", word: words.held };
      if (isCopying(connection)) return { kind: "info", icon: "working", word: isSwitching(connection) ? words.moving : words.copying };
      if (needsAttention(connection)) return { kind: "warn", icon: "warning", word: words.problem };
      return { kind: "good", icon: "active", word: words.connected };
    case "pending":
      return { kind: "info", icon: "waiting", word: words.pending };
    case "reconnect_required":
      return { kind: "bad", icon: "warning", word: words.reconnect };
    case "disconnecting":
      return { kind: "info", icon: "working", word: words.disconnecting };
    default:
      return { kind: "warn", icon: "warning", word: words.problem };
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
