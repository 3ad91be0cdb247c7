/** The job's checkpoints: overview, history, summary, configuration. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { facts, panel, tile } from "../facts.js";
import { Feed } from "../feed.js";
import { bytes, count, duration, time } from "../format.js";
import { empty, shown } from "../states.js";
import { table } from "../table.js";
import { tabs } from "../tabs.js";
import { CheckpointHistory } from "./checkpoint_history.js";

const PARTS = { overview: "Overview", history: "History", summary: "Summary", configuration: "Configuration" };
const UNLIMITED = 9_223_372_036_854_775_000;

export class CheckpointsTab {
  constructor(app, page) {
    this.app = app;
    this.page = page;
    this.part = "overview";
    this.checkpoints = new Feed((signal) => unlessOff(get(`${page.address}/checkpoints`, signal)));
    this.configuration = new Feed((signal) => unlessOff(get(`${page.address}/checkpoints/config`, signal)));
    this.history = new CheckpointHistory(app, page);
  }

  go([part = "overview"]) {
    this.part = part in PARTS ? part : "overview";
  }

  feeds() {
    if (this.part === "configuration") return [this.configuration];
    return this.part === "history" ? [this.checkpoints, ...this.history.feeds()] : [this.checkpoints];
  }

  view() {
    const feed = this.part === "configuration" ? this.configuration : this.checkpoints;
    return [
      tabs("Parts of the checkpoints", Object.entries(PARTS).map(([part, name]) => ({ name, href: this.page.link("checkpoints", part), current: part === this.part })), { small: true }),
      h("div", { key: this.part }, shown(this.app, feed, (answer) => (answer === null ? panel("Checkpoints", empty("This job takes no checkpoints.", "Checkpointing is switched on in the program or by execution.checkpointing.interval.")) : this.content(answer)))),
    ];
  }

  content(answer) {
    if (this.part === "history") return panel("History", this.history.view(answer.history));
    if (this.part === "summary") return panel("Summary", summaryTable(answer.summary));
    if (this.part === "configuration") return panel("Configuration", configurationFacts(answer));
    return overview(answer);
  }
}

/** A job without checkpoints has no such pages: 404 is an answer here. */
async function unlessOff(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function overview({ counts, latest }) {
  return [
    h(
      "div",
      { class: "tiles", key: "counts" },
      tile("Triggered", count(counts.total)),
      tile("In progress", count(counts.in_progress), { kind: "running" }),
      tile("Completed", count(counts.completed), { kind: "good" }),
      tile("Failed", count(counts.failed), { kind: counts.failed > 0 ? "bad" : "quiet" }),
      tile("Restored", count(counts.restored)),
    ),
    latestPanel("Latest completed checkpoint", latest.completed, "No checkpoint is complete yet."),
    latestPanel("Latest failed checkpoint", latest.failed, "No checkpoint has failed."),
    latestPanel("Latest savepoint", latest.savepoint, "No savepoint was taken."),
    panel("Latest restore", latest.restored === null || latest.restored === undefined
      ? empty("The job was not restored.")
      : facts([
          ["Id", String(latest.restored.id)],
          ["Kind", latest.restored.is_savepoint ? "savepoint" : "checkpoint"],
          ["Time", time(latest.restored.restore_timestamp)],
          ["Path", h("code", { class: "breakable" }, latest.restored.external_path ?? "–")],
        ])),
  ];
}

function latestPanel(title, checkpoint, none) {
  if (checkpoint === null || checkpoint === undefined) return panel(title, empty(none));
  return panel(title, facts([
    ["Id", String(checkpoint.id)],
    ["Triggered", time(checkpoint.trigger_timestamp)],
    ["Duration", duration(checkpoint.end_to_end_duration)],
    ["Checkpointed size", bytes(checkpoint.checkpointed_size)],
    ["Full state size", bytes(checkpoint.state_size)],
    ["Type", checkpoint.checkpoint_type],
    checkpoint.failure_message && ["Cause", h("span", { class: "breakable" }, checkpoint.failure_message)],
    checkpoint.external_path && ["Path", h("code", { class: "breakable" }, checkpoint.external_path)],
  ]));
}

const FIGURES = ["min", "avg", "max", "p50", "p90", "p95", "p99", "p999"];
const FIGURE_NAMES = { min: "Minimum", avg: "Mean", max: "Maximum", p50: "50 %", p90: "90 %", p95: "95 %", p99: "99 %", p999: "99.9 %" };

/** A row for each figure of checkpoints, a column for each way to sum it up. */
function summaryTable(summary) {
  const rows = [
    ["End-to-end duration", duration, summary.end_to_end_duration],
    ["Checkpointed size", bytes, summary.checkpointed_size],
    ["Full state size", bytes, summary.state_size],
    ["Processed while aligning", bytes, summary.processed_data],
    ["Persisted while aligning", bytes, summary.persisted_data],
  ].filter(([, , figures]) => figures !== undefined && figures !== null);
  return table({
    caption: "Summary of completed checkpoints",
    columns: [
      { name: "Figure", heading: true, cell: ([name]) => name },
      ...FIGURES.map((figure) => ({ name: FIGURE_NAMES[figure], figure: true, cell: ([, written, figures]) => written(figures[figure]) })),
    ],
    rows,
    key: ([name]) => name,
    none: "No checkpoint is complete yet.",
  });
}

function configurationFacts(configuration) {
  const { externalization = {} } = configuration;
  return facts([
    ["Mode", configuration.mode === "exactly_once" ? "Exactly once" : "At least once"],
    ["Interval", configuration.interval >= UNLIMITED ? "periodic checkpoints are off" : duration(configuration.interval)],
    ["Timeout", duration(configuration.timeout)],
    ["Pause between checkpoints", duration(configuration.min_pause)],
    ["At the same time", count(configuration.max_concurrent)],
    ["State backend", configuration.state_backend],
    ["Checkpoint storage", configuration.checkpoint_storage],
    ["Kept after the job", externalization.enabled ? (externalization.delete_on_cancellation ? "yes, but not after a cancellation" : "yes") : "no"],
    ["Unaligned checkpoints", configuration.unaligned_checkpoints ? "yes" : "no"],
    ["Aligned checkpoint timeout", duration(configuration.aligned_checkpoint_timeout)],
    ["Tolerated failed checkpoints", count(configuration.tolerable_failed_checkpoints)],
    ["Checkpoints after tasks have finished", configuration.checkpoints_after_tasks_finish ? "yes" : "no"],
  ]);
}
