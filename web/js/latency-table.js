// The table of how long things took: one row per direction, one column per operation.

import { el, keyed, setText, show } from "./dom.js";
import { text } from "./text.js";

const words = text.calendar;
const KINDS = ["create", "change", "delete"];

const head = document.getElementById("latency-head");
const body = document.getElementById("latency");
head.append(
  el("tr", {}, el("th", { scope: "col", class: "corner", text: words.direction }), ...KINDS.map((kind) => el("th", { scope: "col", text: words.kinds[kind] }))),
);

/** @param {string[]} providers those that stand beside the app now */
export function drawLatency(exchange, providers) {
  const directions = providers.flatMap((provider) => [["app", provider], [provider, "app"]]);
  keyed(body, directions, (direction) => direction.join(" "), () => directionRow(exchange));
  show(body.closest("section"), directions.length > 0);
}

function directionRow(exchange) {
  const name = el("th", { scope: "row" });
  const cells = KINDS.map(() => el("td"));
  return {
    root: el("tr", {}, name, ...cells),
    update([from, to]) {
      setText(name, words.way(words.names[from], words.names[to]));
      KINDS.forEach((kind, at) => setText(cells[at], said(exchange.latency(from, to, kind))));
    },
  };
}

function said(found) {
  return found ? words.lastAndMedian(words.seconds(found.last), words.seconds(found.median), found.n) : words.noneYet;
}
