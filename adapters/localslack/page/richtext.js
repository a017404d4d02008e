// The `rich_text` block. Its texts are literal: no escapes, no mrkdwn. Source: docs.slack.dev, "Rich text block".

import { h, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { broadcast, channelLink, groupMention, mention } from "./mrkdwn.js";
import { literal } from "./text.js";
import { asDate, formatDate, full } from "./time.js";

/** @param {any} block @returns {any[]} */
export function richText(block) {
  return (block.elements ?? []).map(part);
}

/** @param {any} element */
function part(element) {
  const inside = () => (element.elements ?? []).map(leafOf);
  switch (element.type) {
    case "rich_text_section":
      return h("div", { class: "rich", dir: "auto" }, inside());
    case "rich_text_preformatted":
      return h("pre", { tabindex: 0 }, inside());
    case "rich_text_quote":
      return h("blockquote", { dir: "auto" }, inside());
    case "rich_text_list":
      return list(element);
    default:
      return leafOf(element);
  }
}

/** @param {any} element */
function list(element) {
  const tag = element.style === "ordered" ? "ol" : "ul";
  const start = element.offset ? element.offset + 1 : null;
  return h(
    tag,
    { start, class: `indent-${Math.min(Number(element.indent) || 0, 8)}` },
    (element.elements ?? []).map((/** @type {any} */ item) => h("li", { dir: "auto" }, part(item))),
  );
}

/** @param {any} element */
function leafOf(element) {
  switch (element.type) {
    case "text":
      return styled(literal(String(element.text ?? "")), element.style);
    case "link":
      return styled([link(element.url, h("bdi", {}, literal(String(element.text || element.url))))], element.style);
    case "user":
      return mention(String(element.user_id));
    case "channel":
      return channelLink(String(element.channel_id));
    case "usergroup":
      return groupMention(String(element.usergroup_id));
    case "broadcast":
      return broadcast(String(element.range));
    case "emoji":
      return emoji(String(element.name)) ?? `:${element.name}:`;
    case "date":
      return date(element);
    case "color":
      return h("code", {}, String(element.value));
    default:
      return h("span", { class: "unknown" }, `[${element.type ?? "unknown"} is not shown here]`);
  }
}

/** @param {any} element */
function date(element) {
  const when = asDate(element.timestamp);
  if (Number.isNaN(when.getTime())) return String(element.fallback ?? "");
  return h(
    "time",
    { datetime: when.toISOString(), title: full(when) },
    formatDate(when, String(element.format ?? "{date}")),
  );
}

/** @param {any[]} content @param {Record<string, boolean> | undefined} style */
function styled(content, style) {
  /** @type {[string, string][]} */
  const wraps = [
    ["code", "code"],
    ["strike", "s"],
    ["italic", "em"],
    ["bold", "strong"],
  ];
  return wraps.reduce((inner, [name, tag]) => (style?.[name] ? [h(tag, {}, inner)] : inner), content);
}
