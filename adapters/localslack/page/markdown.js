// The `markdown` block: the part of Markdown that language models write, as Slack shows it.

import { h, link } from "./dom.js";
import { leaf, literal } from "./text.js";

const span = new RegExp(
  [
    "(`+)([\\s\\S]+?)\\1", // 1, 2 code
    "!?\\[([^\\]\\n]*)\\]\\(([^)\\s]+)\\)", // 3, 4 link or image: never loaded, its text links to it
    "<(https?:[^<>\\s]+)>", // 5 bare link
    "\\*\\*(?=\\S)([\\s\\S]+?\\S?)\\*\\*", // 6 bold
    "~~(?=\\S)([\\s\\S]+?)~~", // 7 strike
    "\\*(?=[^\\s*])([^*\\n]+?)\\*", // 8 italic
    "(?<![\\p{L}\\p{N}_])_(?=[^\\s_])([^\\n]+?)_(?![\\p{L}\\p{N}_])", // 9 italic
    "\\\\([!-\\/:-@\\[-`{-~])", // 10 escaped: the character itself, which marks nothing
  ].join("|"),
  "u",
);

/** @param {string} text @returns {any[]} */
function inline(text) {
  const found = span.exec(text);
  if (!found) return leaf(text);
  const [whole, , code, shown, target, bareUrl, bold, strike, star, low, escaped] = found;
  const marked = () => h(bold ? "strong" : strike ? "s" : "em", {}, inline(bold ?? strike ?? star ?? low));
  const node = escaped
    ? escaped
    : code
      ? h("code", {}, literal(code.trim()))
      : target
        ? link(target, h("bdi", {}, leaf(shown || target)))
        : bareUrl
          ? link(bareUrl, bareUrl)
          : marked();
  return [
    ...inlineOrNothing(text.slice(0, found.index)),
    node,
    ...inlineOrNothing(text.slice(found.index + whole.length)),
  ];
}

/** @param {string} text */
const inlineOrNothing = (text) => (text ? inline(text) : []);

/** Each kind of block: the pattern of its first line, that of its further lines, and its element. */
const kinds = [
  { first: /^#{1,6} +/, more: null, make: heading },
  { first: /^ {0,3}([-*_])( *\1){2,} *$/, more: null, make: () => h("hr") },
  { first: /^ *(?:[-*+]|\d+[.)]) +/, more: /^(?: *(?:[-*+]|\d+[.)]) +| {2,}\S)/, make: list },
  { first: /^ {0,3}>/, more: /^ {0,3}>/, make: quote },
  { first: /^\s*\|.*\|\s*$/, more: /^\s*\|.*\|\s*$/, make: table },
];

/** @param {string} text @returns {any[]} */
export function markdown(text) {
  return text
    .split(/^ {0,3}```[^\n]*\n([\s\S]*?)^ {0,3}``` *$/m)
    .flatMap((part, index) =>
      index % 2 ? [h("pre", { tabindex: 0 }, literal(part.replace(/\n$/, "")))] : blocks(part),
    );
}

/** @param {string} text @returns {any[]} */
function blocks(text) {
  const rest = text.split("\n");
  const out = [];
  while (rest.length) {
    const kind = kinds.find(({ first }) => first.test(rest[0]));
    const taken = [/** @type {string} */ (rest.shift())];
    if (!kind) {
      while (rest.length && rest[0].trim() && !kinds.some(({ first }) => first.test(rest[0])))
        taken.push(/** @type {string} */ (rest.shift()));
      if (taken.join("").trim()) out.push(h("p", {}, inline(taken.join("\n"))));
      continue;
    }
    while (kind.more && rest.length && kind.more.test(rest[0])) taken.push(/** @type {string} */ (rest.shift()));
    out.push(kind.make(taken));
  }
  return out;
}

/** @param {string[]} lines */
function heading([line]) {
  return h("p", { class: "md-heading" }, inline(line.replace(/^#+ +/, "").replace(/ +#+$/, "")));
}

/** @param {string[]} lines */
function quote(lines) {
  return h("blockquote", {}, blocks(lines.map((line) => line.replace(/^ {0,3}> ?/, "")).join("\n")));
}

/** @param {string[]} lines items; deeper lines belong to the item above them */
function list(lines) {
  const indent = /^ */.exec(lines[0])?.[0].length ?? 0;
  /** @type {{own: string, below: string[]}[]} */
  const items = [];
  for (const line of lines) {
    const depth = /^ */.exec(line)?.[0].length ?? 0;
    const item = /^ *(?:[-*+]|\d+[.)]) +(.*)$/.exec(line);
    if (item && (depth <= indent + 1 || !items.length)) items.push({ own: item[1], below: [] });
    else items.at(-1)?.below.push(line);
  }
  const start = /^ *(\d+)/.exec(lines[0])?.[1];
  const made = items.map(({ own, below }) =>
    h("li", {}, inline(own), below.length ? blocks(below.map((line) => line.slice(indent + 2)).join("\n")) : null),
  );
  return h(start ? "ol" : "ul", { start: start && start !== "1" ? start : null }, made);
}

/** @param {string[]} lines */
function table(lines) {
  const rows = lines.map((line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
  const ruled = rows[1]?.every((cell) => /^:?-+:?$/.test(cell));
  const body = ruled ? rows.slice(2) : rows;
  /** @param {string} tag @param {string[]} cells */
  const row = (tag, cells) =>
    h(
      "tr",
      {},
      cells.map((cell) => h(tag, {}, inline(cell))),
    );
  return h(
    "div",
    { class: "table-wrap", tabindex: 0 },
    h(
      "table",
      {},
      ruled ? h("thead", {}, row("th", rows[0])) : null,
      h(
        "tbody",
        {},
        body.map((cells) => row("td", cells)),
      ),
    ),
  );
}
