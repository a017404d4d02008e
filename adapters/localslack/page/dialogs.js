// The page's own dialogs: the list of shortcuts, and the jump box.

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { places } from "./sidebar.js";

const shortcuts = [
  ["Alt + ↑ / ↓", "Previous or next channel"],
  ["Ctrl + K", "Jump to a channel or to Home"],
  ["Alt + M", "To the message box"],
  ["Alt + L", "To the newest message"],
  ["↑ / ↓", "Between messages, when one has focus"],
  ["Enter", "On a message: open its thread"],
  ["Escape", "Close the thread, a menu or a form"],
  ["@ and #", "Name a person or a channel while writing"],
  ["?", "This list"],
];

/** @param {string} id @param {string} heading @param {any} body */
function dialog(id, heading, body) {
  const close = () => node.close();
  const node = h(
    "dialog",
    { id, class: "dialog", "aria-labelledby": `${id}-title` },
    h(
      "div",
      {},
      h(
        "header",
        {},
        h("h2", { id: `${id}-title` }, heading),
        h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: close }, icon("close")),
      ),
      h("div", { class: "dialog-body" }, body),
    ),
  );
  node.addEventListener("close", () => node.remove());
  node.addEventListener("click", (/** @type {Event} */ event) => event.target === node && close());
  document.body.append(node);
  node.showModal();
  return node;
}

export function help() {
  if (document.querySelector("dialog[open]")) return;
  const rows = shortcuts.map(([keys, what]) =>
    h("div", { class: "shortcut" }, h("dt", {}, h("kbd", {}, keys)), h("dd", {}, what)),
  );
  dialog("help", "Keyboard shortcuts", h("dl", {}, rows))
    .querySelector("button")
    ?.focus();
}

export function jump() {
  if (document.querySelector("dialog[open]")) return;
  const list = h("ul", { class: "jump-list" });
  const field = h("input", {
    type: "text",
    "aria-label": "Jump to",
    placeholder: "A channel, or Home",
    autocomplete: "off",
    oninput: draw,
  });
  /** @type {HTMLDialogElement} */
  const node = dialog("jump", "Jump to", [field, list]);
  node.addEventListener("keydown", (event) => {
    if (!["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
    const stops = /** @type {HTMLElement[]} */ ([field, ...list.querySelectorAll("a")]);
    const at = stops.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (event.key === "Enter" && at > 0) return;
    event.preventDefault();
    if (event.key === "Enter") stops[1]?.click();
    else stops.at((at + (event.key === "ArrowDown" ? 1 : -1)) % stops.length)?.focus();
  });
  function draw() {
    const wanted = field.value.trim().replace(/^[#@]/, "").toLowerCase();
    const found = places().filter((place) => place.text.toLowerCase().includes(wanted));
    fill(
      list,
      found.map((place) =>
        h(
          "li",
          {},
          h("a", { href: place.href, onclick: () => node.close() }, place.kind === "channel" ? "# " : "", place.text),
        ),
      ),
    );
    if (!found.length) fill(list, h("li", { class: "hint" }, "Nothing by that name."));
  }
  draw();
  field.focus();
}
