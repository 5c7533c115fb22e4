// The button that starts a sign-in at the provider.

import { startConsent } from "./consent.js";
import { el } from "./dom.js";
import { sayProblem, unsay } from "./notices.js";
import { text } from "./text.js";

/** The provider's own button, as its branding guidelines want it; `theme` is "" (light or dark with the page) or
 * "neutral". `reconnecting()` is the connection that is to be signed in to again, if it is one. */
export function signInButton(provider, theme = "", reconnecting = () => null) {
  const words = text.providers[provider];
  const label = el("span", { text: words.signIn });
  const button = el(
    "button",
    { class: `sign-in ${provider} ${theme}`.trim(), type: "button" },
    el("img", { src: `/img/${provider}.svg`, alt: "", width: "20", height: "20" }),
    label,
  );
  const busy = (on) => {
    if (on) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
    label.textContent = on ? text.card.opening(words.short) : words.signIn;
  };
  button.addEventListener("click", async () => {
    if (button.hasAttribute("aria-disabled")) return;
    busy(true);
    unsay("connect");
    try {
      await startConsent(provider, reconnecting()?.account ?? "");
    } catch (error) {
      busy(false);
      sayProblem("connect", error);
    }
  });
  addEventListener("pageshow", () => busy(false));
  return button;
}
