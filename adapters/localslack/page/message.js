// One message: author, time, content, files, and its thread.

import { avatar } from "./avatar.js";
import { blocks } from "./blocks.js";
import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { fileCard } from "./files.js";
import { icon } from "./icons.js";
import { mrkdwn } from "./mrkdwn.js";
import { go, linkTo } from "./router.js";
import { isBot, isBroadcast, nameOf } from "./state.js";
import { asDate, clock, day, full } from "./time.js";

/**
 * @typedef {object} Row
 * @property {import("./state.js").Message} message
 * @property {import("./state.js").Channel} channel
 * @property {boolean} compact       continues what the same person said just before
 * @property {string} newDay         the day's name, on its first message
 * @property {{count: number, last: string, names: string[], unread: number} | null} thread
 * @property {boolean} inThread      stands in the thread panel
 */

/** @param {Row} row everything that its drawing depends on, as text */
export const rowMark = ({ message, compact, newDay, thread, inThread }) =>
  JSON.stringify([message, compact, newDay, thread, inThread]);

/** @param {Row} row @returns {HTMLElement} */
export function messageRow(row) {
  const { message, compact, newDay } = row;
  const when = asDate(message.ts);
  const classes = ["message", compact && "compact", message.ephemeral && "ephemeral"].filter(Boolean).join(" ");
  const article = h(
    "article",
    { class: classes, tabindex: -1, "aria-label": `${message.name}, ${clock(when)}`, "data-ts": message.ts },
    h(
      "div",
      { class: "gutter" },
      compact ? h("time", { class: "side-time", datetime: when.toISOString() }, clock(when)) : avatar(message),
    ),
    h(
      "div",
      { class: "body" },
      message.ephemeral ? onlyYou() : null,
      compact ? null : byline(row, when),
      replied(row),
      content(row),
      edited(message),
      files(message),
      reactions(message),
      threadLink(row),
    ),
    tools(row),
  );
  return h(
    "div",
    { class: "row" },
    newDay ? h("div", { class: "day", role: "separator" }, h("span", {}, newDay)) : null,
    article,
  );
}

const onlyYou = () => h("div", { class: "only-you" }, icon("eye"), "Only visible to you");

/** @param {Row} row @param {Date} when */
function byline({ message, channel }, when) {
  return h(
    "div",
    { class: "byline" },
    h("bdi", { class: "name" }, message.name),
    isBot(message) ? h("span", { class: "app" }, "APP") : null,
    h(
      "a",
      { class: "when", href: linkTo(channel.name, message.thread_ts ?? null), title: full(when) },
      h("time", { datetime: when.toISOString() }, clock(when)),
    ),
  );
}

/** The way to the thread of a reply that stands in the channel, too. @param {Row} row */
function replied({ message, channel, inThread }) {
  if (!isBroadcast(message)) return null;
  if (inThread) return h("div", { class: "hint broadcast" }, "Also sent to the channel");
  const root = channel.messages.find((each) => each.ts === message.thread_ts);
  const link = h("a", { href: linkTo(channel.name, message.thread_ts ?? null) }, "a thread");
  const about = root?.text ? [": ", h("bdi", {}, mrkdwn(root.text.split("\n")[0]))] : [];
  return h("div", { class: "hint broadcast" }, "Replied to ", link, ...about);
}

/** @param {Row} row */
function content({ message, channel, inThread }) {
  const surface = {
    name: `${inThread ? "t" : "c"}${message.ts.replace(".", "-")}`,
    address: { channel: channel.id, ts: message.ts },
  };
  if (message.blocks?.length) return h("div", { class: "content blocks" }, blocks(message.blocks, surface));
  return message.text ? h("div", { class: "content text", dir: "auto" }, mrkdwn(message.text)) : null;
}

/** @param {import("./state.js").Message} message */
const edited = (message) => (message.edited ? h("span", { class: "edited" }, "(edited)") : null);

/** @param {import("./state.js").Message} message */
const files = (message) => (message.files?.length ? h("div", { class: "files" }, message.files.map(fileCard)) : null);

/** @param {import("./state.js").Message} message */
function reactions(message) {
  if (!message.reactions?.length) return null;
  const each = message.reactions.map(({ name, users }) =>
    h(
      "span",
      { class: "reaction", title: users.map(nameOf).join(", ") },
      emoji(name) ?? `:${name}:`,
      h("b", {}, users.length),
    ),
  );
  return h("div", { class: "reactions" }, each);
}

/** @param {Row} row */
function threadLink({ message, channel, thread, inThread }) {
  if (!thread || inThread) return null;
  const words = thread.count === 0 ? "Thread" : thread.count === 1 ? "1 reply" : `${thread.count} replies`;
  const last = asDate(thread.last);
  return h(
    "a",
    {
      class: `thread-link${thread.unread ? " unread" : ""}`,
      href: linkTo(channel.name, message.ts),
      "data-focus": "thread",
    },
    h(
      "span",
      { class: "faces" },
      thread.names.map((name) => avatar({ name }, "tiny")),
    ),
    h("b", {}, words),
    thread.unread ? h("span", { class: "new" }, `${thread.unread} new`) : null,
    message.session?.status === "suspended" ? h("span", { class: "hint" }, "Agent is waiting") : null,
    h("span", { class: "hint" }, `${day(last)} at ${clock(last)}`),
  );
}

/** @param {Row} row */
function tools({ message, channel, inThread }) {
  if (inThread || message.ephemeral) return null;
  const open = () => go(channel.name, message.thread_ts ?? message.ts);
  return h(
    "div",
    { class: "tools" },
    h(
      "button",
      {
        type: "button",
        class: "plain",
        "aria-label": "Reply in thread",
        title: "Reply in thread",
        "data-focus": "reply",
        onclick: open,
      },
      icon("thread"),
    ),
  );
}
