// Short notices at the foot of the page. Errors stay until they are closed or ten seconds have passed.

import { $, h } from "./dom.js";
import { icon } from "./icons.js";

/** @param {string} text @param {"info" | "error"} [kind] */
export function toast(text, kind = "info") {
  const place = /** @type {HTMLElement} */ ($("#toasts"));
  for (const same of place.children) if (same.textContent === text) same.remove();
  const node = h(
    "div",
    { class: `toast ${kind}`, role: kind === "error" ? "alert" : null },
    icon(kind === "error" ? "alert" : "check"),
    h("span", { dir: "auto" }, text),
  );
  node.append(
    h(
      "button",
      { type: "button", class: "plain", "aria-label": "Close this notice", onclick: () => node.remove() },
      icon("close"),
    ),
  );
  // A dialog covers the page: the notice must stand above it, in the same top layer.
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  (dialog ?? document.body).append(place);
  place.append(node);
  setTimeout(() => node.remove(), kind === "error" ? 10000 : 4000);
}

/** Moves the notices out of a dialog that closes, so that they stay visible. */
export function bringNoticesBack() {
  document.body.append($("#toasts"));
}

document.addEventListener("close", bringNoticesBack, true);
