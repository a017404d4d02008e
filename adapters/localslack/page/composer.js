// The text field under a channel and under a thread: mentions, slash commands, a draft for each place. The text is sent as
// it was typed; the workspace escapes it and turns @name and #channel into Slack's tokens.

import { complaint, post } from "./api.js";
import { completion } from "./complete.js";
import { $, h } from "./dom.js";
import { icon } from "./icons.js";
import { expecting } from "./messages.js";
import { bot, changed, store } from "./state.js";
import { toast } from "./toast.js";

/** @typedef {{channel: import("./state.js").Channel, thread: string | null}} Target */

/** Unsent drafts, by place. @type {Map<string, string>} */
const drafts = new Map();

/** @param {Target} target */
const draftName = ({ channel, thread }) => [store.person, channel.id, thread].join("/");

/**
 * Makes a composer once; `aim` points it at another place and swaps the draft.
 * @param {string} name "composer" or "thread-composer"
 */
export function makeComposer(name) {
  const field = h("textarea", { id: name, rows: 1, "data-focus": name });
  const suggestions = completion(field, `${name}-list`);
  const button = h(
    "button",
    { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)" },
    icon("send"),
  );
  const label = h("label", { class: "hidden", for: name });
  const form = h(
    "form",
    { class: "composer", onsubmit: submit },
    label,
    suggestions.node,
    h("div", { class: "composer-box" }, field, button),
  );
  const hint = h(
    "div",
    { class: "composer-hint", "aria-hidden": "true" },
    h("kbd", {}, "Enter"),
    " sends · ",
    h("kbd", {}, "Shift"),
    " + ",
    h("kbd", {}, "Enter"),
    " starts a new line",
  );
  if (name === "composer") form.append(hint);
  /** @type {Target | null} */
  let target = null;

  field.addEventListener("input", () => {
    if (target) drafts.set(draftName(target), field.value);
    grow();
  });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (suggestions.key(event) || event.isComposing) return;
    if (event.key !== "Enter" || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    form.requestSubmit();
  });

  function grow() {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 220)}px`;
    button.disabled = !field.value.trim();
  }

  /** @param {string} text */
  function write(text) {
    field.value = text;
    if (target) drafts.set(draftName(target), text);
    grow();
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    const text = field.value.trim();
    const to = target;
    if (!text || !to) return;
    write("");
    suggestions.close();
    const reply = await say(text, to);
    const problem = complaint(reply, bot().name);
    if (problem) toast(problem, "error");
    // A text that could not be sent returns to the field.
    if (reply.ok) return;
    if (target && draftName(target) === draftName(to) && !field.value) write(text);
    else if (!drafts.get(draftName(to))) drafts.set(draftName(to), text);
  }

  return {
    node: form,
    field,
    write,
    /** @param {Target} next @param {string} placeholder */
    aim(next, placeholder) {
      const moved = !target || draftName(target) !== draftName(next);
      target = next;
      label.textContent = placeholder;
      field.placeholder = placeholder;
      if (moved) write(drafts.get(draftName(next)) ?? "");
    },
  };
}

/** @param {string} text @param {Target} to */
async function say(text, { channel, thread }) {
  const command = /^(\/[\w-]+)(?:\s+([\s\S]*))?$/.exec(text);
  if (command)
    return post("command", { as: store.person, channel: channel.id, command: command[1], text: command[2] ?? "" });
  const reply = await post("send", {
    as: store.person,
    channel: channel.id,
    text,
    ...(thread ? { thread_ts: thread } : {}),
  });
  if (reply.ok && !thread && reply.ts) {
    Object.assign(expecting, { ts: reply.ts, channel: channel.id });
    changed(); // the bot may have answered before the workspace did
  }
  return reply;
}

export const focusComposer = () => $("#composer")?.focus();
