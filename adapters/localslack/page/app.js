// The page's wiring: one function draws everything from the store, and every change calls it.

import { post } from "./api.js";
import { focusComposer, makeComposer } from "./composer.js";
import { help, jump } from "./dialogs.js";
import { $, fill } from "./dom.js";
import { drawHome } from "./home.js";
import { icon } from "./icons.js";
import { intro } from "./intro.js";
import { follow } from "./live.js";
import { drawMessages, listenToKeys, openAwaited } from "./messages.js";
import { drawModal } from "./modal.js";
import { DEFAULT_PERSON, go, keepPerson, linkTo, listenToRoute, readPerson, settleRoute } from "./router.js";
import { listenToShortcuts } from "./shortcuts.js";
import { drawSidebar } from "./sidebar.js";
import { changed, dmName, here, HOME, onChange, store, threads, title } from "./state.js";
import { toast } from "./toast.js";

const composer = makeComposer("composer");
const threadComposer = makeComposer("thread-composer");
const wide = matchMedia("(min-width: 1000px)");
let stopFollowing = () => {};
/** The place that each part of the page shows, to notice a change of place. */
const showing = { main: "", thread: "" };

function draw() {
  if (!store.workspace) return;
  const channel = here();
  const home = store.route.place === HOME;
  $("#home").hidden = !home;
  $("#channel").hidden = home || !channel;
  $("#title").textContent = home ? "Home" : channel ? title(channel) : "";
  document.body.dataset.place = home ? "home" : (channel?.kind ?? "");
  if (home) {
    if (turned("main", `${store.person}/${HOME}`, $("#messages"))) post("home", { as: store.person });
    drawHome($("#home-blocks"), store.workspace.home);
  }
  drawThread(channel); // before the channel, which counts what is unread in its threads
  if (channel) {
    $("#rail-channels").href = linkTo(channel.name);
    drawChannel(channel);
  }
  drawSidebar(become);
  drawModal(store.workspace.view);
}

/** @param {import("./state.js").Channel} channel */
function drawChannel(channel) {
  const place = `${store.person}/${channel.id}`;
  const moved = turned("main", place, $("#messages"));
  if (moved) fill($("#intro"), intro(channel, tryThis));
  drawMessages($("#messages"), channel, null);
  composer.aim({ channel, thread: null }, `Message ${channel.kind === "dm" ? dmName(channel) : title(channel)}`);
  $("#messages").setAttribute("aria-label", `Messages in ${title(channel)}`);
  if (moved) $("#scroller").scrollTop = 0;
  openAwaited(channel, wide.matches && !store.route.thread);
}

/** @param {import("./state.js").Channel | undefined} channel */
function drawThread(channel) {
  const { thread } = store.route;
  const panel = $("#thread");
  const shown = Boolean(
    channel && thread && channel.messages.some((message) => message.ts === thread || message.thread_ts === thread),
  );
  panel.hidden = !shown;
  document.body.classList.toggle("with-thread", shown);
  if (!channel || !thread || !shown) {
    showing.thread = "";
    return;
  }
  turned("thread", `${store.person}/${channel.id}/${thread}`, $("#thread-messages"));
  drawMessages($("#thread-messages"), channel, thread);
  const count = (threads(channel).get(thread) ?? []).filter((message) => !message.ephemeral).length;
  $("#thread-place").textContent = `${title(channel)} · ${count === 1 ? "1 reply" : `${count} replies`}`;
  threadComposer.aim({ channel, thread }, "Reply in the thread");
}

/**
* Empties a list whose place changes, and keeps screen readers from announcing its messages as new.
 * @param {"main" | "thread"} part @param {string} place @param {HTMLElement} list
 */
function turned(part, place, list) {
  if (showing[part] === place) return false;
  showing[part] = place;
  list.setAttribute("aria-live", "off");
  list.replaceChildren();
  setTimeout(() => list.setAttribute("aria-live", "polite"), 500);
  return true;
}

/** @param {string} text */
function tryThis(text) {
  composer.write(text);
  composer.field.focus();
}

/** Acts as another member from now on. @param {string} name */
function become(name) {
  stopFollowing();
  keepPerson(name);
  store.person = name;
  stopFollowing = follow(name, { state: arrived, status: connection, unknown });
}

/** @param {any} state */
function arrived(state) {
  const first = !store.workspace || store.workspace.me.id !== state.me.id;
  store.workspace = state;
  if (first) document.body.classList.add("ready");
  settleRoute();
  changed();
}

/** @param {typeof store.status} status */
function connection(status) {
  store.status = status;
  $("#offline").hidden = status !== "lost";
  changed();
}

/** No person has the name in the tab's address: fall back to alice, then to the first person of the workspace. */
async function unknown() {
  const wrong = store.person;
  if (wrong !== DEFAULT_PERSON) {
    become(DEFAULT_PERSON);
    return toast(`Nobody here is called “${wrong}”. You are ${DEFAULT_PERSON}.`, "error");
  }
  const response = await fetch("/people/state");
  if (response.ok) return become((await response.json()).me.name);
  $("#offline").hidden = false;
  $("#offline").textContent = "Nobody here is called alice. Say who you are in the address: /?as=NAME";
}

/** @returns {boolean} whether there was a thread to close */
function closeThread() {
  const { place, thread } = store.route;
  if (!thread) return false;
  go(place);
  const row = document.querySelector(`#messages article[data-ts="${CSS.escape(thread)}"]`);
  if (row) /** @type {HTMLElement} */ (row).focus({ preventScroll: true });
  else focusComposer();
  return true;
}

/** On a narrow screen the channels come over the page. @param {boolean} shown @returns {boolean} whether that changed */
function showMenu(shown) {
  const before = document.body.classList.contains("with-menu");
  if (before === shown) return false;
  document.body.classList.toggle("with-menu", shown);
  $("#menu-button").setAttribute("aria-expanded", String(shown));
  (shown ? ($(".place[aria-current]") ?? $(".place")) : $("#menu-button")).focus();
  return true;
}

function listen() {
  $("#skip").addEventListener("click", (/** @type {Event} */ event) => {
    event.preventDefault();
    focusComposer();
  });
  $("#close-thread").addEventListener("click", closeThread);
  $("#help-button").addEventListener("click", help);
  $("#jump-button").addEventListener("click", jump);
  $("#menu-button").addEventListener("click", () => showMenu(true));
  $("#shade").addEventListener("click", () => showMenu(false));
  for (const part of [$("#sidebar"), $(".rail")])
    part.addEventListener("click", (/** @type {any} */ event) => event.target.closest("a") && showMenu(false));
  document.addEventListener("visibilitychange", changed);
  for (const list of [$("#messages"), $("#thread-messages")]) listenToKeys(list);
  listenToShortcuts({ escape: () => showMenu(false) || closeThread() });
}

$("#composer-place").append(composer.node);
$("#thread-composer-place").append(threadComposer.node);
for (const place of document.querySelectorAll("[data-icon]"))
  place.prepend(icon(/** @type {HTMLElement} */ (place).dataset.icon ?? ""));
onChange(draw);
listen();
listenToRoute();
become(readPerson());
