/** The icons: lines of one weight in the colour of the text, hidden from screen readers (the text beside them says it). */
import { h } from "./dom.js";

const PATHS = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM14 4v3h6V4zM4 17v3h6v-3z",
  running: "M7 5l12 7-12 7z",
  completed: "M5 12.500l4.500 4.500L19 7.500",
  workers: "M4 5h16v5H4zM4 14h16v5H4zM7 7.500h.01M7 16.500h.01",
  master: "M12 3l8 4.500v9L12 21l-8-4.500v-9zM12 9a3 3 0 100 6 3 3 0 000-6z",
  submit: "M12 16V4M7 9l5-5 5 5M4 16v4h16v-4",
  theme: "M12 3a9 9 0 100 18zM12 3a9 9 0 010 18",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  refresh: "M20 11a8 8 0 10-2 6M20 5v6h-6",
  download: "M12 4v11M7 10l5 5 5-5M4 20h16",
};

export function icon(name) {
  const attributes = { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false", width: 18, height: 18 };
  if (name === "brand") return brand(attributes);
  return h(
    "svg",
    { ...attributes, fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round" },
    h("path", { d: PATHS[name] }),
  );
}

function brand(attributes) {
  return h(
    "svg",
    { ...attributes, class: "icon icon--brand", viewBox: "0 0 32 32", width: 26, height: 26, fill: "none", "stroke-linecap": "round" },
    h("circle", { cx: 16, cy: 16, r: 15, class: "icon__disc" }),
    h("circle", { cx: 16, cy: 16, r: 3.2, stroke: "#fff", "stroke-width": 2.4 }),
    h("path", {
      d: "M16 9.500c3-2.400 6-1.400 7.600.6M22.500 16c2.400 3 1.400 6-.6 7.600M16 22.500c-3 2.400-6 1.400-7.600-.6M9.500 16c-2.400-3-1.400-6 .6-7.600",
      stroke: "#fff",
      "stroke-width": 2.4,
    }),
  );
}
