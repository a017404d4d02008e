// Line icons and the few emoji that carry meaning on a card, drawn here: they look the same on a machine without
// an emoji font, and nothing is loaded from elsewhere.

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string>} */
const paths = {
  home: "M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z",
  chat: "M4 5h16v11H9l-5 4z",
  help: "M9.2 9a2.8 2.8 0 1 1 4 2.6c-.9.5-1.2 1-1.2 2M12 17.2v.1",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M19 5l-1.4 1.4M6.4 17.6L5 19",
  moon: "M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5z",
  send: "M4 4l16 8-16 8 3-8zM7 12h7",
  close: "M6 6l12 12M18 6L6 18",
  thread: "M4 5h16v10H10l-4 4v-4H4zM8 9h8M8 12h5",
  down: "M6 9l6 6 6-6",
  more: "M6 12h.1M12 12h.1M18 12h.1",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
  file: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  eye: "M2 12s4-6.5 10-6.5S22 12 22 12s-4 6.5-10 6.5S2 12 2 12zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.1",
  back: "M15 5l-7 7 7 7",
  menu: "M4 7h16M4 12h16M4 17h16",
  alert: "M12 4l9 16H3zM12 10v4M12 17v.1",
};

/** @param {string} name @param {string} [extra] */
export function icon(name, extra = "") {
  const svg = svgNode("svg", {
    viewBox: "0 0 24 24",
    class: `icon ${extra}`,
    "aria-hidden": "true",
    focusable: "false",
  });
  svg.append(svgNode("path", { d: paths[name] }));
  return svg;
}

/** @param {string} tag @param {Record<string, string>} attributes */
export function svgNode(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
