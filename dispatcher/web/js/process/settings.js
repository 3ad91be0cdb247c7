/** Configuration keys with their values, searched. */
import { h } from "../dom.js";
import { SortedTable } from "../table.js";

export class Settings {
  constructor(app, caption) {
    this.app = app;
    this.caption = caption;
    this.wanted = "";
    this.table = new SortedTable(app, {
      caption,
      columns: [
        { name: "Key", heading: true, wide: true, sort: (entry) => entry.key, cell: (entry) => h("code", null, entry.key) },
        { name: "Value", wide: true, sort: (entry) => entry.value, cell: (entry) => h("code", null, entry.value) },
      ],
      key: (entry) => entry.key,
      none: "Nothing is set.",
      by: "Key",
    });
  }

  /** @param {Array<{key: string, value: string}>} entries */
  view(entries) {
    const wanted = this.wanted.toLowerCase();
    return [
      entries.length > 8 &&
        h("input", {
          key: "search",
          class: "search",
          type: "search",
          placeholder: "Search",
          "aria-label": `Search in: ${this.caption}`,
          value: this.wanted,
          oninput: (event) => {
            this.wanted = event.currentTarget.value;
            this.app.update();
          },
        }),
      this.table.view(entries.filter((entry) => `${entry.key} ${entry.value}`.toLowerCase().includes(wanted))),
    ];
  }
}
