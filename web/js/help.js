// The help page: every code that the pages know, with the one in the address marked.

import { el } from "./dom.js";
import { startPage } from "./page.js";
import { text } from "./text.js";

const codes = document.getElementById("codes");

function draw() {
  const asked = decodeURIComponent(location.hash.slice(1));
  const known = Object.entries(text.problems);
  const entries = !asked || asked in text.problems ? known : [[asked, text.helpPage.none], ...known];
  codes.replaceChildren(
    ...entries.map(([code, sentence]) =>
      el("div", { id: code, class: code === asked ? "asked" : "" }, el("dt", { text: code }), el("dd", { text: sentence })),
    ),
  );
  document.getElementById(asked)?.scrollIntoView({ block: "center" });
}

startPage();
draw();
addEventListener("hashchange", draw);
