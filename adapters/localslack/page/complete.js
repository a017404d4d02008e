// Completion of @people and #channels while typing, as a list box above the text field.

import { avatar } from "./avatar.js";
import { fill, h } from "./dom.js";
import { bare, bot, channels, store, title } from "./state.js";

const MOST = 8;

/** @typedef {{name: string, node: any}} Choice */

/** @param {string} sign "@", "#" or "/" @param {string} typed @returns {Choice[]} */
function choices(sign, typed) {
  const wanted = typed.toLowerCase();
  const fits = (/** @type {string} */ name) => name.toLowerCase().startsWith(wanted);
  if (sign === "#") {
    const names = channels().filter((channel) => channel.kind === "channel" && fits(bare(channel.name)));
    return names.slice(0, MOST).map((channel) => ({ name: title(channel), node: h("span", {}, title(channel)) }));
  }
  const everyone = [bot(), ...(store.workspace?.people ?? []).filter((person) => person.id !== bot().id)];
  const people = everyone
    .filter((person) => fits(person.name))
    .map((person) => ({ name: `@${person.name}`, node: [avatar(person, "tiny"), h("span", {}, person.name)] }));
  const groups = (store.workspace?.groups ?? [])
    .filter((group) => !group.disabled && fits(group.handle))
    .map((group) => ({ name: `@${group.handle}`, node: h("span", {}, `@${group.handle} (${group.name})`) }));
  return [...people, ...groups].slice(0, MOST);
}

/**
 * @param {HTMLTextAreaElement} field @param {string} id of the list box
 * @returns {{node: HTMLElement, key: (event: KeyboardEvent) => boolean, close: () => void}}
 *          `key` says whether it used the key
 */
export function completion(field, id) {
  const node = h("div", { class: "complete", role: "listbox", id, "aria-label": "Suggestions", hidden: true });
  /** @type {Choice[]} */
  let found = [];
  let at = 0;
  let start = 0;
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", id);

  function close() {
    node.hidden = true;
    found = [];
    field.removeAttribute("aria-activedescendant");
  }
  function draw() {
    node.hidden = !found.length;
    fill(
      node,
      found.map((choice, index) =>
        h(
          "div",
          {
            role: "option",
            id: `${id}-${index}`,
            class: "choice",
            "aria-selected": String(index === at),
            onmousedown: (/** @type {Event} */ event) => take(event, index),
          },
          choice.node,
        ),
      ),
    );
    if (found.length) field.setAttribute("aria-activedescendant", `${id}-${at}`);
    else field.removeAttribute("aria-activedescendant");
  }
  /** @param {Event} event @param {number} index */
  function take(event, index) {
    event.preventDefault();
    field.setRangeText(`${found[index].name} `, start, field.selectionStart, "end");
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function look() {
    const before = field.value.slice(0, field.selectionStart);
    const typed = /(?:^|\s)([@#])([\w.-]*)$/.exec(before);
    if (!typed) return close();
    start = before.length - typed[2].length - 1;
    found = choices(typed[1], typed[2]);
    at = 0;
    draw();
  }
  field.addEventListener("input", look);
  field.addEventListener("blur", close);

  return {
    node,
    close,
    key(event) {
      if (node.hidden) return false;
      if (event.key === "ArrowDown") at = (at + 1) % found.length;
      else if (event.key === "ArrowUp") at = (at + found.length - 1) % found.length;
      else if (event.key === "Enter" || event.key === "Tab") {
        take(event, at);
        return true;
      } else if (event.key !== "Escape") return false;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") close();
      else draw();
      return true;
    },
  };
}
