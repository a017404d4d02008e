// Form controls of Block Kit, the same ones in modals, in App Home and beside a message's text. Each knows how to read its
// value in the form that /people/submit and /people/click take: text, one option's value, or a list of values.

import { h } from "./dom.js";
import { label, plain } from "./text.js";
import { channels, store, title } from "./state.js";

/**
 * @typedef {object} Control
 * @property {HTMLElement} node    what stands in the page
 * @property {HTMLElement} field   what takes focus, a label and a description
 * @property {() => any} read      its value now; null when empty
 * @property {boolean} [group]     several boxes under one caption: named by a group label, not a <label>
 */

/** @typedef {{id: string, draft?: any, onchange?: () => void, name?: string}} Setup */

/** @type {Record<string, (element: any, setup: Setup) => Control>} */
const makers = {
  plain_text_input: textInput,
  email_text_input: textInput,
  url_text_input: textInput,
  number_input: textInput,
  rich_text_input: textInput,
  checkboxes: boxes,
  radio_buttons: boxes,
  static_select: select,
  external_select: select,
  users_select: select,
  channels_select: select,
  conversations_select: select,
  multi_static_select: boxes,
  multi_users_select: boxes,
  multi_channels_select: boxes,
  multi_conversations_select: boxes,
  datepicker: picker,
  timepicker: picker,
  datetimepicker: picker,
};

/** @param {string} type */
export const isControl = (type) => type in makers;

/** @param {any} element @param {Setup} setup @returns {Control} */
export const control = (element, setup) => makers[element.type](element, setup);

/** @type {Record<string, any>} */
const keyboards = {
  email_text_input: { type: "email", inputmode: "email", autocomplete: "off" },
  url_text_input: { type: "text", inputmode: "url" },
  // Not type=number: what was typed must reach the check that answers with a sentence, also when it is no number.
  number_input: { type: "text", inputmode: "decimal" },
};

/** @param {any} element @param {Setup} setup @returns {Control} */
function textInput(element, { id, draft, onchange }) {
  const initial = draft ?? element.initial_value ?? "";
  const shared = {
    id,
    maxlength: element.max_length,
    placeholder: label(element.placeholder),
    autofocus: element.focus_on_load,
    "data-focus": id,
    spellcheck: "false",
  };
  const many = element.multiline || element.type === "rich_text_input";
  const field = many
    ? h("textarea", {
        ...shared,
        rows: Math.min(12, Math.max(3, String(initial).split("\n").length + 1)),
        value: initial,
      })
    : h("input", { type: "text", ...shared, ...keyboards[element.type], value: initial });
  if (onchange) field.addEventListener("change", onchange);
  return { node: field, field, read: () => field.value || null };
}

/** @param {any} element @param {Setup} setup @returns {Control} */
function picker(element, { id, draft, onchange }) {
  const types = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" };
  const type = types[/** @type {keyof typeof types} */ (element.type)];
  const initial = draft ?? element.initial_date ?? element.initial_time ?? localTime(element.initial_date_time) ?? "";
  const field = h("input", { id, type, value: initial, "data-focus": id });
  if (onchange) field.addEventListener("change", onchange);
  const seconds = () => (field.value ? Math.floor(new Date(field.value).getTime() / 1000) : null);
  return { node: field, field, read: () => (type === "datetime-local" ? seconds() : field.value || null) };
}

/** @param {number | undefined} seconds since 1970, as a datetime-local field wants it */
function localTime(seconds) {
  if (!seconds) return undefined;
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

/** @param {any} element @param {Setup} setup @returns {Control} */
function select(element, { id, draft, onchange }) {
  const chosen = draft ?? initialValues(element)[0] ?? "";
  const empty = h("option", { value: "" }, label(element.placeholder) || "Choose…");
  const groups = element.option_groups
    ? element.option_groups.map((/** @type {any} */ group) =>
        h("optgroup", { label: label(group.label) }, group.options.map(choice)),
      )
    : options(element).map(choice);
  const field = h("select", { id, "data-focus": id }, empty, groups);
  field.value = chosen;
  if (onchange) field.addEventListener("change", () => field.value && onchange());
  return { node: h("span", { class: "select" }, field), field, read: () => field.value || null };
}

/** @param {any} option */
const choice = (option) => h("option", { value: option.value }, label(option.text));

/** @param {any} element @param {Setup} setup @returns {Control} */
function boxes(element, { id, draft, onchange }) {
  const one = element.type === "radio_buttons";
  const chosen = new Set(draft === undefined ? initialValues(element) : [draft].flat());
  const all = element.option_groups
    ? element.option_groups.flatMap((/** @type {any} */ group) => group.options)
    : options(element);
  const fields = all.map((/** @type {any} */ option, /** @type {number} */ index) => {
    const box = h("input", {
      type: one ? "radio" : "checkbox",
      name: id,
      id: `${id}-${index}`,
      value: option.value,
      checked: chosen.has(option.value),
      "data-focus": `${id}-${index}`,
    });
    if (onchange) box.addEventListener("change", onchange);
    const more = option.description ? h("span", { class: "hint" }, plain(option.description)) : null;
    return { box, node: h("label", { class: "box" }, box, h("span", { dir: "auto" }, plain(option.text), more)) };
  });
  const node = h(
    "div",
    { id, role: one ? "radiogroup" : "group", class: `boxes${all.length > 8 ? " long" : ""}` },
    fields.map((/** @type {any} */ field) => field.node),
  );
  const values = () =>
    fields.filter((/** @type {any} */ field) => field.box.checked).map((/** @type {any} */ field) => field.box.value);
  return { node, field: node, group: true, read: () => (one ? (values()[0] ?? null) : values()) };
}

/** The options of an element; people and channels come from the workspace. @param {any} element @returns {any[]} */
function options(element) {
  const option = (/** @type {string} */ value, /** @type {string} */ text) => ({
    value,
    text: { type: "plain_text", text },
  });
  if (/users_select$/.test(element.type))
    return (store.workspace?.people ?? []).map((person) => option(person.id, person.name));
  if (/(channels|conversations)_select$/.test(element.type))
    return channels().map((channel) => option(channel.id, title(channel)));
  return element.options ?? [];
}

/** @param {any} element @returns {string[]} */
function initialValues(element) {
  const { initial_option: one, initial_options: many } = element;
  if (many) return many.map((/** @type {any} */ option) => option.value);
  if (one) return [one.value];
  const ids = element.initial_users ?? element.initial_channels ?? element.initial_conversations;
  const id = element.initial_user ?? element.initial_channel ?? element.initial_conversation;
  return ids ?? (id ? [id] : []);
}
