/** Tables of data: headings with a scope, figures to the right, columns that can be sorted, long ones in pieces. */
import { h } from "./dom.js";
import { empty } from "./states.js";

const PIECE = 100;

/**
 * @typedef Column
 * @property {string} name the heading.
 * @property {function} cell returns what stands in a row's cell.
 * @property {function} [sort] returns what rows are sorted by; without it the column cannot be sorted.
 * @property {boolean} [figure] whether it is set to the right in figures of one width.
 * @property {boolean} [heading] whether it names the row.
 * @property {boolean} [wide] whether its text may be broken anywhere to fit.
 */

/** A table of few rows, in the order they come. */
export function table({ caption, columns, rows, key = (_row, index) => index, none = "Nothing to show.", detail = null }) {
  if (rows.length === 0) return empty(none);
  return h(
    "div",
    { class: "table-frame", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      null,
      h("caption", { class: "visually-hidden" }, caption),
      h("thead", null, h("tr", null, columns.map((column) => h("th", { key: column.name, scope: "col", class: classOf(column) }, column.title ?? column.name)))),
      h("tbody", null, rows.flatMap((row, index) => [
        bodyRow(columns, row, index, key),
        detail?.(row) && h("tr", { key: `${key(row, index)} detail`, class: "detail-row" }, h("td", { colspan: columns.length }, detail(row))),
      ])),
    ),
  );
}

/** A table whose rows the reader sorts; it shows a piece of them and the next on request. */
export class SortedTable {
  constructor(app, { caption, columns, key, none, by, descending = false }) {
    Object.assign(this, { app, caption, columns, key, none, by, descending });
    this.shownRows = PIECE;
  }

  view(rows) {
    const column = this.columns.find((each) => each.name === this.by);
    const sorted = column === undefined ? rows : [...rows].sort((one, other) => compared(column.sort(one), column.sort(other)));
    if (this.descending) sorted.reverse();
    return [
      table({
        caption: this.caption,
        columns: this.columns.map((each) => ({ ...each, title: this.heading(each) })),
        rows: sorted.slice(0, this.shownRows),
        key: this.key,
        none: this.none,
      }),
      sorted.length > this.shownRows &&
        h(
          "div",
          { class: "more" },
          h("span", { class: "muted" }, `${this.shownRows} of ${sorted.length}`),
          h("button", { type: "button", class: "button", onclick: () => this.showMore() }, "Show more"),
        ),
    ];
  }

  heading(column) {
    if (column.sort === undefined) return column.name;
    const isChosen = column.name === this.by;
    const direction = this.descending ? "descending" : "ascending";
    return h(
      "button",
      {
        type: "button",
        class: isChosen ? "sort sort--chosen" : "sort",
        "aria-label": isChosen ? `${column.name}, sorted ${direction}` : `Sort by ${column.name}`,
        onclick: () => this.sortBy(column.name),
      },
      column.name,
      h("span", { class: "sort__arrow", "aria-hidden": "true" }, isChosen ? (this.descending ? "↓" : "↑") : ""),
    );
  }

  sortBy(name) {
    this.descending = name === this.by ? !this.descending : false;
    this.by = name;
    this.app.update();
  }

  showMore() {
    this.shownRows += PIECE;
    this.app.update();
  }
}

function bodyRow(columns, row, index, key) {
  return h(
    "tr",
    { key: key(row, index) },
    columns.map((column) =>
      column.heading
        ? h("th", { key: column.name, scope: "row", class: classOf(column) }, column.cell(row))
        : h("td", { key: column.name, class: classOf(column) }, column.cell(row)),
    ),
  );
}

function classOf(column) {
  return [column.figure && "figure", column.wide && "wide"].filter(Boolean).join(" ") || null;
}

function compared(one, other) {
  if (typeof one === "string") return one.localeCompare(other, "en", { numeric: true });
  return one < other ? -1 : one > other ? 1 : 0;
}
