// The table of how long things took: one row per operation, one column per direction.

import { el, setText } from "./dom.js";
import { text } from "./text.js";

const words = text.calendar;
const SIDES = ["app", "google"];
const KINDS = ["create", "change", "delete"];
const cells = new Map();

function build() {
  const cornerless = el("tr", {}, el("td", { class: "corner" }));
  for (const from of SIDES) cornerless.append(el("th", { scope: "col", text: words.directions[from] }));
  document.getElementById("latency-head").append(cornerless);
  for (const kind of KINDS) {
    const line = el("tr", {}, el("th", { scope: "row", text: words.kinds[kind] }));
    for (const from of SIDES) {
      const cell = el("td", { text: words.noneYet });
      cells.set(`${from} ${kind}`, cell);
      line.append(cell);
    }
    document.getElementById("latency").append(line);
  }
}

export function drawLatency(exchange) {
  if (cells.size === 0) build();
  for (const from of SIDES) {
    for (const kind of KINDS) {
      const found = exchange.latency(from, kind);
      const said = found ? words.lastAndMedian(words.seconds(found.last), words.seconds(found.median), found.n) : words.noneYet;
      setText(cells.get(`${from} ${kind}`), said);
    }
  }
}
