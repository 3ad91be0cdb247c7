/** The cluster at a glance: slots, TaskManagers, and its jobs. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { panel, tile } from "../facts.js";
import { Feed } from "../feed.js";
import { count } from "../format.js";
import { JobTable, newestFirst } from "../job_table.js";
import { link } from "../router.js";
import { shown } from "../states.js";
import { hasEnded } from "../status.js";

const RECENT = 10;

export class OverviewPage {
  key = "overview";
  title = "Overview";

  constructor(app) {
    this.app = app;
    this.overview = new Feed((signal) => get("overview", signal));
    this.jobs = new Feed((signal) => get("jobs/overview", signal));
    this.running = new JobTable(app, "Running jobs", "No job is running.");
    this.completed = new JobTable(app, "Jobs that ended last", "No job has ended yet.");
  }

  isSame() {
    return true;
  }

  go() {}

  feeds() {
    return [this.overview, this.jobs];
  }

  view() {
    return [
      h("h1", null, "Overview"),
      h("div", { key: "cluster" }, shown(this.app, this.overview, tiles)),
      h("div", { key: "jobs" }, shown(this.app, this.jobs, ({ jobs }) => this.jobPanels(jobs))),
    ];
  }

  jobPanels(jobs) {
    const running = jobs.filter((job) => !hasEnded(job.state));
    const ended = jobs.filter((job) => hasEnded(job.state)).sort(newestFirst);
    return [
      panel("Running jobs", this.running.view(running), {
        actions: this.app.features["web-submit"] && h("a", { class: "button", href: link("submit") }, "Submit a job"),
      }),
      panel("Completed jobs", this.completed.view(ended.slice(0, RECENT)), {
        actions: ended.length > RECENT && h("a", { class: "button", href: link("job", "completed") }, `All ${count(ended.length)}`),
      }),
    ];
  }
}

function tiles(overview) {
  const total = overview["slots-total"];
  const free = overview["slots-available"];
  const blocked = overview["taskmanagers-blocked"] ?? 0;
  return h(
    "div",
    { class: "tiles" },
    slotTile(total, free),
    tile("TaskManagers", count(overview.taskmanagers), {
      note: blocked > 0 ? `${count(blocked)} blocked` : null,
      href: link("task-manager"),
    }),
    tile("Running", count(overview["jobs-running"]), { href: link("job", "running"), kind: "running" }),
    tile("Finished", count(overview["jobs-finished"]), { href: link("job", "completed"), kind: "good" }),
    tile("Canceled", count(overview["jobs-cancelled"]), { href: link("job", "completed"), kind: "quiet" }),
    tile("Failed", count(overview["jobs-failed"]), { href: link("job", "completed"), kind: "bad" }),
  );
}

function slotTile(total, free) {
  const used = total - free;
  return h(
    "div",
    { class: "tile tile--wide", key: "slots" },
    h("span", { class: "tile__name" }, "Slots"),
    h("span", { class: "tile__value" }, `${count(free)} free`, h("span", { class: "tile__of" }, ` of ${count(total)}`)),
    h(
      "span",
      { class: "meter", role: "img", "aria-label": `${used} of ${total} slots are used` },
      h("span", { class: "meter__fill", style: { width: `${total > 0 ? (used / total) * 100 : 0}%` } }),
    ),
  );
}
