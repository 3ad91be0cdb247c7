/** The accumulators of a vertex, summed up and of each subtask. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { Feed } from "../feed.js";
import { shown } from "../states.js";
import { table } from "../table.js";

const COLUMNS = [
  { name: "Name", heading: true, cell: (row) => row.name },
  { name: "Type", cell: (row) => row.type },
  { name: "Value", wide: true, cell: (row) => row.value },
];

export class AccumulatorsView {
  constructor(app, drawer) {
    this.app = app;
    this.whole = new Feed((signal) => get(`${drawer.address}/accumulators`, signal));
    this.subtasks = new Feed((signal) => get(`${drawer.address}/subtasks/accumulators`, signal));
  }

  feeds() {
    return [this.whole, this.subtasks];
  }

  view() {
    return [
      h("div", { key: "whole" }, shown(this.app, this.whole, (answer) => table({ caption: "Accumulators", columns: COLUMNS, rows: answer["user-accumulators"], none: "This vertex has no accumulators." }))),
      h("div", { key: "subtasks" }, this.subtasks.data && this.ofSubtasks(this.subtasks.data.subtasks)),
    ];
  }

  ofSubtasks(subtasks) {
    const rows = subtasks.flatMap((subtask) => subtask["user-accumulators"].map((accumulator) => ({ subtask: subtask.subtask, endpoint: subtask.endpoint ?? subtask.host, ...accumulator })));
    if (rows.length === 0) return null;
    return [
      h("h3", null, "Of the subtasks"),
      table({
        caption: "Accumulators of the subtasks",
        columns: [{ name: "Subtask", heading: true, cell: (row) => String(row.subtask) }, { name: "Host", cell: (row) => row.endpoint }, ...COLUMNS.map((column) => ({ ...column, heading: false }))],
        rows,
        key: (row) => `${row.subtask} ${row.name}`,
      }),
    ];
  }
}
