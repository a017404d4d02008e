// The question that a button's `confirm` object asks before anything is sent.

import { h } from "./dom.js";
import { textNodes } from "./mrkdwn.js";
import { label } from "./text.js";

/** @param {any} confirm a confirmation object @returns {Promise<boolean>} */
export function confirmed(confirm) {
  const heading = h("h2", { id: "confirm-title" }, label(confirm.title));
  const style = confirm.style === "danger" ? "danger" : "primary";
  const yes = h("button", { class: `button ${style}`, value: "yes" }, label(confirm.confirm) || "Yes");
  const no = h("button", { class: "button", value: "no" }, label(confirm.deny) || "Cancel");
  const text = h("div", { class: "text dialog-body", dir: "auto" }, textNodes(confirm.text));
  const dialog = h(
    "dialog",
    { class: "dialog confirm", "aria-labelledby": "confirm-title" },
    h("form", { method: "dialog" }, h("header", {}, heading), text, h("footer", {}, no, yes)),
  );
  document.body.append(dialog);
  dialog.showModal();
  yes.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
