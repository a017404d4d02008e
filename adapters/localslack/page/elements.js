// Interactive elements: buttons, overflow menus, and controls that send an action at once. Every press has a visible
// result: a busy state during the call, a changed card when the bot answers, a notice when it does not.

import { complaint, post } from "./api.js";
import { confirmed } from "./confirm.js";
import { control, isControl } from "./controls.js";
import { h, safeUrl } from "./dom.js";
import { icon } from "./icons.js";
import { menuButton } from "./menu.js";
import { bot, store } from "./state.js";
import { label, literal, plain } from "./text.js";
import { toast } from "./toast.js";

/**
* The surface that shows blocks and receives their actions.
 * @typedef {object} Surface
 * @property {string} name                       unique on the page, for ids
 * @property {Record<string, string>} address    `{channel, ts}`, `{view: "home"}` or `{view_id}`
 * @property {Map<string, any>} [drafts]         values to start with, by "block_id/action_id"
 * @property {Map<string, import("./controls.js").Control & {block_id: string, shared?: boolean}>} [controls]
 *           filled while drawing, so that a form can be read
 */

/** @param {any} element @param {any} block @param {Surface} surface @returns {HTMLElement} */
export function element(element, block, surface) {
  if (element.type === "button" || element.type === "workflow_button") return button(element, block, surface);
  if (element.type === "overflow") return overflow(element, block, surface);
  if (element.type === "image") return image(element);
  if (isControl(element.type)) return live(element, block, surface);
  return unknown("element", element.type);
}

/** @param {string} what @param {any} type */
export function unknown(what, type) {
  return h(
    "span",
    { class: "unknown" },
    icon("alert"),
    `An ${what} of type “${String(type ?? "none")}” is not shown here.`.replace("An block", "A block"),
  );
}

/** Shows an image's alternative text: images are never loaded from elsewhere. @param {any} image */
export function image(image) {
  return h(
    "span",
    { class: "alt-image", role: "img", "aria-label": label(image.alt_text) || "Image" },
    icon("image"),
    h("bdi", {}, literal(label(image.alt_text) || "Image")),
  );
}

/** @param {any} element @param {any} block @param {Surface} surface */
function button(element, block, surface) {
  const url = safeUrl(element.url);
  const style = ["primary", "danger"].includes(element.style) ? element.style : "";
  const node = h(
    "button",
    {
      type: "button",
      class: `button ${style}`,
      "data-action": element.action_id,
      "data-focus": focusName(element, block),
      "aria-label": element.accessibility_label,
      onclick: () => {
        if (url) window.open(url, "_blank", "noopener,noreferrer");
        act(node, element, block, surface);
      },
    },
    h("span", { class: "button-text" }, plain(element.text, "Button")),
  );
  return node;
}

/** @param {any} element @param {any} block */
const focusName = (element, block) => `${block.block_id ?? ""}/${element.action_id ?? ""}`;

/** @param {any} element @param {any} block @param {Surface} surface */
function overflow(element, block, surface) {
  const items = (element.options ?? []).map((/** @type {any} */ option) => ({
    text: label(option.text),
    hint: label(option.description),
    run: () => {
      const url = safeUrl(option.url);
      if (url) window.open(url, "_blank", "noopener,noreferrer");
      act(node.querySelector("button"), element, block, surface, option.value);
    },
  }));
  const node = menuButton({
    className: "button square",
    content: [icon("more")],
    name: "More actions",
    items,
    focusName: focusName(element, block),
  });
  node.querySelector("button")?.setAttribute("data-action", element.action_id);
  return node;
}

/** A select, picker or box outside of an input: the bot hears of each change. */
function live(/** @type {any} */ element, /** @type {any} */ block, /** @type {Surface} */ surface) {
  const key = focusName(element, block);
  const made = control(element, {
    id: `${surface.name}-${key}`.replace(/[^\w-]/g, "_"),
    draft: surface.drafts?.get(key),
    onchange: () => act(made.node, element, block, surface, made.read()),
  });
  made.field.setAttribute(
    "aria-label",
    label(element.placeholder) || label(block.text) || String(element.action_id ?? "Choice"),
  );
  surface.controls?.set(key, { ...made, block_id: block.block_id, shared: block.type === "actions" });
  return made.node;
}

/**
* Sends one action to the bot.
 * @param {HTMLElement | null} node shows the busy state
 * @param {any} element @param {any} block @param {Surface} surface @param {any} [value] of a select, menu or field
 */
export async function act(node, element, block, surface, value) {
  if (!node || node.getAttribute("aria-busy") === "true") return;
  if (element.confirm && !(await confirmed(element.confirm))) return;
  node.setAttribute("aria-busy", "true");
  const body = { as: store.person, ...surface.address, action_id: element.action_id, block_id: block.block_id };
  const reply = await post("click", { ...body, ...(value === undefined ? {} : { value }), ...formValues(surface) });
  node.removeAttribute("aria-busy");
  const problem = complaint(reply, bot().name);
  if (problem) toast(problem, "error");
}

/**
 * A view's fields travel with a press in it, as they do in Slack. Those that share a block are not among them: the bot
 * was told of each when it was used, and a block_id would not say which is meant.
 * @param {Surface} surface
 */
export function formValues(surface) {
  if (!surface.controls) return {};
  const fields = [...surface.controls.values()].filter((each) => !each.shared);
  return { values: Object.fromEntries(fields.map((each) => [each.block_id, each.read()])) };
}
