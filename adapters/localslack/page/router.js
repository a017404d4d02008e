// Deep links: #/deploys opens a channel, #/deploys/1700000000.000100 a thread in it, #/home the bot's Home tab. Slack's
// permalinks, /archives/C.../p1700000000000100, are turned into these.
// The acting person is kept for each browser tab (sessionStorage) and can be given as ?as=bob.

import { bare, channels, changed, HOME, store } from "./state.js";

const personKey = "signoff.person";
export const DEFAULT_PERSON = "alice";

/** @returns {import("./state.js").Route} */
export function readRoute() {
  const permalink = /^\/archives\/(\w+)\/p(\d+)(\d{6})$/.exec(location.pathname);
  if (permalink) {
    const [, channel, seconds, fraction] = permalink;
    const thread = new URL(location.href).searchParams.get("thread_ts") ?? `${seconds}.${fraction}`;
    return { place: channel, thread };
  }
  const [place = "", thread = ""] = location.hash.replace(/^#\/?/, "").split("/").map(decode);
  return { place, thread: thread || null };
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @param {string} place @param {string | null} [thread] */
export function linkTo(place, thread) {
  return `#/${encodeURIComponent(bare(place))}${thread ? `/${thread}` : ""}`;
}

/** @param {string} place @param {string | null} [thread] */
export function go(place, thread = null) {
  const link = linkTo(place, thread);
  if (location.hash !== link) location.hash = link;
}

/** The first channel with an agent: the examples' #deploys, or one whose purpose says that an agent listens. */
function firstWithAgent() {
  return channels().find((channel) =>
    channel.purpose ? / listens? here\./.test(channel.purpose) : bare(channel.name) === "deploys",
  );
}

/** A place that does not exist (any more) falls back to the first channel with something to try in it. */
export function settleRoute() {
  const route = readRoute();
  const names = channels().map((channel) => bare(channel.name));
  const found = channels().find((channel) => channel.id === route.place || bare(channel.name) === route.place);
  if (found) {
    route.place = found.name;
    if (location.pathname !== "/")
      history.replaceState(null, "", `/${personQuery()}${linkTo(found.name, route.thread)}`);
  } else if (route.place !== HOME && names.length) {
    const first = bare(firstWithAgent()?.name ?? names[0] ?? "");
    history.replaceState(null, "", `/${personQuery()}${linkTo(first)}`);
    Object.assign(route, { place: channels().find((channel) => bare(channel.name) === first)?.name, thread: null });
  }
  store.route = route;
}

export function listenToRoute() {
  window.addEventListener("hashchange", () => {
    settleRoute();
    changed();
  });
}

const personQuery = () => (store.person ? `?as=${encodeURIComponent(store.person)}` : "");

/** @returns {string} */
export function readPerson() {
  return new URL(location.href).searchParams.get("as") || sessionStorage.getItem(personKey) || DEFAULT_PERSON;
}

/** @param {string} name */
export function keepPerson(name) {
  sessionStorage.setItem(personKey, name);
  const url = new URL(location.href);
  url.searchParams.set("as", name);
  history.replaceState(null, "", url);
}
