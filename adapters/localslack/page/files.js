// A file of a message: its name, its size, and a link to it.

import { h, safeUrl } from "./dom.js";
import { icon } from "./icons.js";
import { store } from "./state.js";
import { literal } from "./text.js";

/** @param {number | undefined} bytes */
export function size(bytes) {
  if (typeof bytes !== "number") return "";
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(bytes < 1e4 ? 1 : 0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The workspace's own files are given to its people: the address says who reads. @param {string | null} url */
function asReader(url) {
  if (!url || new URL(url).origin !== location.origin) return url;
  const own = new URL(url);
  own.searchParams.set("as", store.person);
  return own.href;
}

/** @param {import("./state.js").File} file */
export function fileCard(file) {
  const name = file.title || file.name || file.id || "File";
  const url = asReader(safeUrl(file.url_private ?? file.permalink));
  const save = asReader(safeUrl(file.url_private_download ?? file.url_private));
  const details = [file.pretty_type || file.mimetype, size(file.size)].filter(Boolean).join(" · ");
  return h(
    "div",
    { class: "file" },
    icon("file"),
    h(
      "div",
      { class: "file-body" },
      url
        ? h("a", { href: url, target: "_blank", rel: "noopener" }, h("bdi", {}, literal(name)))
        : h("bdi", {}, literal(name)),
      h("div", { class: "hint" }, details),
    ),
    save
      ? h(
          "a",
          { class: "button small", href: save, download: file.name ?? "", "aria-label": `Download ${name}` },
          "Download",
        )
      : null,
  );
}
