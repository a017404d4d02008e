// The page's state: the acting person, their place, and the workspace's last state. One object, one change signal.

/**
 * @typedef {{id: string, name: string, real_name?: string, guest?: boolean, stranger?: boolean,
 *            deactivated?: boolean}} Person
 * @typedef {{id?: string, name?: string, title?: string, size?: number, mimetype?: string, pretty_type?: string,
 *            url_private?: string, url_private_download?: string, permalink?: string}} File
 * @typedef {{ts: string, thread_ts?: string, user: string, name: string, text?: string, blocks?: any[],
 *            ephemeral?: boolean, edited?: boolean, files?: File[], bot?: boolean, subtype?: string,
 *            reactions?: {name: string, users: string[]}[], session?: {status: string, title: string}}} Message
 * @typedef {{id: string, name: string, kind: "channel" | "dm", purpose: string, messages: Message[]}} Channel
 * @typedef {{id: string, handle: string, name: string, members: string[], disabled: boolean}} Group
 * @typedef {{me: Person, bot: Person, people: Person[], groups: Group[], channels: Channel[], view: any, home: any}} Workspace
 * @typedef {{place: string, thread: string | null}} Route   place: a channel's name, or "home"
 */

export const HOME = "home";
const seenKey = "signoff.seen";

export const store = {
  person: "",
  /** @type {Workspace | null} */
  workspace: null,
  /** @type {"connecting" | "live" | "lost"} */
  status: "connecting",
  /** @type {Route} */
  route: { place: "", thread: null },
};

/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} listener */
export function onChange(listener) {
  listeners.add(listener);
}

export function changed() {
  for (const listener of listeners) listener();
}

/** @returns {Channel[]} */
export const channels = () => store.workspace?.channels ?? [];

/** The channel on screen. @returns {Channel | undefined} */
export function here() {
  const { place } = store.route;
  return channels().find((channel) => channel.name === place || channel.id === place);
}

/** @returns {Person} */
export const bot = () => store.workspace?.bot ?? { id: "", name: "signoff" };

/** @param {{name: string, bot?: boolean}} who a person, or a message with its author */
export const isBot = (who) => Boolean(who.bot) || who.name === bot().name;

/** @param {string} id */
export function nameOf(id) {
  if (id === bot().id) return bot().name;
  return store.workspace?.people.find((person) => person.id === id)?.name ?? id;
}

/** @param {string} id */
export function channelName(id) {
  return channels().find((channel) => channel.id === id)?.name ?? id;
}

/** A channel's title: "#deploys", or the other person of a direct message. @param {Channel} channel */
export const title = (channel) => (channel.kind === "dm" ? dmName(channel) : `#${bare(channel.name)}`);

/** @param {string} name */
export const bare = (name) => name.replace(/^#/, "");

/** @param {Channel} channel */
export const dmName = (channel) => bare(channel.name);

/** @param {Message} message true if it is in the channel itself, not in a thread */
export const isRoot = (message) => !message.thread_ts || message.thread_ts === message.ts;

/** @param {Message} message true if it is a thread's reply that is shown in the channel, too */
export const isBroadcast = (message) => message.subtype === "thread_broadcast";

/** @param {Channel} channel @returns {Map<string, Message[]>} replies by the `ts` of their root */
export function threads(channel) {
  const byRoot = new Map();
  for (const message of channel.messages) {
    if (isRoot(message)) continue;
    if (!byRoot.has(message.thread_ts)) byRoot.set(message.thread_ts, []);
    byRoot.get(message.thread_ts).push(message);
  }
  return byRoot;
}

/** The newest `ts` seen, by "person/channel" or "person/channel/thread". @type {Record<string, string> | null} */
let seen = null;
window.addEventListener("storage", () => (seen = null));

function seenSoFar() {
  try {
    seen ??= JSON.parse(localStorage.getItem(seenKey) ?? "{}");
  } catch {
    seen = {};
  }
  return /** @type {Record<string, string>} */ (seen);
}

/** @param {Channel} channel @param {string | null} thread */
const seenName = (channel, thread) => [store.workspace?.me.id, channel.id, thread].filter(Boolean).join("/");

/** @param {Channel} channel @param {string | null} thread @param {Message[]} messages */
export function markSeen(channel, thread, messages) {
  const newest = messages.at(-1)?.ts;
  const all = seenSoFar();
  const name = seenName(channel, thread);
  if (!newest || (all[name] ?? "") >= newest) return;
  all[name] = newest;
  localStorage.setItem(seenKey, JSON.stringify(all));
}

/** The number of these messages that came from others since this person last looked. @param {Channel} channel @param {string | null} thread @param {Message[]} messages */
export function unread(channel, thread, messages) {
  const last = seenSoFar()[seenName(channel, thread)] ?? "";
  return messages.filter((message) => message.ts > last && message.user !== store.workspace?.me.id).length;
}

/** The same of a channel with all its threads. @param {Channel} channel */
export function unreadIn(channel) {
  const inThreads = [...threads(channel)].map(([root, replies]) => unread(channel, root, replies));
  return inThreads.reduce((sum, each) => sum + each, unread(channel, null, channel.messages.filter(isRoot)));
}
