// Slack's mrkdwn to nodes. Source: docs.slack.dev, "Formatting message text".
//
// Two steps keep formatting from cutting through code and links: those are taken out first, each replaced by a
// placeholder from the private-use area, then emphasis is found in what is left, and the placeholders are filled in.

import { h, link } from "./dom.js";
import { bare, channelName, channels, nameOf, store } from "./state.js";
import { leaf, plain, unescape } from "./text.js";
import { asDate, formatDate, full } from "./time.js";
import { linkTo } from "./router.js";

const OPEN = "\uE000";
const CLOSE = "\uE001";
const atom = /`([^`\n]+)`|<([^<>\n]+)>/g;
const placeholder = new RegExp(`${OPEN}(\\d+)${CLOSE}`);
const word = "[\\p{L}\\p{N}]";
/** @param {string} mark */
const pair = (mark) => `(?<!${word}|${mark})${mark}(?=[^\\s${mark}])([^\\n]*?[^\\s])${mark}(?!${word})`;
const emphasis = new RegExp([pair("\\*"), pair("_"), pair("~")].join("|"), "u");
const tags = ["strong", "em", "s"];

/** @param {string} text @returns {Node[]} block nodes and text, for an element with `white-space: pre-wrap` */
export function mrkdwn(text) {
  const parts = text.split(/```\n?([\s\S]+?)\n?```/);
  return parts.flatMap((part, index) =>
    index % 2 ? [h("pre", { tabindex: 0 }, leafOnly(part))] : lines(trimBetween(part, index, parts.length)),
  );
}

/** A block element brings its own line break. @param {string} part @param {number} index @param {number} count */
function trimBetween(part, index, count) {
  let text = part;
  if (index > 0) text = text.replace(/^[ \t]*\n/, "");
  if (index < count - 1) text = text.replace(/\n[ \t]*$/, "");
  return text;
}

/** @param {string} text @returns {Node[]} */
function lines(text) {
  /** @type {Node[]} */
  const out = [];
  for (const { kind, body } of runs(text)) {
    if (kind === "quote") out.push(h("blockquote", {}, lines(body.join("\n"))));
    else if (kind === "list")
      out.push(
        h(
          "ul",
          {},
          body.map((line) => h("li", {}, inline(line))),
        ),
      );
    else out.push(h("span", {}, inline(body.join("\n"))));
  }
  return out;
}

/** Neighbouring lines of one kind. @param {string} text */
function runs(text) {
  /** @type {{kind: string, body: string[]}[]} */
  const found = [];
  const all = text.split("\n");
  for (const [index, line] of all.entries()) {
    if (/^(?:&gt;|>){3}/.test(line)) {
      const rest = [line.replace(/^(?:&gt;|>){3} ?/, ""), ...all.slice(index + 1)];
      found.push({ kind: "quote", body: rest });
      break;
    }
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    const item = /^\s*[•◦▪] +(.*)$/.exec(line);
    const kind = quote ? "quote" : item ? "list" : "text";
    const body = (quote ?? item)?.[1] ?? line;
    const last = found.at(-1);
    if (last?.kind === kind) last.body.push(body);
    else found.push({ kind, body: [body] });
  }
  return text === "" ? [] : found;
}

/** @param {string} text one or more lines without blocks @returns {Node[]} */
export function inline(text) {
  /** @type {Node[]} */
  const atoms = [];
  const bared = text.replace(/[\uE000\uE001]/g, "\uFFFD").replace(atom, (whole, code, token) => {
    const node = code ? h("code", {}, leafOnly(code)) : fromToken(token);
    if (!node) return whole;
    atoms.push(node);
    return `${OPEN}${atoms.length - 1}${CLOSE}`;
  });
  return emphasised(bared, atoms);
}

/** @param {string} text @param {Node[]} atoms @returns {any[]} */
function emphasised(text, atoms) {
  const found = emphasis.exec(text);
  if (!found) return filled(text, atoms);
  const which = [1, 2, 3].find((group) => found[group] !== undefined) ?? 1;
  return [
    ...filled(text.slice(0, found.index), atoms),
    h(tags[which - 1], {}, emphasised(found[which], atoms)),
    ...emphasised(text.slice(found.index + found[0].length), atoms),
  ];
}

/** @param {string} text @param {Node[]} atoms @returns {any[]} */
const filled = (text, atoms) =>
  text.split(placeholder).flatMap((part, index) => (index % 2 ? [atoms[Number(part)]] : leaf(part)));

/** Code shows a link's address, not its label, and no formatting. @param {string} text */
const leafOnly = (text) => leaf(text.replace(/<(https?:[^|<>\n]+)(?:\|[^<>\n]*)?>/g, "$1")).map((part) => part);

/** @param {string} token what stood between < and > @returns {Node | null} null when it is no token: shown as it is */
function fromToken(token) {
  const [target, ...rest] = token.split("|");
  const shown = rest.join("|");
  if (target.startsWith("@")) return mention(target.slice(1), shown);
  if (target.startsWith("#")) return channelLink(target.slice(1), shown);
  if (target.startsWith("!date^")) return date(target, shown);
  if (target.startsWith("!")) return broadcast(target.slice(1), shown);
  if (/^(https?|mailto|tel):/i.test(target))
    return link(unescape(target), shown ? h("bdi", {}, leaf(shown)) : unescape(target));
  return null;
}

/** @param {string} id @param {string} [shown] */
export function mention(id, shown) {
  const mine = id === store.workspace?.me.id;
  const name = nameOf(id);
  return h(
    "span",
    { class: `mention${mine ? " me" : ""}` },
    "@",
    h("bdi", {}, leaf(name === id && shown ? shown : name)),
  );
}

/** @param {string} id @param {string} [shown] */
export function channelLink(id, shown) {
  const name = bare(channelName(id));
  if (!channels().some((channel) => channel.id === id))
    return h("span", { class: "mention" }, "#", leaf(shown || name));
  return h("a", { class: "mention", href: linkTo(name) }, `#${name}`);
}

/** @param {string} command @param {string} [shown] */
export function broadcast(command, shown) {
  if (command.startsWith("subteam^")) return groupMention(command.slice(8), shown);
  return h("span", { class: "mention me" }, `@${command.split("^")[0].replace(/^@/, "")}`);
}

/** @param {string} id of a user group @param {string} [shown] */
export function groupMention(id, shown) {
  const group = store.workspace?.groups.find((each) => each.id === id);
  const mine = group?.members.includes(store.workspace?.me.id ?? "");
  const name = (group?.handle || shown || id).replace(/^@/, "");
  return h("span", { class: `mention${mine ? " me" : ""}`, title: group?.name }, "@", h("bdi", {}, leaf(name)));
}

/** `!date^SECONDS^FORMAT^LINK` @param {string} target @param {string} fallback */
function date(target, fallback) {
  const [, seconds, format = "", url] = target.split("^");
  const when = asDate(seconds);
  if (Number.isNaN(when.getTime())) return h("span", {}, leaf(fallback));
  const node = h("time", { datetime: when.toISOString(), title: full(when) }, leaf(formatDate(when, format)));
  return url ? link(unescape(url), node) : node;
}

/** A text object, by its type. @param {any} object @returns {Node[]} */
export function textNodes(object) {
  if (typeof object?.text !== "string") return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text) : /** @type {any} */ (plain(object));
}
