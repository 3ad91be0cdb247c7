/** How evenly records are spread over the subtasks of each vertex. */
import { get, path, query } from "../api.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { count, decimal, isFigure } from "../format.js";
import { empty, shown } from "../states.js";
import { SortedTable } from "../table.js";
import { shownName } from "./plan_graph.js";

const METRICS = { total: "numRecordsIn", rate: "numRecordsInPerSecond" };
const UNEVEN = 30;

export class DataSkewTab {
  constructor(app, page) {
    this.app = app;
    this.page = page;
    this.opened = null;
    this.subtasks = null;
    this.skews = new Feed((signal) => this.ask(signal));
    this.table = new SortedTable(app, {
      caption: "Data skew",
      key: (row) => row.id,
      none: "The job has no vertices.",
      by: "Skew",
      descending: true,
      columns: [
        {
          name: "Vertex",
          heading: true,
          sort: (row) => row.name,
          cell: (row) => h("button", { type: "button", class: "text-button text-button--name", "aria-expanded": String(this.opened === row.id), onclick: () => this.open(row.id) }, shownName(row.name)),
        },
        { name: "Skew", sort: (row) => row.total?.skew ?? -1, cell: (row) => skewBar(row.total?.skew) },
        { name: "Skew now", figure: true, sort: (row) => row.rate?.skew ?? -1, cell: (row) => (isFigure(row.rate?.skew) ? `${decimal(row.rate.skew)} %` : "–") },
        { name: "Fewest", figure: true, sort: (row) => row.total?.min ?? -1, cell: (row) => count(row.total?.min) },
        { name: "Mean", figure: true, sort: (row) => row.total?.avg ?? -1, cell: (row) => count(row.total?.avg) },
        { name: "Most", figure: true, sort: (row) => row.total?.max ?? -1, cell: (row) => count(row.total?.max) },
      ],
    });
  }

  go() {}

  feeds() {
    if (this.page.job === undefined) return [];
    return this.subtasks === null ? [this.skews] : [this.skews, this.subtasks];
  }

  async ask(signal) {
    const { address, job } = this.page;
    const isRunning = this.page.isRunning;
    return Promise.all(job.vertices.map(async (vertex) => {
      if (!isRunning) {
        // The metrics have ended with the tasks; what each has received is kept.
        const { subtasks } = await get(`${address}/${path("vertices", vertex.id)}`, signal);
        return { id: vertex.id, name: vertex.name, total: spread(subtasks.map((subtask) => subtask.metrics["read-records"])) };
      }
      const metrics = (name) => get(`${address}/${path("vertices", vertex.id)}/subtasks/metrics${query({ get: name })}`, signal);
      const [[total], [rate]] = await Promise.all([metrics(METRICS.total), metrics(METRICS.rate)]);
      return { id: vertex.id, name: vertex.name, total, rate };
    }));
  }

  open(id) {
    this.opened = this.opened === id ? null : id;
    this.subtasks = this.opened === null ? null : new Feed((signal) => get(`${this.page.address}/${path("vertices", id)}`, signal));
    this.app.update();
    this.app.refresh();
  }

  view() {
    return [
      panel("Data skew", [
        h("p", { class: "muted" }, "How far the subtasks' received records are from their mean, in the mean: 0 % is even, 100 % is all in one. Choose a vertex to see its subtasks."),
        shown(this.app, this.skews, (rows) => this.table.view(rows)),
      ]),
      this.subtasks && panel("Records of the subtasks", shown(this.app, this.subtasks, subtaskBars), { id: "subtasks" }),
    ];
  }
}

/** What the server would say of these numbers. */
function spread(values) {
  if (values.length === 0) return undefined;
  const avg = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = values.reduce((sum, value) => sum + Math.abs(value - avg), 0) / values.length;
  return { min: Math.min(...values), avg, max: Math.max(...values), skew: avg > 0 ? Math.min(100, (deviation / avg) * 100) : 0 };
}

function skewBar(skew) {
  if (!isFigure(skew)) return "–";
  return h(
    "span",
    { class: "inline-bar" },
    h("span", { class: "meter", "aria-hidden": "true" }, h("span", { class: skew > UNEVEN ? "meter__fill meter__fill--warning" : "meter__fill", style: { width: `${Math.min(100, skew)}%` } })),
    h("span", { class: "bar__text" }, `${decimal(skew)} %`),
  );
}

function subtaskBars(detail) {
  const most = Math.max(1, ...detail.subtasks.map((subtask) => subtask.metrics["read-records"]));
  if (detail.subtasks.length === 0) return empty("No subtask runs.");
  return h(
    "dl",
    { class: "bars" },
    detail.subtasks.map((subtask) =>
      h(
        "div",
        { class: "bar", key: subtask.subtask },
        h("dt", null, `Subtask ${subtask.subtask}`),
        h("dd", null,
          h("span", { class: "meter", "aria-hidden": "true" }, h("span", { class: "meter__fill", style: { width: `${(subtask.metrics["read-records"] / most) * 100}%` } })),
          h("span", { class: "bar__text" }, count(subtask.metrics["read-records"]))),
      ),
    ),
  );
}
