/** When the vertices ran, and on a click in which state each of their subtasks was. */
import { get, path } from "../api.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { clock, duration, time } from "../format.js";
import { shown } from "../states.js";
import { kindOf } from "../status.js";
import { shownName } from "./plan_graph.js";

const ENDS = new Set(["FINISHED", "CANCELED", "FAILED"]);
const STATES = ["CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING", "FINISHED", "CANCELED", "FAILED"];
const TICKS = 4;

export class TimelineTab {
  constructor(app, page) {
    this.app = app;
    this.page = page;
    this.opened = new Map();
  }

  go() {}

  feeds() {
    return [...this.opened.values()];
  }

  view() {
    const { job } = this.page;
    const span = { from: job["start-time"], to: job["end-time"] > 0 ? job["end-time"] : job.now };
    const vertices = [...job.vertices].sort((one, other) => one["start-time"] - other["start-time"]);
    return panel("Timeline", [
      h("p", { class: "muted" }, "Choose a vertex to see its subtasks."),
      h("div", { class: "timeline" }, axis(span), vertices.map((vertex) => this.row(vertex, span))),
      h("ul", { class: "legend legend--states" }, STATES.map((state) => h("li", { key: state }, h("span", { class: `swatch swatch--${state.toLowerCase()}`, "aria-hidden": "true" }), state.toLowerCase()))),
    ]);
  }

  row(vertex, span) {
    const feed = this.opened.get(vertex.id);
    const from = vertex["start-time"];
    const to = vertex["end-time"] > 0 ? vertex["end-time"] : this.page.job.now;
    return h(
      "div",
      { key: vertex.id, class: "timeline__vertex" },
      h(
        "button",
        { type: "button", class: "timeline__row", "aria-expanded": String(feed !== undefined), onclick: () => this.toggle(vertex.id) },
        h("span", { class: "timeline__name", title: vertex.name }, shownName(vertex.name)),
        h("span", { class: "timeline__track" }, from > 0 && bar(from, to, span, vertex.status.toLowerCase(), `${vertex.status}, from ${time(from)}, ${duration(to - from)}`)),
        h("span", { class: "timeline__length" }, from > 0 ? duration(to - from) : "–"),
      ),
      feed && h("div", { class: "timeline__subtasks" }, shown(this.app, feed, (times) => times.subtasks.map((subtask) => subtaskRow(subtask, times.now, span)))),
    );
  }

  toggle(id) {
    if (this.opened.has(id)) this.opened.delete(id);
    else this.opened.set(id, new Feed((signal) => get(`${this.page.address}/${path("vertices", id)}/subtasktimes`, signal)));
    this.app.update();
    this.app.refresh();
  }
}

function subtaskRow(subtask, now, span) {
  const steps = Object.entries(subtask.timestamps)
    .filter(([, at]) => at > 0)
    .sort(([, one], [, other]) => one - other);
  const parts = steps.map(([state, from], index) => ({ state, from, to: steps[index + 1]?.[1] ?? (ENDS.has(state) ? from : Math.max(now, from)) }));
  const last = parts[parts.length - 1];
  return h(
    "div",
    { key: subtask.subtask, class: "timeline__row timeline__row--subtask" },
    h("span", { class: "timeline__name" }, `Subtask ${subtask.subtask}`, h("span", { class: "muted" }, ` ${subtask.endpoint ?? subtask.host ?? ""}`)),
    h("span", { class: "timeline__track" }, parts.map((part) => bar(part.from, Math.min(part.to, span.to), span, part.state.toLowerCase(), `${part.state} at ${clock(part.from)}, ${duration(part.to - part.from)}`))),
    h("span", { class: `timeline__length text--${last ? kindOf(last.state) : "waiting"}` }, last ? last.state : "–"),
  );
}

function bar(from, to, span, state, text) {
  const whole = Math.max(1, span.to - span.from);
  const start = Math.max(0, Math.min(1, (from - span.from) / whole));
  const width = Math.max(0, Math.min(1 - start, (to - from) / whole));
  return h(
    "span",
    { key: state, class: `timeline__bar timeline__bar--${state}`, title: text, style: { left: `${start * 100}%`, width: `max(3px, ${width * 100}%)` } },
    h("span", { class: "visually-hidden" }, text),
  );
}

function axis(span) {
  const whole = span.to - span.from;
  return h(
    "div",
    { class: "timeline__row timeline__axis", "aria-hidden": "true" },
    h("span", { class: "timeline__name" }),
    h("span", { class: "timeline__track" }, Array.from({ length: TICKS }, (_each, index) => h("span", { class: "timeline__tick", style: { left: `${(index / TICKS) * 100}%` } }, clock(span.from + (whole * index) / TICKS)))),
    h("span", { class: "timeline__length" }),
  );
}
