// A button that opens a menu, worked by mouse or by arrow keys, Enter and Escape.

import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {{text: string, hint?: string, before?: any, checked?: boolean, run: () => void}} Item
 * @param {{className: string, content: any[], name?: string, items: Item[], focusName?: string}} setup
 * @returns {HTMLElement}
 */
export function menuButton({ className, content, name, items, focusName }) {
  const radio = items.some((item) => item.checked !== undefined);
  const entries = items.map((item) =>
    h(
      "button",
      {
        type: "button",
        role: radio ? "menuitemradio" : "menuitem",
        "aria-checked": radio ? String(Boolean(item.checked)) : null,
        tabindex: -1,
        onclick: () => {
          close(true);
          item.run();
        },
      },
      item.before,
      h("span", { class: "menu-text" }, item.text, item.hint ? h("span", { class: "hint" }, item.hint) : null),
      item.checked ? icon("check") : null,
    ),
  );
  const menu = h("div", { class: "menu", role: "menu", "aria-label": name, hidden: true }, entries);
  const button = h(
    "button",
    {
      type: "button",
      class: className,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "aria-label": name,
      "data-focus": focusName,
      onclick: toggle,
      onkeydown: openByKey,
    },
    content,
  );
  const node = h("div", { class: "menu-holder", onkeydown: walk, onfocusout: leave }, button, menu);

  function toggle() {
    if (menu.hidden)
      open(
        Math.max(
          0,
          items.findIndex((item) => item.checked),
        ),
      );
    else close(true);
  }
  /** @param {number} index */
  function open(index) {
    menu.hidden = false;
    button.setAttribute("aria-expanded", "true");
    menu.classList.toggle("up", menu.getBoundingClientRect().bottom > innerHeight);
    menu.classList.toggle("left", menu.getBoundingClientRect().right > innerWidth);
    entries.at(index)?.focus();
  }
  /** @param {boolean} back */
  function close(back) {
    menu.hidden = true;
    button.setAttribute("aria-expanded", "false");
    if (back) button.focus();
  }
  /** @param {KeyboardEvent} event */
  function openByKey(event) {
    if (menu.hidden && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      event.stopPropagation();
      open(event.key === "ArrowDown" ? 0 : -1);
    }
  }
  /** @param {KeyboardEvent} event */
  function walk(event) {
    if (menu.hidden) return;
    const at = entries.indexOf(/** @type {any} */ (document.activeElement));
    const to = { ArrowDown: (at + 1) % entries.length, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) entries.at(to)?.focus();
    else if (event.key === "Escape") close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  /** @param {FocusEvent} event */
  function leave(event) {
    if (!menu.hidden && !node.contains(/** @type {Node | null} */ (event.relatedTarget))) close(false);
  }
  return node;
}
