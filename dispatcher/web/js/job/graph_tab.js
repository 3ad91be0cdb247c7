/** The job's graph with what its vertices do now, and below it the vertex that was chosen. */
import { get, path, query } from "../api.js";
import { GraphView } from "../charts/graph_view.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { bytes, count, duration, isFigure, percent, time } from "../format.js";
import { badge, taskCounts } from "../status.js";
import { SortedTable } from "../table.js";
import { VertexDrawer } from "../vertex/vertex_drawer.js";
import { boxOf, edgesOf, shownName } from "./plan_graph.js";

const LOAD_METRICS = "busyTimeMsPerSecond,backPressuredTimeMsPerSecond,idleTimeMsPerSecond";
/** How many vertices are asked at once: each is a request of its own, and the server has other things to do. */
const VERTICES_AT_ONCE = 60;

export class GraphTab {
  constructor(app, page) {
    this.app = app;
    this.page = page;
    this.graph = new GraphView(app, "Job graph");
    this.loads = new Map();
    this.turn = 0;
    this.load = new Feed((signal) => this.askForLoads(signal));
    this.drawer = null;
    this.table = this.makeTable();
  }

  go([vertexId, tab]) {
    if (vertexId === undefined) this.drawer = null;
    else if (this.drawer?.id === vertexId) this.drawer.go(tab);
    else {
      this.drawer = new VertexDrawer(this.app, this.page, vertexId);
      this.drawer.go(tab);
    }
  }

  leave() {
    this.graph.leave();
  }

  feeds() {
    const drawer = this.drawer === null || this.page.job === undefined ? [] : this.drawer.feeds();
    return this.page.isRunning ? [this.load, ...drawer] : drawer;
  }

  async askForLoads(signal) {
    const { vertices } = this.page.job;
    const chosen = Array.from({ length: Math.min(vertices.length, VERTICES_AT_ONCE) }, (_each, index) => vertices[(this.turn + index) % vertices.length]);
    this.turn = (this.turn + chosen.length) % vertices.length;
    await Promise.all(chosen.map(async (vertex) => {
      const metrics = await get(`${this.page.address}/${path("vertices", vertex.id)}/subtasks/metrics${query({ get: LOAD_METRICS })}`, signal);
      this.loads.set(vertex.id, loadIn(metrics));
    }));
    return this.loads;
  }

  view() {
    const { job } = this.page;
    const vertices = new Map(job.vertices.map((vertex) => [vertex.id, vertex]));
    const boxes = job.plan.nodes.map((node) => boxOf(node, vertices.get(node.id), this.loadOf(vertices.get(node.id)), node.id === this.drawer?.id));
    return [
      panel("Graph", [
        this.graph.view(boxes, edgesOf(job.plan), (id) => this.choose(id)),
        legend(this.page.isRunning),
        this.load.error !== null && h("p", { class: "muted" }, `The load is not known: ${this.load.error.message}`),
      ], { id: "graph", actions: this.graph.buttons() }),
      this.drawer !== null && h("div", { key: `drawer ${this.drawer.id}` }, this.drawer.view(job)),
      panel("Vertices", this.table.view(job.vertices)),
    ];
  }

  /** What a vertex spends its time with; undefined while that is not known yet, null if it never will be. */
  loadOf(vertex) {
    return this.page.isRunning ? this.loads.get(vertex.id) : loadOfAll(vertex);
  }

  choose(id) {
    location.hash = this.drawer?.id === id ? this.page.link("overview") : this.page.link("overview", id, "detail");
  }

  makeTable() {
    const figure = (name, shown, of) => ({ name, figure: true, sort: (vertex) => of(vertex) ?? -1, cell: (vertex) => shown(of(vertex)) });
    return new SortedTable(this.app, {
      caption: "Vertices",
      key: (vertex) => vertex.id,
      none: "The job has no vertices.",
      columns: [
        {
          name: "Name",
          heading: true,
          sort: (vertex) => vertex.name,
          cell: (vertex) => h("a", { class: "job-name", href: this.page.link("overview", vertex.id, "detail") }, shownName(vertex.name)),
        },
        { name: "State", sort: (vertex) => vertex.status, cell: (vertex) => badge(vertex.status) },
        figure("Parallelism", count, (vertex) => vertex.parallelism),
        figure("Busy", percent, (vertex) => this.loadOf(vertex)?.busy),
        figure("Back-pressured", percent, (vertex) => this.loadOf(vertex)?.backPressured),
        figure("Records in", count, (vertex) => vertex.metrics["read-records"]),
        figure("Bytes in", bytes, (vertex) => vertex.metrics["read-bytes"]),
        figure("Records out", count, (vertex) => vertex.metrics["write-records"]),
        figure("Bytes out", bytes, (vertex) => vertex.metrics["write-bytes"]),
        { name: "Start time", sort: (vertex) => vertex["start-time"], cell: (vertex) => time(vertex["start-time"]) },
        figure("Duration", duration, (vertex) => vertex.duration),
        { name: "Tasks", cell: (vertex) => taskCounts(vertex.tasks) },
      ],
    });
  }
}

/** Ratios out of milliseconds per second; undefined where the server knows nothing yet. */
function loadIn(metrics) {
  const found = new Map(metrics.map((metric) => [metric.id, metric]));
  const ratio = (name, part) => {
    const value = found.get(name)?.[part];
    return isFigure(value) ? value / 1000 : undefined;
  };
  if (found.size === 0) return undefined;
  return {
    busy: ratio("busyTimeMsPerSecond", "avg"),
    backPressured: ratio("backPressuredTimeMsPerSecond", "avg"),
    idle: ratio("idleTimeMsPerSecond", "avg"),
    busiest: ratio("busyTimeMsPerSecond", "max"),
    mostBackPressured: ratio("backPressuredTimeMsPerSecond", "max"),
  };
}

/** What an ended vertex has spent its time with; null where it is not known. */
function loadOfAll(vertex) {
  const { "accumulated-busy-time": busy, "accumulated-backpressured-time": backPressured, "accumulated-idle-time": idle } = vertex.metrics;
  const whole = busy + backPressured + idle;
  if (!isFigure(whole) || whole <= 0) return null;
  const [busyShare, backPressuredShare] = [busy / whole, backPressured / whole];
  return { busy: busyShare, backPressured: backPressuredShare, idle: idle / whole, busiest: busyShare, mostBackPressured: backPressuredShare };
}

function legend(isRunning) {
  const entry = (kind, text) => h("li", { key: kind }, h("span", { class: `swatch swatch--${kind}`, "aria-hidden": "true" }), text);
  return h(
    "div",
    { class: "legend" },
    h("ul", null, entry("busy", "busy"), entry("back", "back-pressured"), entry("idle", "idle")),
    h("span", { class: "muted" }, isRunning ? "Bars: mean of the subtasks. Frames: the busiest of them." : "Bars: all of the job's time."),
  );
}
