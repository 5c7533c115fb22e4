// How an organisation is reached: what the administrator says, what the provider's metadata adds, and Authorize.

import { actionButton } from "./action-button.js";
import { call } from "./api.js";
import { el, icon, setText, show } from "./dom.js";
import { field, textField, toggle } from "./form-field.js";
import { say, sayProblem, unsay } from "./notices.js";
import { sayAuthorised, startAuthorization } from "./organization-consent.js";
import { isApplication, isAuthorised, isOver, isToBeAuthorised, pathOf } from "./organization-view.js";
import { text } from "./text.js";

const words = text.organization;

/** @param {() => object | null} current what is stored now */
export function organizationForm(provider, current, look) {
  const fields = provider === "google" ? googleFields() : microsoftFields();
  const save = el("button", { class: "button", type: "submit" }, el("span"));
  const fault = el("div", { role: "alert" });
  const form = el(
    "form",
    { class: "settings-form", novalidate: true },
    ...fields.all.map((each) => each.root),
    fault,
    el("div", { class: "actions" }, save),
  );
  const found = foundPanel(provider, look);
  const root = el("section", { class: "card part", "aria-labelledby": `settings-${provider}` }, el("h2", { id: `settings-${provider}`, text: words.title }), form, found.root);
  let filled = null;
  let saving = false;

  const dirty = () => filled !== null && JSON.stringify(fields.read()) !== filled;

  function fill(view) {
    fields.fill(view);
    filled = JSON.stringify(fields.read());
  }

  function draw() {
    const view = current();
    const changed = dirty();
    fields.lock(isAuthorised(view));
    setText(save.firstChild, saving ? words.checking : view ? words.save : words.check);
    if (saving) save.setAttribute("aria-disabled", "true");
    else save.removeAttribute("aria-disabled");
    save.className = `button ${!view || changed || isOver(view) ? "primary" : ""}`.trim();
    found.update(changed || isOver(view) ? null : view);
  }

  form.addEventListener("input", draw);
  form.addEventListener("change", draw);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (saving) return;
    for (const each of fields.all) each.complain("");
    saving = true;
    draw();
    try {
      const view = await call("PUT", pathOf(provider), await fields.body());
      fill(view);
      unsay("organization");
      say("saved", isAuthorised(view) ? words.saved : words.checked, { kind: "good" });
    } catch (error) {
      complain(error);
    }
    saving = false;
    await look();
    draw();
  });

  /** Each fault stands at its field; what belongs to none is said as usual. */
  function complain(error) {
    const faults = (error.errors ?? []).filter((each) => fields.named(each.field));
    for (const each of faults) fields.named(each.field).complain(each.sentence);
    if (faults.length) fields.named(faults[0].field).control.focus();
    else sayProblem("organization", error);
  }

  return {
    root,
    update(view) {
      if (filled === null || (!saving && !dirty())) fill(view);
      draw();
    },
  };
}

function microsoftFields() {
  const tenant = textField({ name: "tenant", label: words.tenant, hint: words.tenantHint });
  const display = textField({ name: "display_name", label: words.displayName, hint: words.displayNameHint, maxlength: "100" });
  const access = toggle({ name: "access", label: words.impersonation, hint: (on) => (on ? words.impersonationOn : words.impersonationOff), on: true });
  const account = textField({ name: "service_account", label: words.serviceAccount, hint: words.serviceAccountHint, type: "email" });
  const titles = toggle({ name: "show_titles", label: words.showTitles, hint: (on) => (on ? words.showTitlesOn : words.showTitlesOff), on: true });
  const all = [tenant, display, access, account, titles];
  const draw = () => show(account.root, !access.control.checked);
  access.control.addEventListener("change", draw);
  return {
    all,
    named: (name) => all.find((each) => each.control.name === name),
    read: () => ({
      tenant: tenant.control.value.trim(),
      display_name: display.control.value.trim(),
      access: access.control.checked ? "application" : "delegated",
      service_account: access.control.checked ? "" : account.control.value.trim(),
      show_titles: titles.control.checked,
    }),
    async body() {
      return this.read();
    },
    fill(view) {
      if (view) {
        tenant.control.value = view.tenant;
        display.control.value = view.display_name;
        account.control.value = view.service_account ?? "";
        access.set(isApplication(view));
        titles.set(view.show_titles);
      }
      draw();
    },
    lock(on) {
      for (const each of [tenant, access, account]) each.control.disabled = on;
      tenant.say(on ? words.locked : words.tenantHint);
    },
  };
}

