// The bot's Home tab.

import { blocks } from "./blocks.js";
import { fill, h } from "./dom.js";
import { logo } from "./avatar.js";
import { bot } from "./state.js";

/** @param {HTMLElement} place @param {any} view */
export function drawHome(place, view) {
  const mark = JSON.stringify(view ?? null);
  if (/** @type {any} */ (place).mark === mark) return;
  /** @type {any} */ (place).mark = mark;
  const name = place.contains(document.activeElement)
    ? /** @type {HTMLElement} */ (document.activeElement).dataset.focus
    : null;
  fill(
    place,
    view?.blocks?.length
      ? blocks(view.blocks, { name: "home", address: { view: "home" }, controls: new Map() })
      : empty(),
  );
  if (name)
    /** @type {HTMLElement[]} */ ([...place.querySelectorAll("[data-focus]")])
      .find((node) => node.dataset.focus === name)
      ?.focus();
}

function empty() {
  return h(
    "div",
    { class: "empty" },
    h("span", { class: "avatar bot large" }, logo()),
    h("h3", {}, "Nothing here yet"),
    h("p", {}, `${bot().name} shows here what waits for you, once it has something to show.`),
  );
}
