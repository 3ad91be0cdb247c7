/** All jobs that run, or all that have ended. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { JobTable } from "../job_table.js";
import { shown } from "../states.js";
import { hasEnded } from "../status.js";

export class JobsPage {
  constructor(app, which) {
    this.app = app;
    this.ended = which === "completed";
    this.title = this.ended ? "Completed jobs" : "Running jobs";
    this.key = this.title;
    this.jobs = new Feed((signal) => get("jobs/overview", signal));
    this.table = new JobTable(app, this.title, this.ended ? "No job has ended yet." : "No job is running.");
  }

  isSame(which) {
    return this.ended === (which === "completed");
  }

  go() {}

  feeds() {
    return [this.jobs];
  }

  view() {
    return [
      h("h1", null, this.title),
      shown(this.app, this.jobs, ({ jobs }) => {
        const chosen = jobs.filter((job) => hasEnded(job.state) === this.ended);
        return panel(`${chosen.length} ${chosen.length === 1 ? "job" : "jobs"}`, this.table.view(chosen), { id: "jobs" });
      }),
    ];
  }
}
