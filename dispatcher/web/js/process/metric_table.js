/** Every metric of a process in a table that can be searched. */
import { h } from "../dom.js";
import { bytes, decimal } from "../format.js";
import { SortedTable } from "../table.js";

const BYTES = /(Memory\.(?!.*Count)|Bytes|MemoryUsed|TotalCapacity|UsedMemory$|TotalMemory$|AvailableMemory$)/;

export class MetricTable {
  constructor(app) {
    this.app = app;
    this.wanted = "";
    this.table = new SortedTable(app, {
      caption: "Metrics",
      columns: [
        { name: "Metric", heading: true, wide: true, sort: ([name]) => name, cell: ([name]) => h("code", null, name) },
        { name: "Value", figure: true, cell: ([name, value]) => figure(name, value) },
      ],
      key: ([name]) => name,
      none: "No metrics yet.",
      by: "Metric",
    });
  }

  view(metrics) {
    const wanted = this.wanted.toLowerCase();
    return [
      metrics.size > 8 &&
        h("input", {
          key: "search",
          class: "search",
          type: "search",
          placeholder: "Search by name",
          "aria-label": "Search in: Metrics",
          value: this.wanted,
          oninput: (event) => {
            this.wanted = event.currentTarget.value;
            this.app.update();
          },
        }),
      this.table.view([...metrics].filter(([name]) => name.toLowerCase().includes(wanted))),
    ];
  }
}

function figure(name, value) {
  if (typeof value !== "number") return String(value);
  return BYTES.test(name) ? h("span", { title: String(value) }, bytes(value)) : h("span", { title: String(value) }, decimal(value));
}
