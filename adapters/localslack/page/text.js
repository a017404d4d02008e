// Plain pieces of text: unescapes them, draws emoji, and makes characters visible that would disguise the text.

import { h } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";

// Overrides, embeddings and isolates reorder what a reader sees; zero-width ones hide in a word. A reader of an approval
// card must see them. Joiners (U+200C, U+200D) and direction marks are part of ordinary writing: kept.
const disguise = /([\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u200B\u2028-\u202E\u2060\u2066-\u2069\uFEFF])/;
const shortcode = /(:[a-z0-9_+'-]+(?:::skin-tone-\d)?:)/;

/** @type {Record<string, string>} */
const escapes = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

/** Slack escapes exactly three characters. @param {string} text */
export const unescape = (text) => text.replace(/&(?:amp|lt|gt);/g, (escape) => escapes[escape]);

/**
 * Literal text: neither escapes nor shortcodes mean anything in it.
 * @param {string} text @returns {(string | Node)[]}
 */
export function literal(text) {
  return text.split(disguise).flatMap((part, index) => (index % 2 ? [mark(part)] : withEmoji(part)));
}

/** @param {string} text a text as Slack keeps it, without formatting @returns {(string | Node)[]} */
export function leaf(text) {
  return text.split(shortcode).flatMap((part, index) => {
    const drawn = index % 2 ? emoji(part.slice(1, -1)) : null;
    return drawn ? [drawn] : literal(unescape(part));
  });
}

/** @param {string} character */
function mark(character) {
  const code = `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  return h("span", { class: "disguise", title: `An invisible character stands here: ${code}` }, code);
}

/**
 * A plain text object, to be shown; shortcodes are read unless it says `emoji: false`.
 * @param {any} object `{type, text, emoji}`, or nothing @param {string} [otherwise] where it holds no text
 * @returns {(string | Node)[]}
 */
export function plain(object, otherwise = "") {
  if (typeof object?.text !== "string" || !object.text) return literal(otherwise);
  return object.emoji === false ? literal(unescape(object.text)) : leaf(object.text);
}

/**
 * A text object's plain content, for attributes.
 * @param {any} object `{type, text}`, a string, or nothing @returns {string}
 */
export function label(object) {
  const text = typeof object === "string" ? object : object?.text;
  return typeof text === "string" ? unescape(text) : "";
}
