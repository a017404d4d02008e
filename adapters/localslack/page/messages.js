// The message list, of a channel or of a thread. Rows are kept while they do not change; see `keyed`.

import { keyed } from "./dom.js";
import { messageRow, rowMark } from "./message.js";
import { go } from "./router.js";
import { isBroadcast, isRoot, markSeen, threads, unread } from "./state.js";
import { asDate, day } from "./time.js";

const SAME_BREATH = 5 * 60;

/** @typedef {import("./state.js").Channel} Channel */
/** @typedef {import("./state.js").Message} Message */

/** @param {Channel} channel @param {string} root @param {Message[]} replies */
function summary(channel, root, replies) {
  return {
    count: replies.filter((reply) => !reply.ephemeral).length,
    last: replies[replies.length - 1].ts,
    names: [...new Set(replies.map((reply) => reply.name))].slice(0, 3),
    unread: unread(channel, root, replies),
  };
}

/** @param {Channel} channel @param {Message[]} messages @param {boolean} inThread @returns {import("./message.js").Row[]} */
function rows(channel, messages, inThread) {
  const byRoot = threads(channel);
  return messages.map((message, index) => {
    const before = messages[index - 1];
    const newDay =
      !inThread && (!before || asDate(before.ts).toDateString() !== asDate(message.ts).toDateString())
        ? day(asDate(message.ts))
        : "";
    const close =
      before &&
      before.user === message.user &&
      !before.ephemeral === !message.ephemeral &&
      Number(message.ts) - Number(before.ts) < SAME_BREATH;
    const replies = byRoot.get(message.ts);
    const thread = replies && !inThread ? summary(channel, message.ts, replies) : null;
    const rootOfPanel = inThread && index === 1;
    return {
      message,
      channel,
      compact: Boolean(close) && !newDay && !byRoot.has(before.ts) && !rootOfPanel,
      newDay,
      thread,
      inThread,
    };
  });
}

/**
 * Draws a channel's own messages, or a thread's.
 * @param {HTMLElement} list @param {Channel} channel @param {string | null} thread
 * @returns {number} how many messages stand in the list
 */
export function drawMessages(list, channel, thread) {
  const shown = channel.messages.filter((message) =>
    thread ? message.ts === thread || message.thread_ts === thread : isRoot(message) || isBroadcast(message),
  );
  keyed(list, rows(channel, shown, Boolean(thread)), {
    key: (row) => row.message.ts + (row.message.ephemeral ? "e" : ""),
    mark: rowMark,
    make: messageRow,
  });
  if (document.visibilityState === "visible") markSeen(channel, thread, shown);
  roving(list);
  return shown.length;
}

/** One message of the list can be reached by Tab: the one used last, else the newest. @param {HTMLElement} list */
function roving(list) {
  const articles = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("article")]);
  if (articles.some((article) => article.tabIndex === 0)) return;
  const newest = articles.at(-1);
  if (newest) newest.tabIndex = 0;
}

/** Arrow keys walk the messages, Enter opens the thread. @param {HTMLElement} list */
export function listenToKeys(list) {
  list.addEventListener("keydown", (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    if (!at.matches("article") || event.altKey || event.ctrlKey || event.metaKey) return;
    const articles = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("article")]);
    const index = articles.indexOf(at);
    const to = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: articles.length - 1 }[event.key];
    if (to !== undefined && articles[to]) focus(articles[to]);
    else if (event.key === "Enter")
      /** @type {HTMLElement | null} */ (at.querySelector(".thread-link, .tools button"))?.click();
    else return;
    event.preventDefault();
  });
  list.addEventListener("focusin", (event) => {
    const article = /** @type {HTMLElement} */ (event.target).closest("article");
    for (const other of list.querySelectorAll('article[tabindex="0"]'))
      if (other !== article) /** @type {HTMLElement} */ (other).tabIndex = -1;
    if (article) article.tabIndex = 0;
  });
}

/** @param {HTMLElement} article */
function focus(article) {
  article.focus();
  article.scrollIntoView({ block: "nearest" });
}

/** A thread to open for a person who has just spoken, as soon as the bot answers in it. @type {{ts: string | null, channel: string}} */
export const expecting = { ts: null, channel: "" };

/** Where there is room, the answer to what this person just said opens beside it. @param {Channel} channel @param {boolean} free */
export function openAwaited(channel, free) {
  if (!expecting.ts || expecting.channel !== channel.id || !free) return;
  const replies = threads(channel).get(expecting.ts);
  if (!replies?.length) return;
  const root = expecting.ts;
  expecting.ts = null;
  go(channel.name, root);
}
