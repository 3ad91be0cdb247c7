/** Amounts of memory as bars: what is used of what there is. */
import { h } from "../dom.js";
import { bytes, count, isFigure, percent } from "../format.js";

/** @param {Array<{name: string, used: number, total: number, counted?: boolean}>} amounts those without a total are left out */
export function memoryBars(amounts) {
  const known = amounts.filter(({ used, total }) => isFigure(used) && isFigure(total) && total > 0);
  return h(
    "dl",
    { class: "bars" },
    known.map(({ name, used, total, counted = false }) => {
      const written = counted ? count : bytes;
      return h(
        "div",
        { class: "bar", key: name },
        h("dt", null, name),
        h(
          "dd",
          null,
          h("span", { class: "meter", "aria-hidden": "true" }, h("span", { class: "meter__fill", style: { width: `${Math.min(100, (used / total) * 100)}%` } })),
          h("span", { class: "bar__text" }, `${written(used)} of ${written(total)}`, h("span", { class: "muted" }, ` · ${percent(used / total)}`)),
        ),
      );
    }),
  );
}
