// What both pages share: who is signed in, and links that keep the chosen person.

import { setText } from "./dom.js";
import { own, person } from "./session.js";
import { text } from "./text.js";

export function startPage() {
  setText(document.getElementById("who"), text.signedInAs(person.sub));
  for (const anchor of document.querySelectorAll("nav a")) anchor.href = own(anchor.getAttribute("href"));
}
