/** A row of links to the parts of a page. */
import { h } from "./dom.js";

/**
 * @param {string} label what the parts belong to, for screen readers.
 * @param {Array<{name: string, href: string, current: boolean}>} entries
 */
export function tabs(label, entries, { small = false } = {}) {
  return h(
    "nav",
    { class: small ? "tabs tabs--small" : "tabs", "aria-label": label },
    h(
      "ul",
      null,
      entries.map((entry) =>
        h("li", { key: entry.name }, h("a", { href: entry.href, "aria-current": entry.current ? "page" : null }, entry.name)),
      ),
    ),
  );
}