function googleFields() {
  const domain = textField({ name: "domain", label: words.domain, hint: words.domainHint });
  const display = textField({ name: "display_name", label: words.displayName, hint: words.displayNameHint, maxlength: "100" });
  const key = field({
    name: "service_account_key",
    label: words.key,
    hint: words.keyHint,
    control: el("input", { type: "file", accept: ".json,application/json" }),
  });
  const titles = toggle({ name: "show_titles", label: words.showTitles, hint: (on) => (on ? words.showTitlesOn : words.showTitlesOff), on: true });
  const all = [domain, display, key, titles];
  const read = () => ({ domain: domain.control.value.trim(), display_name: display.control.value.trim(), show_titles: titles.control.checked });
  return {
    all,
    named: (name) => all.find((each) => each.control.name === name),
    read: () => ({ ...read(), key: key.control.files.length }),
    async body() {
      const [file] = key.control.files;
      return file ? { ...read(), service_account_key: await file.text() } : read();
    },
    fill(view) {
      key.control.value = "";
      if (!view) return;
      domain.control.value = view.domain;
      display.control.value = view.display_name;
      titles.set(view.show_titles);
      key.say(view.service_account ? words.keyStored(view.service_account) : words.keyHint);
    },
    lock(on) {
      domain.control.disabled = on;
      domain.say(on ? words.locked : words.domainHint);
    },
  };
}

/** What the provider says of the tenant or domain, to be looked at before Authorize. */
function foundPanel(provider, look) {
  const values = Object.fromEntries(["tenant", "account", "version", "address", "cloud"].map((name) => [name, el("dd")]));
  const row = (name, word) => {
    const each = el("div", {}, el("dt", { text: word }), values[name]);
    return [name, each];
  };
  const rows = Object.fromEntries([
    row("tenant", words.tenantId),
    row("account", words.serviceAccountFound),
    row("version", words.version),
    row("address", words.address),
    row("cloud", words.cloud),
  ]);
  const hint = el("span");
  const authorize = actionButton({
    words: words.authorize,
    doing: words.authorizing,
    kind: "primary",
    run: async () => {
      if (await startAuthorization(provider)) {
        sayAuthorised();
        await look();
      }
    },
  });
  const question = el("p", { text: words.isThisYours });
  const before = el("p", { class: "before-leaving" }, icon("lock"), hint);
  const root = el("div", { class: "found", hidden: true }, el("h3", { text: words.found }), el("dl", { class: "facts" }, ...Object.values(rows)), question, before, el("div", { class: "actions" }, authorize.root));

  return {
    root,
    update(view) {
      show(root, Boolean(view));
      if (!view) return;
      const told = {
        tenant: provider === "google" ? "" : view.tenant_id,
        account: provider === "google" || !isApplication(view) ? view.service_account : "",
        version: view.version,
        address: view.service_address,
        cloud: provider === "google" ? "" : (words.clouds[view.cloud] ?? view.cloud),
      };
      for (const [name, value] of Object.entries(told)) {
        show(rows[name], Boolean(value));
        setText(values[name], value ?? "");
      }
      setText(hint, hintOf(provider, view));
      for (const each of [question, before, authorize.root]) show(each, isToBeAuthorised(view));
    },
  };
}

function hintOf(provider, view) {
  if (provider === "google") return words.beforeGoogle;
  return isApplication(view) ? words.beforeApplication : words.beforeDelegated(view.service_account);
}
