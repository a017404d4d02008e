// The introduction at the top of a channel: its purpose, and something to try.

import { avatar } from "./avatar.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { bare, bot, dmName, title } from "./state.js";

/** With the example agents. @type {Record<string, {text: string, tries: string[]}>} */
const known = {
  deploys: {
    text: "The deploy agent listens here. Mention it, and somebody else approves what it is about to run.",
    tries: ["@signoff ship billing 2.4.1 to production"],
  },
  refunds: {
    text: "The refund reviewer listens here. Ask for a refund; a person checks its proposal, and can edit it first.",
    tries: ["@signoff order 1042 arrived broken, please refund"],
  },
  databases: {
    text: "The database agent listens here. Before it restarts anything, the person on call decides.",
    tries: ["@signoff the orders database hangs, please restart it"],
  },
  approvals: { text: "Approvals that are posted apart from their conversation arrive here.", tries: [] },
  general: { text: "A channel for everybody. No agent listens here.", tries: [] },
  dm: {
    text: "A conversation with the agent. It asks what it needs to know; answer in your own words.",
    tries: ["plan a trip"],
  },
};

/** @param {import("./state.js").Channel} channel @param {(text: string) => void} write puts a text into the composer */
export function intro(channel, write) {
  const about = channel.purpose
    ? { text: channel.purpose, tries: [] }
    : known[channel.kind === "dm" ? "dm" : bare(channel.name)];
  const name = channel.kind === "dm" ? dmName(channel) : title(channel);
  const tries = (about?.tries ?? []).map((text) => text.replace("@signoff", `@${bot().name}`));
  return h(
    "div",
    { class: "intro" },
    channel.kind === "dm"
      ? avatar({ name, bot: true }, "large")
      : h("span", { class: "intro-sign", "aria-hidden": "true" }, "#"),
    h("h3", {}, name),
    h("p", {}, about?.text ?? "This is the beginning of the channel."),
    tries.length
      ? h(
          "p",
          { class: "try" },
          h("span", { class: "hint" }, "Try"),
          tries.map((text) =>
            h("button", { type: "button", class: "try-text", onclick: () => write(text) }, icon("send"), text),
          ),
        )
      : null,
  );
}
