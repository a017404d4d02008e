// The `input` block: a label, a control, a hint, and room for an error.

import { control, isControl } from "./controls.js";
import { h } from "./dom.js";
import { act, unknown } from "./elements.js";
import { icon } from "./icons.js";
import { literal, plain } from "./text.js";

/** @param {any} block @param {import("./elements.js").Surface} surface */
export function input(block, surface) {
  const element = block.element ?? {};
  if (!isControl(element.type)) return unknown("input", element.type);
  const id = `${surface.name}-${block.block_id}-${element.action_id}`.replace(/[^\w-]/g, "_");
  const key = `${block.block_id ?? ""}/${element.action_id ?? ""}`;
  const made = control(element, {
    id,
    draft: surface.drafts?.get(key),
    onchange: block.dispatch_action ? () => act(made.node, element, block, surface, made.read()) : undefined,
  });
  surface.controls?.set(key, { ...made, block_id: block.block_id });
  const hint = block.hint ? h("div", { class: "hint", id: `${id}-hint` }, plain(block.hint)) : null;
  if (hint) made.field.setAttribute("aria-describedby", hint.id);
  if (!block.optional) made.field.setAttribute("aria-required", "true");
  const caption = [plain(block.label), block.optional ? h("span", { class: "optional" }, " (optional)") : null];
  const name = made.group
    ? h("div", { class: "label", id: `${id}-label` }, caption)
    : h("label", { class: "label", for: id }, caption);
  if (made.group) made.field.setAttribute("aria-labelledby", `${id}-label`);
  return [name, made.node, hint];
}

/**
 * Shows what is wrong beside each field, and takes away what stood there before.
 * @param {HTMLElement} form @param {Record<string, string>} errors a sentence for each field, by block_id
 * @param {NonNullable<import("./elements.js").Surface["controls"]>} controls
 * @returns {string[]} errors that belong to no field shown
 */
export function showErrors(form, errors, controls) {
  for (const old of form.querySelectorAll(".field-error")) old.remove();
  const left = { ...errors };
  /** @type {HTMLElement | null} */
  let first = null;
  for (const { block_id: name, field, node, group } of controls.values()) {
    const problem = left[name];
    delete left[name];
    const described = (field.getAttribute("aria-describedby") ?? "")
      .split(" ")
      .filter((id) => id && !id.endsWith("-error"));
    if (problem) {
      const id = `${field.id}-error`;
      node.after(
        h(
          "div",
          { class: "field-error", id, role: "alert" },
          icon("alert"),
          h("span", { dir: "auto" }, literal(problem)),
        ),
      );
      described.unshift(id);
      first ??= group ? /** @type {HTMLElement | null} */ (field.querySelector("input")) : field;
    }
    field.toggleAttribute("aria-invalid", false);
    if (problem) field.setAttribute("aria-invalid", "true");
    if (described.length) field.setAttribute("aria-describedby", described.join(" "));
    else field.removeAttribute("aria-describedby");
  }
  first?.focus();
  return Object.values(left);
}
