// What every page shares: who is signed in, links that keep the chosen person, the Help button.

import { setText, show } from "./dom.js";
import { addHelpButton } from "./help-button.js";
import { isAdmin, own, person } from "./session.js";
import { text } from "./text.js";

/** The words of the page's own elements: `data-text="live.title"`, and `data-label` for a name that is only heard. */
function fillIn() {
  const word = (path) => path.split(".").reduce((found, name) => found[name], text);
  for (const node of document.querySelectorAll("[data-text]")) setText(node, word(node.dataset.text));
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", word(node.dataset.label));
}

export function startPage() {
  fillIn();
  setText(document.getElementById("who"), text.signedInAs(person.sub));
  for (const anchor of document.querySelectorAll("nav a")) anchor.href = own(anchor.getAttribute("href"));
  addHelpButton();
  showToAdmins();
}

/** What only administrators need is hidden until the token says that this is one; without a token there is no page. */
async function showToAdmins() {
  try {
    if (await isAdmin()) for (const node of document.querySelectorAll("[data-admins]")) show(node, true);
  } catch (error) {
    if (!error.sentence) throw error;
  }
}
