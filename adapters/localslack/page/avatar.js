// A person's picture: the initials, on a colour that follows from the id. The bot has a mark of its own.

import { h } from "./dom.js";
import { svgNode } from "./icons.js";
import { isBot } from "./state.js";

const COLOURS = 6;

/** @param {{name: string, bot?: boolean}} who @param {string} [size] */
export function avatar(who, size = "") {
  if (isBot(who)) return h("span", { class: `avatar bot ${size}`, "aria-hidden": "true" }, logo());
  const name = who.name || "?";
  const sum = [...name].reduce((total, character) => (total * 48 + (character.codePointAt(0) ?? 0)) % 2 ** 31, 7);
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const initials = (words.length > 1 ? words[0][0] + words[1][0] : name.slice(0, 1)).toUpperCase();
  return h("span", { class: `avatar colour-${sum % COLOURS} ${size}`, "aria-hidden": "true" }, initials);
}

/** A signature line under a tick. */
export function logo() {
  const svg = svgNode("svg", { viewBox: "0 0 24 24", class: "logo", "aria-hidden": "true" });
  svg.append(svgNode("path", { d: "M5 11l4.5 4.5L19 5" }), svgNode("path", { d: "M5 20.5h14" }));
  return svg;
}
