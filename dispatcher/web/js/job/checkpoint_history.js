/** The checkpoints of late, one by one: on a click its vertices, and on another their subtasks. */
import { get, path } from "../api.js";
import { h } from "../dom.js";
import { Feed } from "../feed.js";
import { bytes, count, duration, percent, time } from "../format.js";
import { shown } from "../states.js";
import { badge } from "../status.js";
import { table } from "../table.js";
import { shownName } from "./plan_graph.js";

export class CheckpointHistory {
  constructor(app, page) {
    this.app = app;
    this.page = page;
    this.checkpoint = null;
    this.vertex = null;
  }

  feeds() {
    return [this.checkpoint?.feed, this.vertex?.feed].filter(Boolean);
  }

  view(history) {
    return table({
      caption: "Checkpoints of late",
      columns: [
        { name: "Id", heading: true, cell: (each) => this.opener(each.id, `Checkpoint ${each.id}`, this.checkpoint?.id === each.id, () => this.openCheckpoint(each.id)) },
        { name: "State", cell: (each) => badge(each.status) },
        { name: "Acknowledged", cell: (each) => acknowledged(each) },
        { name: "Triggered", cell: (each) => time(each.trigger_timestamp) },
        { name: "Last acknowledgement", cell: (each) => time(each.latest_ack_timestamp) },
        { name: "Duration", figure: true, cell: (each) => duration(each.end_to_end_duration) },
        { name: "Checkpointed", figure: true, cell: (each) => bytes(each.checkpointed_size) },
        { name: "Full size", figure: true, cell: (each) => bytes(each.state_size) },
        { name: "Type", cell: (each) => typeOf(each) },
      ],
      rows: history,
      key: (each) => each.id,
      none: "No checkpoint was triggered yet.",
      detail: (each) => this.checkpoint?.id === each.id && shown(this.app, this.checkpoint.feed, (detail) => this.detail(each, detail)),
    });
  }

  opener(text, label, isOpen, act, style = "text-button") {
    return h("button", { type: "button", class: style, "aria-label": label, "aria-expanded": String(isOpen), onclick: act }, text);
  }

  openCheckpoint(id) {
    this.vertex = null;
    this.checkpoint = this.checkpoint?.id === id ? null : { id, feed: new Feed((signal) => get(`${this.page.address}/checkpoints/details/${id}`, signal)) };
    this.app.update();
    this.app.refresh();
  }

  openVertex(id) {
    const address = `${this.page.address}/checkpoints/details/${this.checkpoint.id}/${path("subtasks", id)}`;
    this.vertex = this.vertex?.id === id ? null : { id, feed: new Feed((signal) => get(address, signal)) };
    this.app.update();
    this.app.refresh();
  }

  detail(checkpoint, detail) {
    const rows = this.page.job.vertices.filter((vertex) => vertex.id in detail.tasks).map((vertex) => ({ name: vertex.name, ...detail.tasks[vertex.id], id: vertex.id }));
    return h(
      "div",
      { class: "nested" },
      checkpoint.failure_message && h("p", { class: "failure__what" }, checkpoint.failure_message),
      checkpoint.external_path && h("p", null, h("span", { class: "muted" }, "Path "), h("code", { class: "breakable" }, checkpoint.external_path), checkpoint.discarded && h("span", { class: "muted" }, " (discarded)")),
      table({
        caption: `Vertices of checkpoint ${checkpoint.id}`,
        columns: [
          { name: "Vertex", heading: true, cell: (row) => this.opener(shownName(row.name), `Subtasks of ${row.name}`, this.vertex?.id === row.id, () => this.openVertex(row.id), "text-button text-button--name") },
          { name: "Acknowledged", cell: acknowledged },
          { name: "Last acknowledgement", cell: (row) => time(row.latest_ack_timestamp) },
          { name: "Duration", figure: true, cell: (row) => duration(row.end_to_end_duration) },
          { name: "Checkpointed", figure: true, cell: (row) => bytes(row.checkpointed_size) },
          { name: "Full size", figure: true, cell: (row) => bytes(row.state_size) },
          { name: "In-flight data", figure: true, cell: (row) => `${bytes(row.processed_data)} (${bytes(row.persisted_data)} kept)` },
        ],
        rows,
        key: (row) => row.id,
        detail: (row) => this.vertex?.id === row.id && shown(this.app, this.vertex.feed, subtasks),
      }),
    );
  }
}

function acknowledged({ num_acknowledged_subtasks: done, num_subtasks: all }) {
  return `${count(done)} of ${count(all)}${all > 0 ? ` (${percent(done / all)})` : ""}`;
}

function typeOf(checkpoint) {
  return checkpoint.is_savepoint ? `Savepoint${checkpoint.savepointFormat ? `, ${checkpoint.savepointFormat.toLowerCase()}` : ""}` : checkpoint.checkpoint_type === "UNALIGNED_CHECKPOINT" ? "Unaligned" : "Checkpoint";
}

function subtasks(detail) {
  return h("div", { class: "nested" }, summaryOf(detail.summary), table({
    caption: "Subtasks",
    columns: [
      { name: "Subtask", heading: true, cell: (each) => String(each.index) },
      { name: "State", cell: (each) => badge(each.status === "completed" ? "COMPLETED" : "PENDING") },
      { name: "Acknowledged", cell: (each) => time(each.ack_timestamp) },
      { name: "Duration", figure: true, cell: (each) => duration(each.end_to_end_duration) },
      { name: "Checkpointed", figure: true, cell: (each) => bytes(each.checkpointed_size) },
      { name: "Full size", figure: true, cell: (each) => bytes(each.state_size) },
      { name: "Sync", figure: true, cell: (each) => duration(each.checkpoint?.sync) },
      { name: "Async", figure: true, cell: (each) => duration(each.checkpoint?.async) },
      { name: "Alignment", figure: true, cell: (each) => duration(each.alignment?.duration) },
      { name: "Start delay", figure: true, cell: (each) => duration(each.start_delay) },
      { name: "Unaligned", cell: (each) => (each.unaligned_checkpoint ? "yes" : "no") },
    ],
    rows: detail.subtasks,
    key: (each) => each.index,
    none: "No subtask has answered yet.",
  }));
}

function summaryOf(summary) {
  if (summary === undefined || summary === null) return null;
  const rows = [
    ["Duration", duration, summary.end_to_end_duration],
    ["Checkpointed size", bytes, summary.checkpointed_size],
    ["Sync", duration, summary.checkpoint_duration?.sync],
    ["Async", duration, summary.checkpoint_duration?.async],
    ["Alignment", duration, summary.alignment?.duration],
    ["Start delay", duration, summary.start_delay],
  ].filter(([, , figures]) => figures);
  return table({
    caption: "Summary of the subtasks",
    columns: [
      { name: "Figure", heading: true, cell: ([name]) => name },
      { name: "Minimum", figure: true, cell: ([, written, figures]) => written(figures.min) },
      { name: "Mean", figure: true, cell: ([, written, figures]) => written(figures.avg) },
      { name: "Maximum", figure: true, cell: ([, written, figures]) => written(figures.max) },
    ],
    rows,
    key: ([name]) => name,
  });
}
