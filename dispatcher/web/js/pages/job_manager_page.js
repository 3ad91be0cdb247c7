/** The master's process: its metrics, configuration, environment, logs and threads. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { facts, panel } from "../facts.js";
import { Feed } from "../feed.js";
import { path } from "../api.js";
import { LogList } from "../process/log_list.js";
import { memoryBars } from "../process/memory_bars.js";
import { allMetrics } from "../process/metric_names.js";
import { MetricTable } from "../process/metric_table.js";
import { Settings } from "../process/settings.js";
import { TextFile } from "../process/text_file.js";
import { ThreadDump } from "../process/thread_dump.js";
import { link } from "../router.js";
import { shown } from "../states.js";
import { tabs } from "../tabs.js";

const ADDRESS = "jobmanager";
const TABS = {
  metrics: "Metrics",
  config: "Configuration",
  environment: "Environment",
  logs: "Log",
  log: "Log files",
  stdout: "Stdout",
  "thread-dump": "Thread dump",
};

export class JobManagerPage {
  key = "job manager";
  title = "JobManager";

  constructor(app) {
    this.app = app;
    this.tab = "metrics";
    this.part = null;
  }

  isSame() {
    return true;
  }

  go([, tab = "metrics", file]) {
    this.tab = tab in TABS ? tab : "metrics";
    this.part = this.partFor(this.tab, file);
  }

  partFor(tab, file) {
    const { app } = this;
    if (tab === "config") return new JobManagerConfiguration(app);
    if (tab === "environment") return new JobManagerEnvironment(app);
    if (tab === "log" && file !== undefined) return new TextFile(app, `${ADDRESS}/${path("logs", file)}`, file);
    if (tab === "log") return new LogList(app, ADDRESS, (name) => link("job-manager", "log", name));
    if (tab === "logs") return new TextFile(app, `${ADDRESS}/log`, "jobmanager.log");
    if (tab === "stdout") return new TextFile(app, `${ADDRESS}/stdout`, "jobmanager.out");
    if (tab === "thread-dump") return new ThreadDump(app, ADDRESS);
    return new JobManagerMetrics(app);
  }

  feeds() {
    return this.part.feeds();
  }

  view() {
    return [
      h("h1", null, "JobManager"),
      tabs("Parts of the JobManager", Object.entries(TABS).map(([tab, name]) => ({
        name,
        href: link("job-manager", tab),
        current: tab === this.tab,
      }))),
      h("div", { key: location.hash }, this.part.view()),
    ];
  }
}

class JobManagerMetrics {
  constructor(app) {
    this.app = app;
    this.metrics = new Feed((signal) => allMetrics(`${ADDRESS}/metrics`, signal));
    this.table = new MetricTable(app);
  }

  feeds() {
    return [this.metrics];
  }

  view() {
    return [
      h("div", { key: "memory" }, this.metrics.data && memory(this.metrics.data)),
      panel("All metrics", shown(this.app, this.metrics, (metrics) => this.table.view(metrics))),
    ];
  }
}

function memory(metrics) {
  const amount = (name, kind) => ({
    name,
    used: metrics.get(`Status.JVM.Memory.${kind}.Used`),
    total: metrics.get(`Status.JVM.Memory.${kind}.Max`),
  });
  const amounts = [amount("Process (resident)", "Heap"), amount("Outside of objects", "NonHeap"), amount("Metaspace", "Metaspace")];
  return amounts.some(({ total }) => total > 0) && panel("Memory", memoryBars(amounts));
}

class JobManagerConfiguration {
  constructor(app) {
    this.app = app;
    this.configuration = new Feed((signal) => get(`${ADDRESS}/config`, signal));
    this.settings = new Settings(app, "Configuration");
  }

  feeds() {
    return [this.configuration];
  }

  view() {
    return panel("Configuration", shown(this.app, this.configuration, (entries) => this.settings.view(entries)));
  }
}

class JobManagerEnvironment {
  constructor(app) {
    this.app = app;
    this.environment = new Feed((signal) => get(`${ADDRESS}/environment`, signal));
  }

  feeds() {
    return [this.environment];
  }

  view() {
    return shown(this.app, this.environment, ({ jvm, classpath }) => [
      panel("Interpreter", facts([["Version", jvm.version], ["Machine", jvm.arch]])),
      panel("Options", lines(jvm.options)),
      panel("Path of modules", lines(classpath)),
    ]);
  }
}

function lines(entries) {
  return h("pre", { class: "code", tabindex: "0" }, entries.length === 0 ? "none" : entries.join("\n"));
}
