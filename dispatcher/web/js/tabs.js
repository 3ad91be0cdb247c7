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
      { ref: showCurrent },
      entries.map((entry) =>
        h("li", { key: entry.name }, h("a", { href: entry.href, "aria-current": entry.current ? "page" : null }, entry.name)),
      ),
    ),
  );
}

/** On a phone the row may be longer than the window. */
function showCurrent(list) {
  const current = list.querySelector("[aria-current]");
  if (current !== null) list.parentElement.scrollLeft = current.offsetLeft - list.parentElement.offsetLeft - 16;
}
