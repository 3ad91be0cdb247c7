/** The subtasks of a vertex, and what they sum up to. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { Feed } from "../feed.js";
import { bytes, count, duration, time } from "../format.js";
import { shown } from "../states.js";
import { badge } from "../status.js";
import { SortedTable, table } from "../table.js";
import { taskManagerLink } from "../task_manager_link.js";
import { trafficColumns } from "./traffic.js";

const TOTALS = [
  ["Records in", "read-records", count],
  ["Bytes in", "read-bytes", bytes],
  ["Records out", "write-records", count],
  ["Bytes out", "write-bytes", bytes],
  ["Busy time", "accumulated-busy-time", duration],
  ["Back-pressured time", "accumulated-backpressured-time", duration],
  ["Idle time", "accumulated-idle-time", duration],
];
const WAYS = ["min", "p25", "median", "avg", "p75", "p95", "max", "sum"];
const WAY_NAMES = { min: "Minimum", p25: "25 %", median: "Median", avg: "Mean", p75: "75 %", p95: "95 %", max: "Maximum", sum: "Sum" };

export class SubtasksView {
  constructor(app, drawer) {
    this.app = app;
    this.detail = new Feed((signal) => get(drawer.address, signal));
    this.table = new SortedTable(app, {
      caption: "Subtasks",
      key: (row) => `${row.subtask} ${row.attempt}`,
      none: "No subtask was started yet.",
      by: "Subtask",
      columns: [
        { name: "Subtask", heading: true, sort: (row) => row.subtask, cell: (row) => String(row.subtask) },
        { name: "State", sort: (row) => row.status, cell: (row) => badge(row.status) },
        { name: "Attempt", figure: true, sort: (row) => row.attempt, cell: (row) => String(row.attempt + 1) },
        ...trafficColumns(),
        { name: "Host", sort: (row) => row.endpoint ?? "", cell: (row) => row.endpoint },
        { name: "TaskManager", sort: (row) => row["taskmanager-id"] ?? "", cell: (row) => taskManagerLink(app, row["taskmanager-id"]) },
        { name: "Start time", sort: (row) => row["start-time"], cell: (row) => time(row["start-time"]) },
        { name: "Duration", figure: true, sort: (row) => row.duration, cell: (row) => duration(row.duration) },
      ],
    });
  }

  feeds() {
    return [this.detail];
  }

  view() {
    return shown(this.app, this.detail, (detail) => [
      this.table.view(detail.subtasks.flatMap((subtask) => [subtask, ...(subtask["other-concurrent-attempts"] ?? [])])),
      detail.aggregated && [h("h3", null, "All subtasks"), totals(detail.aggregated.metrics)],
    ]);
  }
}

function totals(metrics) {
  return table({
    caption: "All subtasks",
    columns: [
      { name: "Figure", heading: true, cell: ([name]) => name },
      ...WAYS.map((way) => ({ name: WAY_NAMES[way], figure: true, cell: ([, metric, written]) => written(metrics[metric]?.[way]) })),
    ],
    rows: TOTALS,
    key: ([name]) => name,
  });
}
