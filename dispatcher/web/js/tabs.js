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

/** On a phone the rows may be longer than the window: bring what was chosen into sight. */
export function showCurrentTabs() {
  for (const list of document.querySelectorAll(".tabs ul")) showCurrent(list);
}

function showCurrent(list) {
  const [row, current] = [list.parentElement, list.querySelector("[aria-current]")];
  if (current === null) return;
  const [outer, inner] = [row.getBoundingClientRect(), current.getBoundingClientRect()];
  if (inner.left < outer.left) row.scrollLeft -= outer.left - inner.left;
  else if (inner.right > outer.right) row.scrollLeft += inner.right - outer.right;
}
