// Times as people read them. A message's `ts` is seconds since 1970 with a fraction, as text.

/** @param {string | number} ts */
export const asDate = (ts) => new Date(Number(ts) * 1000);

/** @param {Date} date */
export const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

/** @param {Date} date */
export function day(date) {
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (date.toDateString() === now.toDateString()) return "Today";
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString([], { weekday: "long", month: "long", day: "numeric", year });
}

/** @param {Date} date */
export const full = (date) => date.toLocaleString([], { dateStyle: "full", timeStyle: "medium" });

/** @type {Record<string, (date: Date) => string>} */
const dateTokens = {
  date_num: (date) => [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-"),
  date: (date) => date.toLocaleDateString([], { dateStyle: "long" }),
  date_short: (date) => date.toLocaleDateString([], { month: "short", day: "numeric", year: "numeric" }),
  date_long: (date) => date.toLocaleDateString([], { dateStyle: "full" }),
  date_slash: (date) => date.toLocaleDateString(),
  time: clock,
  time_secs: (date) => date.toLocaleTimeString(),
  ago: (date) => ago(date),
};

/** @param {number} number */
const pad = (number) => String(number).padStart(2, "0");

/**
 * Fills the format of a `<!date^SECONDS^FORMAT|FALLBACK>` token.
 * Source: docs.slack.dev, "Formatting message text", date formatting.
 * @param {Date} date @param {string} format
 */
export function formatDate(date, format) {
  return format.replace(/\{(\w+)\}/g, (whole, token) => {
    const plain = token.replace(/_pretty$/, "");
    const near = token.endsWith("_pretty") ? day(date) : "";
    if (near === "Today" || near === "Yesterday") return near.toLowerCase();
    return dateTokens[plain]?.(date) ?? whole;
  });
}

/** @param {Date} date */
function ago(date) {
  const minutes = Math.round((date.getTime() - Date.now()) / 60000);
  const words = new Intl.RelativeTimeFormat([], { numeric: "auto" });
  if (Math.abs(minutes) < 60) return words.format(minutes, "minute");
  if (Math.abs(minutes) < 1440) return words.format(Math.round(minutes / 60), "hour");
  return words.format(Math.round(minutes / 1440), "day");
}
