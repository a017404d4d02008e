// Emoji: a table of the shortcodes that bots use, and drawings for those that carry meaning on an approval card.

import { h } from "./dom.js";
import { svgNode } from "./icons.js";

/** @type {Record<string, string>} */
const characters = {
  white_check_mark: "✅",
  heavy_check_mark: "✔️",
  ballot_box_with_check: "☑️",
  x: "❌",
  no_entry: "⛔",
  no_entry_sign: "🚫",
  warning: "⚠️",
  hourglass: "⌛",
  hourglass_flowing_sand: "⏳",
  alarm_clock: "⏰",
  information_source: "ℹ️",
  question: "❓",
  exclamation: "❗",
  bell: "🔔",
  lock: "🔒",
  unlock: "🔓",
  key: "🔑",
  pencil2: "✏️",
  pencil: "📝",
  memo: "📝",
  speech_balloon: "💬",
  thread: "🧵",
  eyes: "👀",
  rocket: "🚀",
  tada: "🎉",
  fire: "🔥",
  bug: "🐛",
  wrench: "🔧",
  gear: "⚙️",
  hammer_and_wrench: "🛠️",
  robot_face: "🤖",
  wave: "👋",
  "+1": "👍",
  thumbsup: "👍",
  "-1": "👎",
  thumbsdown: "👎",
  pray: "🙏",
  raised_hand: "✋",
  smile: "😄",
  thinking_face: "🤔",
  heart: "❤️",
  star: "⭐",
  sparkles: "✨",
  zap: "⚡",
  mag: "🔍",
  link: "🔗",
  package: "📦",
  clipboard: "📋",
  calendar: "📆",
  date: "📅",
  airplane: "✈️",
  hotel: "🏨",
  moneybag: "💰",
  credit_card: "💳",
  email: "📧",
  page_facing_up: "📄",
  arrow_right: "➡️",
  arrows_counterclockwise: "🔄",
  red_circle: "🔴",
  large_green_circle: "🟢",
  large_yellow_circle: "🟡",
  large_blue_circle: "🔵",
  white_circle: "⚪",
  stop_sign: "🛑",
  rotating_light: "🚨",
  shield: "🛡️",
  bust_in_silhouette: "👤",
  busts_in_silhouette: "👥",
  zzz: "💤",
  leftwards_arrow_with_hook: "↩️",
  mailbox: "📫",
  double_vertical_bar: "⏸️",
  tick: "✔️",
};

/** shape, colour name (a CSS class), and the mark drawn in white on it. @type {Record<string, [string, string, string]>} */
const drawings = {
  "✅": ["M3 3h18v18H3z", "green", "M7 12.5l3.5 3.5L17 8.5"],
  "✔": ["", "green", "M5 12.5l5 5L20 7"],
  "❌": ["", "red", "M5 5l14 14M19 5L5 19"],
  "⛔": ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20z", "red", "M7 12h10"],
  "🚫": ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20z", "red", "M6.5 6.5l11 11"],
  "⚠": ["M12 2l11 20H1z", "amber", "M12 9v6M12 18v.1"],
  "⏳": ["M6 2h12v5l-4 5 4 5v5H6v-5l4-5-4-5z", "amber", "M9 19.5h6"],
  "⌛": ["M6 2h12v5l-4 5 4 5v5H6v-5l4-5-4-5z", "amber", "M9 4.5h6"],
  ℹ: ["M3 3h18v18H3z", "blue", "M12 11v6M12 7v.1"],
  "❓": ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20z", "blue", "M9.2 9.5a2.8 2.8 0 1 1 4 2.5c-.9.5-1.2 1-1.2 2M12 17v.1"],
  "❗": ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20z", "red", "M12 7v6M12 17v.1"],
  "🔁": ["", "blue", "M4 11V9a4 4 0 0 1 4-4h11M16 2l3 3-3 3M20 13v2a4 4 0 0 1-4 4H5M8 22l-3-3 3-3"],
  "▶": ["M3 3h18v18H3z", "blue", "M10 8l5 4-5 4z"],
  "⏭": ["M3 3h18v18H3z", "blue", "M8 8l5 4-5 4zM16 8v8"],
  "⏹": ["M3 3h18v18H3z", "blue", "M9 9h6v6H9z"],
  "↩": ["M3 3h18v18H3z", "blue", "M10 8l-3 3 3 3M7 11h7a3 3 0 0 1 0 6h-3"],
  "⏰": ["M12 4a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM1.5 6.5l4-4 2 2-4 4zM22.5 6.5l-4-4-2 2 4 4z", "red", "M12 8v5l3.5 2"],
  "☑": ["M3 3h18v18H3z", "blue", "M7 12.5l3.5 3.5L17 8.5"],
  "▫": ["", "blue", "M7 7h10v10H7z"],
  "🔔": ["M12 2a6 6 0 0 1 6 6v5l2 4H4l2-4V8a6 6 0 0 1 6-6zM9.5 19h5a2.5 2.5 0 0 1-5 0z", "amber", ""],
  "🔒": ["M7 10V7a5 5 0 0 1 10 0v3h2v11H5V10zm3 0h4V7a2 2 0 0 0-4 0z", "amber", "M12 14v3"],
  "✏": ["M3 21l1.5-6L16 3.5l4.5 4.5L9 19.5z", "amber", ""],
  "📝": ["M5 2h14v20H5z", "blue", "M8.5 8h7M8.5 12h7M8.5 16h4"],
  "💬": ["M2 4h20v13H11l-6 5v-5H2z", "blue", "M7 10.5h.1M12 10.5h.1M17 10.5h.1"],
  "🚀": ["M12 1c4 3 5.5 7 5 12l3 4v4l-5-2.5H9L4 21v-4l3-4c-.5-5 1-9 5-12z", "blue", "M12 8.5v1"],
};

const codes = Object.fromEntries(Object.entries(characters).map(([code, character]) => [character, code]));
const drawn = new RegExp(`(${Object.keys(drawings).join("|")})\\uFE0F?`, "u");

/** @param {string} code without colons @returns {HTMLElement | null} */
export function emoji(code) {
  const character = characters[code.replace(/::skin-tone-\d$/, "")];
  return character ? node(character, code) : null;
}

/** Splits text so that emoji characters which have a drawing are drawn. @param {string} text @returns {(string | HTMLElement)[]} */
export function withEmoji(text) {
  return text.split(new RegExp(`(${drawn.source})`, "u")).flatMap((part, index) => {
    // Two groups: index 1 of each triple is the emoji with its selector, index 2 repeats it bare.
    if (index % 3 === 2) return [];
    return index % 3 === 1 ? [node(part, codes[part] ?? codes[`${part}\uFE0F`] ?? part)] : part ? [part] : [];
  });
}

/** @param {string} character @param {string} code */
function node(character, code) {
  const drawing = drawings[character.replace("\uFE0F", "")];
  const label = { role: "img", "aria-label": code.replaceAll("_", " "), title: `:${code}:` };
  if (!drawing) return h("span", { class: "emoji", ...label }, character);
  const [shape, colour, mark] = drawing;
  const svg = svgNode("svg", {
    viewBox: "0 0 24 24",
    class: `emoji-drawn ${colour} ${shape ? "" : "bare"}`,
    "aria-hidden": "true",
  });
  if (shape) svg.append(svgNode("path", { d: shape, class: "shape" }));
  if (mark) svg.append(svgNode("path", { d: mark, class: "mark" }));
  return h("span", { class: "emoji", ...label }, svg);
}
