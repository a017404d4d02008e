// The left column: places with their unread counts, and the acting person.

import { avatar } from "./avatar.js";
import { $, fill, h, keyed } from "./dom.js";
import { icon } from "./icons.js";
import { menuButton } from "./menu.js";
import { linkTo } from "./router.js";
import { bare, bot, channels, dmName, here, HOME, store, title, unreadIn } from "./state.js";

/** @typedef {{key: string, href: string, current: boolean, unread: number, text: string, kind: string}} Place */

/** @returns {Place[]} every place, in the order that Alt+Up and Alt+Down walk */
export function places() {
  const rows = channels().map((channel) => ({
    key: channel.id,
    href: linkTo(channel.name),
    current: here() === channel,
    unread: unreadIn(channel),
    text: channel.kind === "dm" ? dmName(channel) : bare(channel.name),
    kind: channel.kind,
  }));
  const home = {
    key: HOME,
    href: linkTo(HOME),
    current: store.route.place === HOME,
    unread: 0,
    text: `${bot().name} Home`,
    kind: "home",
  };
  return [...rows.filter((row) => row.kind === "channel"), ...rows.filter((row) => row.kind === "dm"), home];
}

/** @param {(name: string) => void} become */
export function drawSidebar(become) {
  const all = places();
  for (const kind of ["channel", "dm", "home"]) {
    keyed(
      $(`#places-${kind}`),
      all.filter((place) => place.kind === kind),
      { key: (place) => place.key, mark: JSON.stringify, make: row },
    );
  }
  const total = all.reduce((sum, place) => sum + place.unread, 0);
  const where = store.route.place === HOME ? "Home" : here() ? title(/** @type {any} */ (here())) : "";
  document.title = `${total ? `(${total}) ` : ""}${where ? `${where} · ` : ""}Signoff workspace`;
  drawSwitcher(become);
  drawStatus();
}

/** @param {Place} place */
function row(place) {
  const sign =
    place.kind === "channel"
      ? h("span", { class: "hash", "aria-hidden": "true" }, "#")
      : place.kind === "dm"
        ? avatar({ name: place.text }, "tiny")
        : icon("home");
  const link = h(
    "a",
    {
      href: place.href,
      class: `place${place.unread ? " unread" : ""}`,
      "aria-current": place.current ? "page" : null,
      "data-focus": place.key,
    },
    sign,
    h("bdi", { class: "place-name" }, place.text),
    place.kind === "dm" && place.text === bot().name ? h("span", { class: "app" }, "APP") : null,
    place.unread
      ? h(
          "span",
          { class: "badge" },
          h("span", { "aria-hidden": "true" }, place.unread),
          h("span", { class: "hidden" }, `${place.unread} unread`),
        )
      : null,
  );
  return h("li", {}, link);
}

/** @param {(name: string) => void} become */
function drawSwitcher(become) {
  const me = store.workspace?.me;
  if (!me) return;
  const people = (store.workspace?.people ?? []).filter((person) => person.id !== bot().id);
  const mark = JSON.stringify([me, people]);
  const place = /** @type {any} */ ($("#switcher"));
  if (place.mark === mark) return;
  place.mark = mark;
  const items = people.map((person) => ({
    text: person.name,
    hint: standing(person),
    before: avatar(person, "small"),
    checked: person.id === me.id,
    run: () => become(person.name),
  }));
  const content = [
    avatar(me, "small"),
    h("span", { class: "switcher-text" }, h("span", { class: "hint" }, "You are"), h("bdi", {}, me.name)),
    icon("down"),
  ];
  const had = place.contains(document.activeElement);
  fill(
    place,
    menuButton({
      className: "switcher",
      content,
      name: `You are ${me.name}. Act as somebody else`,
      items,
      focusName: "switcher",
    }),
  );
  if (had) place.querySelector("button")?.focus();
}

/** The label of a person who is not a full member. @param {import("./state.js").Person} person */
const standing = (person) => (person.deactivated ? "deactivated" : person.guest ? "guest" : person.stranger ? "another workspace" : undefined);

function drawStatus() {
  const words = { connecting: "Connecting…", live: "Connected", lost: "Connection lost. Trying again…" };
  const place = /** @type {HTMLElement} */ ($("#status"));
  if (place.dataset.state === store.status) return;
  place.dataset.state = store.status;
  fill(place, h("span", { class: "status-dot", "aria-hidden": "true" }), words[store.status]);
}
