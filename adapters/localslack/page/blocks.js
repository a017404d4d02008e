// Block Kit to nodes, one function for each type of block. An unknown block is shown as unknown, not hidden.

import { h } from "./dom.js";
import { element, image, unknown } from "./elements.js";
import { fileCard } from "./files.js";
import { input } from "./inputs.js";
import { markdown } from "./markdown.js";
import { textNodes } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { literal, plain } from "./text.js";

/** @typedef {import("./elements.js").Surface} Surface */

/** @type {Record<string, (block: any, surface: Surface) => any>} */
const makers = {
  section,
  header: (block) => h("h3", { class: "block-header", dir: "auto" }, plain(block.text)),
  divider: () => h("hr"),
  context: (block, surface) =>
    h(
      "div",
      { class: "context" },
      (block.elements ?? []).map((/** @type {any} */ each) => contextPart(each)),
    ),
  actions: (block, surface) =>
    h(
      "div",
      { class: "actions" },
      (block.elements ?? []).map((/** @type {any} */ each) => element(each, block, surface)),
    ),
  context_actions: (block, surface) => makers.actions(block, surface),
  image: (block) => h("figure", {}, block.title ? h("figcaption", {}, plain(block.title)) : null, image(block)),
  input,
  rich_text: (block) => richText(block),
  markdown: (block) => h("div", { class: "markdown", dir: "auto" }, markdown(String(block.text ?? ""))),
  file: (block) => fileCard(block.file ?? { title: block.external_id }),
  table,
};

/** @param {any[]} list @param {Surface} surface @returns {HTMLElement[]} */
export function blocks(list, surface) {
  return list.map((block) => drawn(block, surface));
}

/** @param {any} block @param {Surface} surface */
function drawn(block, surface) {
  const maker = Object.hasOwn(makers, block?.type) ? makers[block.type] : null;
  const node = h(
    "div",
    { class: `block ${maker ? `b-${block.type}` : ""}` },
    maker ? maker(block, surface) : unknown("block", block?.type),
  );
  if (block?.block_id) node.dataset.block = block.block_id;
  return node;
}

/** @param {any} object a text object */
const text = (object) => h("div", { class: "text", dir: "auto" }, textNodes(object));

/** @param {any} block @param {Surface} surface */
function section(block, surface) {
  return [
    h(
      "div",
      { class: "section-body" },
      block.text ? text(block.text) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map(text)) : null,
    ),
    block.accessory ? h("div", { class: "accessory" }, element(block.accessory, block, surface)) : null,
  ];
}

/** @param {any} part */
const contextPart = (part) => (part.type === "image" ? image(part) : text(part));

/** @param {any} block */
function table(block) {
  const rows = (block.rows ?? []).map((/** @type {any[]} */ cells, /** @type {number} */ index) =>
    h(
      "tr",
      {},
      cells.map((cell) =>
        h(
          index ? "td" : "th",
          { dir: "auto" },
          cell.type === "rich_text" ? richText(cell) : literal(String(cell.text ?? "")),
        ),
      ),
    ),
  );
  return h("div", { class: "table-wrap", tabindex: 0 }, h("table", {}, rows));
}
