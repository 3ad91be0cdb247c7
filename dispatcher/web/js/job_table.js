/** Jobs in a table that can be searched. */
import { h } from "./dom.js";
import { duration, time } from "./format.js";
import { link } from "./router.js";
import { badge, hasEnded, taskCounts } from "./status.js";
import { SortedTable } from "./table.js";

const MANY = 10;

export class JobTable {
  constructor(app, caption, none) {
    this.app = app;
    this.caption = caption;
    this.none = none;
    this.wanted = "";
    this.table = new SortedTable(app, {
      caption,
      columns: COLUMNS,
      key: (job) => job.jid,
      none,
      by: "Start time",
      descending: true,
    });
  }

  view(jobs) {
    const wanted = this.wanted.toLowerCase();
    const found = wanted === "" ? jobs : jobs.filter((job) => `${job.name} ${job.jid} ${job.state}`.toLowerCase().includes(wanted));
    this.table.none = wanted === "" ? this.none : "No job is like that.";
    return [jobs.length > MANY && this.search(), this.table.view(found)];
  }

  search() {
    return h("input", {
      key: "search",
      class: "search",
      type: "search",
      placeholder: "Search by name, id or state",
      "aria-label": `Search in: ${this.caption}`,
      value: this.wanted,
      oninput: (event) => {
        this.wanted = event.currentTarget.value;
        this.app.update();
      },
    });
  }
}

/** Sorts jobs by when they ended. */
export function newestFirst(one, other) {
  return other["end-time"] - one["end-time"];
}

const COLUMNS = [
  {
    name: "Name",
    heading: true,
    sort: (job) => job.name,
    cell: (job) => h("a", { class: "job-name", href: link("job", hasEnded(job.state) ? "completed" : "running", job.jid, "overview"), title: job.jid }, job.name),
  },
  { name: "State", sort: (job) => job.state, cell: (job) => badge(job.state) },
  { name: "Start time", sort: (job) => job["start-time"], cell: (job) => time(job["start-time"]) },
  { name: "Duration", figure: true, sort: (job) => job.duration, cell: (job) => duration(job.duration) },
  { name: "End time", sort: (job) => job["end-time"], cell: (job) => time(job["end-time"]) },
  { name: "Tasks", sort: (job) => job.tasks.total ?? 0, cell: (job) => taskCounts(job.tasks) },
];
