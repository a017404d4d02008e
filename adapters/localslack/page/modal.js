// A modal of the bot, as a <dialog>. It follows the open view in the workspace's state: a new view (opened or pushed) is
// drawn from scratch; an update of the same view keeps the entries of every field that it still has.

import { complaint, post } from "./api.js";
import { blocks } from "./blocks.js";
import { h } from "./dom.js";
import { formValues } from "./elements.js";
import { icon } from "./icons.js";
import { showErrors } from "./inputs.js";
import { bot, store } from "./state.js";
import { plain } from "./text.js";
import { bringNoticesBack } from "./toast.js";
import { logo } from "./avatar.js";

/**
 * @typedef {object} Open
 * @property {any} view @property {string} mark @property {HTMLDialogElement} dialog
 * @property {HTMLFormElement} form @property {NonNullable<import("./elements.js").Surface["controls"]>} controls
 * @property {HTMLElement | null} opener   where focus returns to
 */

/** @type {Open | null} */
let open = null;
/** What was typed in each view, so that a view under a pushed one comes back as it was left. @type {Map<string, Map<string, any>>} */
const typed = new Map();

/** Follows the state. @param {any} view the view on top, or null */
export function drawModal(view) {
  // `state` holds the entries so far: it changes with every press, the form does not.
  const mark = view ? JSON.stringify({ ...view, state: null }) : "";
  if (open && open.view.id !== view?.id) keepTyped(open);
  if (!view) return shut();
  if (open?.mark === mark) return;
  if (open && open.view.id === view.id) keepTyped(open);
  const dialog = open?.dialog ?? makeDialog();
  const opener = open?.opener ?? /** @type {HTMLElement | null} */ (document.activeElement);
  const same = open?.view.id === view.id;
  const focused = same ? /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.focus : undefined;
  const before = open?.form;
  open = { view, mark, dialog, opener, ...drawForm(view) };
  if (before) before.replaceWith(open.form);
  else dialog.prepend(open.form);
  if (!dialog.open) dialog.showModal();
  focusIn(open.form, focused);
}

function shut() {
  if (!open) return;
  const { dialog, opener } = open;
  open = null;
  typed.clear();
  dialog.close();
  bringNoticesBack();
  dialog.remove();
  // A card that was redrawn meanwhile has another button in the same place.
  if (opener?.isConnected) opener.focus();
  else
    /** @type {HTMLElement | null} */ (document.querySelector("article[tabindex='0']"))?.focus({ preventScroll: true });
}

/** @param {Open} from */
function keepTyped({ view, controls }) {
  typed.set(view.id, new Map([...controls].map(([key, control]) => [key, control.read() ?? ""])));
}

function makeDialog() {
  const dialog = h("dialog", { id: "modal", class: "dialog modal", "aria-labelledby": "modal-title" });
  dialog.addEventListener("cancel", (/** @type {Event} */ event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    leave(false);
  });
  // A browser may close a dialog without asking; the bot is told all the same.
  dialog.addEventListener("close", (/** @type {Event} */ event) => {
    if (event.target === dialog && open?.dialog === dialog)
      leave(false).then(() => open && !open.dialog.open && open.dialog.showModal());
  });
  document.body.append(dialog);
  return dialog;
}

/** @param {any} view */
function drawForm(view) {
  const controls = new Map();
  const surface = { name: `v${view.id}`, address: { view_id: view.id }, drafts: typed.get(view.id), controls };
  const hasInput = (view.blocks ?? []).some((/** @type {any} */ block) => block.type === "input");
  const submit =
    view.submit || hasInput
      ? h("button", { type: "submit", class: "button primary", "data-focus": "submit" }, plain(view.submit, "Submit"))
      : null;
  const cancel = h(
    "button",
    { type: "button", class: "button", "data-focus": "cancel", onclick: () => leave(false) },
    plain(view.close, submit ? "Cancel" : "Close"),
  );
  const form = h(
    "form",
    { novalidate: true, onsubmit: send },
    h(
      "header",
      {},
      h("span", { class: "avatar bot small", "aria-hidden": "true" }, logo()),
      h("h2", { id: "modal-title" }, plain(view.title, "Untitled")),
      h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => leave(true) }, icon("close")),
    ),
    h(
      "div",
      { class: "dialog-body blocks" },
      h("div", { class: "form-error", role: "alert" }),
      blocks(view.blocks ?? [], surface),
    ),
    h("footer", {}, cancel, submit),
  );
  return { form, controls };
}

/** @param {HTMLElement} form @param {string | undefined} name of what had focus before an update */
function focusIn(form, name) {
  const named =
    name &&
    [...form.querySelectorAll("[data-focus]")].find((node) => /** @type {HTMLElement} */ (node).dataset.focus === name);
  const first =
    named ||
    form.querySelector("[autofocus]") ||
    form.querySelector(".dialog-body :is(input, textarea, select, button)") ||
    form.querySelector("footer .button");
  /** @type {HTMLElement | null} */ (first)?.focus();
}

/** @param {boolean} all the whole stack of views, as the cross does */
async function leave(all) {
  if (!open) return;
  const { view, form } = open;
  const reply = await post("close", { as: store.person, view_id: view.id, ...(all ? { clear: true } : {}) });
  if (!reply.ok && open?.view.id === view.id) say(form, complaint(reply, bot().name));
}

/** @param {HTMLElement} form @param {string | null} text */
function say(form, text) {
  /** @type {HTMLElement} */ (form.querySelector(".form-error")).replaceChildren(
    ...(text ? [icon("alert"), text] : []),
  );
}

/** @param {Event} event */
async function send(event) {
  event.preventDefault();
  if (!open) return;
  const { view, form, controls } = open;
  const button = form.querySelector("[type=submit]");
  if (button?.getAttribute("aria-busy") === "true") return;
  button?.setAttribute("aria-busy", "true");
  say(form, null);
  const reply = await post("submit", {
    as: store.person,
    view_id: view.id,
    values: formValues({ name: "", address: {}, controls }).values,
  });
  button?.removeAttribute("aria-busy");
  if (open?.form !== form) return;
  const elsewhere = showErrors(form, reply.errors ?? {}, controls);
  const problem = reply.errors ? null : complaint(reply, bot().name);
  say(form, [problem, ...elsewhere].filter(Boolean).join(" ") || null);
}
