// Keys that work anywhere on the page; help() lists them.

import { focusComposer } from "./composer.js";
import { help, jump } from "./dialogs.js";
import { places } from "./sidebar.js";

/** @param {{escape: () => boolean}} page what Escape does; false when there was nothing to leave */
export function listenToShortcuts(page) {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.defaultPrevented) return;
    const typing = /** @type {HTMLElement} */ (event.target).matches?.("input, textarea, select");
    if (event.altKey && event.key === "ArrowUp") step(-1);
    else if (event.altKey && event.key === "ArrowDown") step(1);
    else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") jump();
    else if (event.altKey && event.code === "KeyM") focusComposer();
    else if (event.altKey && event.code === "KeyL") newest();
    else if (event.key === "?" && !typing) help();
    else if (event.key !== "Escape" || !page.escape()) return;
    event.preventDefault();
  });
}

/** @param {number} by */
function step(by) {
  const all = places();
  const at = all.findIndex((place) => place.current);
  location.hash = all.at((at + by) % all.length)?.href ?? location.hash;
}

/** The newest message of the thread on screen, else of the channel. */
function newest() {
  const articles = [...document.querySelectorAll("#thread:not([hidden]) article")];
  const all = articles.length ? articles : [...document.querySelectorAll("#messages article")];
  /** @type {HTMLElement | undefined} */ (all.at(-1))?.focus();
}
