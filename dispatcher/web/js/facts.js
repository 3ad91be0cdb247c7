/** Names with their values, in rows or as tiles. */
import { h } from "./dom.js";

/** Pairs of a name and its value; pairs that are null are left out. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.filter(Boolean).map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))),
  );
}

/** A figure that matters, with its name and perhaps a line about it. */
export function tile(name, value, { note = null, kind = null, href = null } = {}) {
  const content = [
    h("span", { class: "tile__name" }, name),
    h("span", { class: "tile__value" }, value),
    note && h("span", { class: "tile__note" }, note),
  ];
  const style = { class: kind === null ? "tile" : `tile tile--${kind}`, key: name };
  return href === null ? h("div", style, content) : h("a", { ...style, href }, content);
}

export function panel(title, content, { actions = null, id = null, level = "h2" } = {}) {
  return h(
    "section",
    { class: "panel", key: id ?? title },
    h("div", { class: "panel__head" }, h(level, null, title), actions && h("div", { class: "panel__actions" }, actions)),
    content,
  );
}
