/** What a vertex, a subtask or all subtasks on a TaskManager have read and written: the columns they share. */
import { bytes, count, duration, isFigure } from "../format.js";

const COLUMNS = [
  ["Records in", "read-records", count],
  ["Bytes in", "read-bytes", bytes],
  ["Records out", "write-records", count],
  ["Bytes out", "write-bytes", bytes],
];

/** Columns for a table whose rows have `metrics`. */
export function trafficColumns() {
  return COLUMNS.map(([name, metric, written]) => ({
    name,
    figure: true,
    sort: (row) => row.metrics[metric],
    cell: (row) => traffic(row.metrics, metric, written),
  }));
}

/** Pairs for `facts`. */
export function trafficFacts(metrics) {
  return COLUMNS.map(([name, metric, written]) => [name, traffic(metrics, metric, written)]);
}

function traffic(metrics, metric, written) {
  return metrics[`${metric}-complete`] === false && metrics[metric] === 0 ? "…" : written(metrics[metric]);
}

/** Times that a task has been busy, back-pressured and idle since it began, as pairs. */
export function timeFacts(metrics) {
  return [
    ["Busy time", "accumulated-busy-time"],
    ["Back-pressured time", "accumulated-backpressured-time"],
    ["Idle time", "accumulated-idle-time"],
  ].map(([name, metric]) => [name, isFigure(metrics[metric]) ? duration(metrics[metric]) : "–"]);
}
