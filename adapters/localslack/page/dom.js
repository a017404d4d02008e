// The only place that makes DOM nodes. What an agent says is untrusted, so text enters the page through
// text nodes alone: no function of this page takes markup, and attributes are set by name, never parsed.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Makes an element: `h("button", {class: "x", onclick: fn, "aria-label": "Close"}, "text", node)`.
 * A property that is false, null or undefined is left out; true becomes an empty attribute.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") /** @type {any} */ (node).value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...nodes(children));
  return node;
}

/** @param {any[]} children @returns {(Node | string)[]} */
export function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false && child !== "")
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** @param {Element} parent @param {...any} children */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

/**
* A link for an untrusted URL; anything but web, mail and phone addresses becomes plain text.
 * @param {string} url @param {any} label
 */
export function link(url, label) {
  const href = safeUrl(url);
  if (!href) return h("span", { class: "dead-link", title: "This address cannot be opened" }, label);
  return h(
    "a",
    { href, target: "_blank", rel: "noopener noreferrer nofollow", title: url },
    label,
    otherHost(href, label),
  );
}

/** @param {string | undefined} url @returns {string | null} */
export function safeUrl(url) {
  if (!url) return null;
  try {
    const parsed = new URL(url, location.origin);
    return ["http:", "https:", "mailto:", "tel:"].includes(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

/** A label that looks like one address over a link to another is shown with the true host beside it. */
function otherHost(/** @type {string} */ href, /** @type {any} */ label) {
  const text = label instanceof Node ? label.textContent : String(label);
  const claimed = /^\s*(?:https?:\/\/)?((?:[\w-]+\.)+[a-z]{2,})(?:[/:?#]|\s*$)/i.exec(text ?? "");
  const host = new URL(href).hostname;
  if (!claimed || !host || claimed[1].toLowerCase() === host) return null;
  return h("span", { class: "true-host" }, ` (${host})`);
}

/**
* Makes `parent` hold one node for each item, in order, and changes as little as possible: a node is kept while its
 * item's `mark` (a string) is the same, so focus, selection and typed text survive a new state.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {{key: (item: T) => string, mark: (item: T) => string, make: (item: T) => HTMLElement}} how
 */
export function keyed(parent, items, { key, mark, make }) {
  const known = new Map([...parent.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  /** @type {Element | null} */
  let next = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    const before = /** @type {any} */ (known.get(id));
    known.delete(id);
    let node = before;
    const now = mark(item);
    if (!before || before.mark !== now) {
      node = make(item);
      node.dataset.key = id;
      /** @type {any} */ (node).mark = now;
      if (before) {
        if (before === next) next = node;
        replaceKeepingFocus(before, node);
      }
    }
    if (node === next) next = next?.nextElementSibling ?? null;
    else parent.insertBefore(node, next);
  }
  for (const gone of known.values()) gone.remove();
}

/**
 * Replaces a node by its newer drawing. Focus goes to the element with the same `data-focus` name, else to the
 * message itself, so that a keyboard user is never thrown to the top of the page.
 * @param {HTMLElement} before @param {HTMLElement} after
 */
export function replaceKeepingFocus(before, after) {
  const active = /** @type {HTMLElement | null} */ (
    before.contains(document.activeElement) ? document.activeElement : null
  );
  const name = active?.dataset.focus;
  before.replaceWith(after);
  if (!active) return;
  const same =
    name &&
    [...after.querySelectorAll("[data-focus]")].find(
      (node) => /** @type {HTMLElement} */ (node).dataset.focus === name,
    );
  const target = /** @type {HTMLElement} */ (same || after.querySelector("[tabindex]") || after);
  if (target === after) after.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/** @param {string} selector @returns {any} */
export function $(selector) {
  return document.querySelector(selector);
}
