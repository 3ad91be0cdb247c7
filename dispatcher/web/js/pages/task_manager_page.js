/** One TaskManager: its metrics, slots, logs and threads. */
import { get, path } from "../api.js";
import { h } from "../dom.js";
import { facts, panel, tile } from "../facts.js";
import { Feed } from "../feed.js";
import { bytes, count, decimal, duration, isFigure, time } from "../format.js";
import { LogList } from "../process/log_list.js";
import { memoryBars } from "../process/memory_bars.js";
import { allMetrics } from "../process/metric_names.js";
import { MetricTable } from "../process/metric_table.js";
import { TextFile } from "../process/text_file.js";
import { ThreadDump } from "../process/thread_dump.js";
import { link } from "../router.js";
import { shown } from "../states.js";
import { table } from "../table.js";
import { tabs } from "../tabs.js";

const TABS = { metrics: "Metrics", logs: "Log", "log-list": "Log files", stdout: "Stdout", "thread-dump": "Thread dump" };

export class TaskManagerPage {
  constructor(app, id) {
    this.app = app;
    this.id = id;
    this.title = `TaskManager ${id}`;
    this.key = this.title;
    this.address = path("taskmanagers", id);
    this.detail = new Feed((signal) => get(this.address, signal));
    this.tab = "metrics";
    this.part = null;
  }

  isSame(id) {
    return this.id === id;
  }

  go([, , tab = "metrics", file]) {
    this.tab = tab;
    this.part = this.partFor(tab, file);
  }

  partFor(tab, file) {
    const { app, address } = this;
    if (tab === "logs" && file !== undefined) return new TextFile(app, `${address}/${path("logs", file)}`, file);
    if (tab === "logs") return new TextFile(app, `${address}/log`, `${this.id}.log`);
    if (tab === "stdout") return new TextFile(app, `${address}/stdout`, `${this.id}.out`);
    if (tab === "log-list") return new LogList(app, address, (name) => link("task-manager", this.id, "logs", name));
    if (tab === "thread-dump") return new ThreadDump(app, address);
    return new TaskManagerMetrics(app, address, this.detail);
  }

  feeds() {
    return [this.detail, ...this.part.feeds()];
  }

  view() {
    return [
      h("p", { class: "crumbs" }, h("a", { href: link("task-manager") }, "TaskManagers")),
      h("h1", { class: "breakable" }, this.id),
      h("div", { key: "facts" }, shown(this.app, this.detail, head)),
      tabs("Parts of the TaskManager", Object.entries(TABS).map(([tab, name]) => ({
        name,
        href: link("task-manager", this.id, tab),
        current: tab === this.tab,
      }))),
      h("div", { key: location.hash }, this.part.view()),
    ];
  }
}

function head(detail) {
  return facts([
    ["Address", h("span", { class: "breakable" }, detail.path)],
    ["Last heartbeat", time(detail.timeSinceLastHeartbeat)],
    ["Slots", `${count(detail.freeSlots)} free of ${count(detail.slotsNumber)}`],
    ["CPU cores", count(detail.hardware.cpuCores)],
    ["Host memory", bytes(detail.hardware.physicalMemory)],
    ["Data port", String(detail.dataPort)],
  ]);
}

class TaskManagerMetrics {
  constructor(app, address, detail) {
    this.app = app;
    this.detail = detail;
    this.metrics = new Feed((signal) => allMetrics(`${address}/metrics`, signal));
    this.table = new MetricTable(app);
  }

  feeds() {
    return [this.metrics];
  }

  view() {
    return [
      h("div", { key: "live" }, shown(this.app, this.metrics, liveFigures)),
      this.detail.data && h("div", { key: "memory" }, memoryPanels(this.detail.data)),
      panel("All metrics", shown(this.app, this.metrics, (metrics) => this.table.view(metrics))),
    ];
  }
}

function liveFigures(metrics) {
  const load = metrics.get("Status.JVM.CPU.Load");
  const figure = (name) => (isFigure(metrics.get(name)) ? metrics.get(name) : undefined);
  return h(
    "div",
    { class: "tiles" },
    tile("CPU", isFigure(load) ? `${decimal(load * 100)} %` : "–"),
    tile("Threads", count(figure("Status.JVM.Threads.Count"))),
    tile("CPU time", isFigure(figure("Status.JVM.CPU.Time")) ? duration(figure("Status.JVM.CPU.Time") / 1e6) : "–"),
    tile("Garbage collections", count(figure("Status.JVM.GarbageCollector.All.Count"))),
  );
}

function memoryPanels(detail) {
  const metrics = detail.metrics ?? {};
  const memory = detail.memoryConfiguration ?? {};
  return [
    panel("Memory", memoryBars([
      { name: "Process (resident)", used: metrics.heapUsed, total: metrics.heapMax },
      { name: "Outside of objects", used: metrics.nonHeapUsed, total: metrics.nonHeapMax },
      { name: "Direct buffers", used: metrics.directUsed, total: metrics.directMax },
      { name: "Mapped files", used: metrics.mappedUsed, total: metrics.mappedMax },
      { name: "Network buffers", used: metrics.nettyShuffleMemoryUsed, total: metrics.nettyShuffleMemoryTotal },
      { name: "Network segments", used: metrics.nettyShuffleMemorySegmentsUsed, total: metrics.nettyShuffleMemorySegmentsTotal, counted: true },
    ])),
    panel("Memory configuration", facts([
      ["Process", bytes(memory.totalProcessMemory)],
      ["Total", bytes(memory.totalFlinkMemory)],
      ["Task heap", bytes(memory.taskHeap)],
      ["Framework heap", bytes(memory.frameworkHeap)],
      ["Managed", bytes(memory.managedMemory)],
      ["Network", bytes(memory.networkMemory)],
      ["Task off-heap", bytes(memory.taskOffHeap)],
      ["Framework off-heap", bytes(memory.frameworkOffHeap)],
      ["Overhead", bytes(memory.jvmOverhead)],
    ])),
    panel("Allocated slots", table({
      caption: "Allocated slots",
      columns: [
        { name: "Job", heading: true, cell: (slot) => h("a", { href: link("job", "running", slot.jobId, "overview") }, h("code", null, slot.jobId)) },
        { name: "CPU cores", figure: true, cell: (slot) => decimal(slot.resource.cpuCores) },
        { name: "Task heap", figure: true, cell: (slot) => `${count(slot.resource.taskHeapMemory)} MB` },
        { name: "Managed", figure: true, cell: (slot) => `${count(slot.resource.managedMemory)} MB` },
        { name: "Network", figure: true, cell: (slot) => `${count(slot.resource.networkMemory)} MB` },
      ],
      rows: detail.allocatedSlots ?? [],
      none: "All slots are free.",
    })),
  ];
}
