/** One job: what can be done with it, and its parts in tabs. */
import { get, patch, path, query } from "../api.js";
import { h } from "../dom.js";
import { facts } from "../facts.js";
import { Feed } from "../feed.js";
import { duration, time } from "../format.js";
import { CheckpointsTab } from "../job/checkpoints_tab.js";
import { ConfigurationTab } from "../job/configuration_tab.js";
import { DataSkewTab } from "../job/data_skew_tab.js";
import { ExceptionsTab } from "../job/exceptions_tab.js";
import { GraphTab } from "../job/graph_tab.js";
import { SnapshotRequest } from "../job/snapshot_request.js";
import { headline } from "../job/stack_trace.js";
import { TimelineTab } from "../job/timeline_tab.js";
import { link } from "../router.js";
import { shown } from "../states.js";
import { badge, hasEnded, taskCounts } from "../status.js";
import { tabs } from "../tabs.js";

const TABS = [
  ["overview", "Overview", GraphTab],
  ["timeline", "Timeline", TimelineTab],
  ["exceptions", "Exceptions", ExceptionsTab],
  ["checkpoints", "Checkpoints", CheckpointsTab],
  ["dataskew", "Data skew", DataSkewTab],
  ["configuration", "Configuration", ConfigurationTab],
];

/** States in which the first question is why. */
const FAILED = new Set(["FAILED", "FAILING", "RESTARTING"]);

export class JobPage {
  constructor(app, id) {
    this.app = app;
    this.id = id;
    this.key = `job ${id}`;
    this.address = path("jobs", id);
    this.detail = new Feed((signal) => get(this.address, signal));
    this.cause = new Feed((signal) => get(`${this.address}/exceptions${query({ maxExceptions: 1 })}`, signal));
    this.tabName = null;
    this.tab = null;
  }

  get title() {
    return this.job?.name ?? "Job";
  }

  /** The job's detail, as it was sent last; undefined before. */
  get job() {
    return this.detail.data;
  }

  get isRunning() {
    return this.job !== undefined && !hasEnded(this.job.state);
  }

  /** Whether the reason for a failure is to be shown above the tabs. */
  get asksForCause() {
    return FAILED.has(this.job?.state) && this.tabName !== "exceptions";
  }

  isSame(id) {
    return this.id === id;
  }

  /** The address of a part of this job's page. */
  link(...parts) {
    return link("job", this.job === undefined || this.isRunning ? "running" : "completed", this.id, ...parts);
  }

  go([, , , wanted = "overview", ...rest]) {
    const [name, , Tab] = TABS.find(([each]) => each === wanted) ?? TABS[0];
    if (this.tabName !== name) {
      this.tab?.leave?.();
      this.tabName = name;
      this.tab = new Tab(this.app, this);
    }
    this.tab.go(rest);
  }

  leave() {
    this.tab.leave?.();
  }

  feeds() {
    return [this.detail, ...(this.asksForCause ? [this.cause] : []), ...this.tab.feeds()];
  }

  view() {
    return [
      h("p", { class: "crumbs" }, h("a", { href: link("job", this.isRunning ? "running" : "completed") }, this.isRunning ? "Running jobs" : "Completed jobs")),
      h("div", { key: "head" }, shown(this.app, this.detail, (job) => this.head(job))),
      this.asksForCause && this.causeView(),
      tabs("Parts of the job", TABS.map(([tab, name]) => ({ name, href: this.link(tab), current: tab === this.tabName }))),
      // A job that is not known any more may still have exceptions that tell why.
      (this.job !== undefined || this.tabName === "exceptions") && h("div", { key: this.tabName }, this.tab.view()),
    ];
  }

  head(job) {
    return [
      h("div", { class: "title-row" }, h("h1", { class: "breakable" }, job.name), badge(job.state), this.isRunning && this.actions(job)),
      facts([
        ["Job id", h("code", { class: "breakable" }, job.jid)],
        ["Start time", time(job["start-time"])],
        job["end-time"] > 0 && ["End time", time(job["end-time"])],
        ["Duration", duration(job.duration)],
        ["Type", job["job-type"] ?? job.plan.type],
        job.maxParallelism > 0 && ["Max. parallelism", String(job.maxParallelism)],
        ["Vertices", taskCounts(job["status-counts"])],
      ]),
    ];
  }

  causeView() {
    const text = this.cause.data?.["root-exception"];
    return text && h(
      "section",
      { class: "banner banner--error", key: "cause", "aria-label": "Why the job has failed" },
      h("div", { class: "banner__text failure" }, headline(text)),
      h("a", { class: "button", href: this.link("exceptions") }, "Details"),
    );
  }

  actions(job) {
    const button = (text, act, kind = "") => h("button", { type: "button", class: `button ${kind}`, onclick: act }, text);
    return h(
      "div",
      { class: "title-row__actions" },
      button("Savepoint", () => new SnapshotRequest(this.app, this, "savepoint").open()),
      button("Stop with savepoint", () => new SnapshotRequest(this.app, this, "stop").open()),
      this.app.features["web-cancel"] && button("Cancel job", () => this.askToCancel(job), "button--danger"),
    );
  }

  askToCancel(job) {
    const confirm = async () => {
      this.app.closeDialog();
      if (await this.app.attempt(() => patch(`${this.address}?mode=cancel`))) this.app.notify(`${job.name} is being cancelled.`);
    };
    this.app.openDialog({
      title: "Cancel this job?",
      dismissal: "Keep it running",
      view: () => [
        h("p", null, h("strong", { class: "breakable" }, job.name), " ends without a savepoint. What it has not written yet is lost; it can go on from its last checkpoint if that is kept."),
        h("p", { class: "muted" }, "To go on later, use “Stop with savepoint”."),
      ],
      actions: () => h("button", { type: "button", class: "button button--danger", onclick: confirm }, "Cancel the job"),
    });
  }
}
