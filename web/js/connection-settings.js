// What a person chooses for a connection: the reminder of bookings, the two-way rules, privacy. Each is saved at once.

import { actionButton } from "./action-button.js";
import { call } from "./api.js";
import { isActive, isManaged } from "./connection.js";
import { el, icon, setText, show } from "./dom.js";
import { sayProblem, unsay } from "./notices.js";
import { choices, optionOf, reminderOf } from "./reminders.js";
import { text } from "./text.js";

const words = text.settings;
const RULES = [
  { name: "on_external_change", label: words.change, options: [["apply", words.changeApply], ["restore", words.changeRestore]] },
  { name: "on_external_delete", label: words.delete, options: [["apply", words.deleteApply], ["restore", words.deleteRestore]] },
  { name: "privacy", label: words.privacy, options: [["full", words.privacyFull], ["busy_only", words.privacyBusy]] },
];

/** @param {() => object} current the connection as it is now */
export function connectionSettings(current, look) {
  const path = () => `/v1/connections/${encodeURIComponent(current().id)}`;
  const provider = text.providers[current().provider].calendar;

  const reminder = chooser(text.reminder.label, {
    options: (connection) => choices(connection.default_reminder, provider),
    value: (connection) => optionOf(connection.default_reminder),
    save: async (option) => {
      const saved = await call("PATCH", path(), { default_reminder: reminderOf(option) });
      show(existing, true);
      setText(said, text.reminder.from);
      return saved;
    },
    look,
  });
  const said = el("p", { class: "small muted", role: "status" });
  const rewrite = actionButton({
    words: text.reminder.existing,
    doing: text.reminder.existingWorking,
    run: async () => {
      const answer = await call("POST", `${path()}/reminders`, {});
      show(rewrite.root, false);
      setText(said, text.reminder.existingDone(answer?.bookings ?? null));
    },
  });
  const existing = el("div", { class: "after-choice", hidden: true }, said, rewrite.root);
  reminder.root.addEventListener("change", () => show(rewrite.root, true));

  const rules = RULES.map(({ name, label, options }) =>
    chooser(label, {
      options: () => options.map(([value, word]) => ({ value, label: word })),
      value: (connection) => connection[name],
      save: (value) => call("PATCH", path(), { [name]: value }),
      look,
    }),
  );
  const root = el(
    "details",
    { class: "settings" },
    el("summary", {}, icon("after"), el("h3", { text: words.title })),
    el("div", { class: "choices" }, reminder.root, existing, ...rules.map((rule) => rule.root)),
  );

  return {
    root,
    update(connection) {
      show(root, isActive(connection));
      for (const each of [reminder, ...rules]) each.update(connection);
      show(rules[RULES.findIndex((rule) => rule.name === "privacy")].root, !isManaged(connection));
    },
  };
}

/** A labelled list that saves what is chosen and says so beside itself. */
function chooser(label, { options, value, save, look }) {
  const id = `choice-${crypto.randomUUID()}`;
  const select = el("select", { id });
  const saved = el("span", { class: "small saved", role: "status" });
  const root = el("div", { class: "chooser" }, el("label", { for: id, text: label }), select, saved);
  let shown = "";
  let saving = false;

  select.addEventListener("change", async () => {
    saving = true;
    unsay("settings");
    setText(saved, words.saving);
    try {
      await save(select.value);
      setText(saved, words.saved);
    } catch (error) {
      setText(saved, "");
      sayProblem("settings", error);
    }
    saving = false;
    await look();
  });

  return {
    root,
    update(connection) {
      const list = options(connection);
      if (JSON.stringify(list) !== shown) {
        shown = JSON.stringify(list);
        select.replaceChildren(...list.map((each) => el("option", { value: each.value, text: each.label })));
      }
      if (!saving && select.value !== value(connection)) select.value = value(connection);
    },
  };
}
