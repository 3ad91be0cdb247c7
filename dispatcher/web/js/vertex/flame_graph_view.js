/** Where the tasks of a vertex spend their time: samples of their stacks as a flame graph. */
import { get, query } from "../api.js";
import { FlameGraph } from "../charts/flame_graph.js";
import { h } from "../dom.js";
import { Feed } from "../feed.js";
import { time } from "../format.js";
import { empty, loading, shown } from "../states.js";

const KINDS = { full: "All samples", on_cpu: "On CPU", off_cpu: "Waiting" };
const REASONS = {
  "-1": ["The tasks have ended."],
  "-2": ["Flame graphs are switched off.", "rest.flamegraph.enabled switches them on."],
};

export class FlameGraphView {
  constructor(app, drawer) {
    this.app = app;
    this.drawer = drawer;
    this.kind = "full";
    this.subtask = "";
    this.graph = new FlameGraph(app);
    this.sample = this.feed();
  }

  feed() {
    const parameters = { type: this.kind, subtaskindex: this.subtask };
    return new Feed((signal) => get(`${this.drawer.address}/flamegraph${query(parameters)}`, signal));
  }

  feeds() {
    return this.drawer.page.isRunning ? [this.sample] : [];
  }

  view() {
    if (!this.drawer.page.isRunning) return empty("The job does not run.", "Only running tasks can be sampled.");
    const { parallelism } = this.drawer.vertex;
    return [
      h(
        "div",
        { class: "choices", key: "choices" },
        choice("Samples", this.kind, Object.entries(KINDS), (value) => this.choose({ kind: value })),
        choice("Subtask", this.subtask, [["", "All"], ...Array.from({ length: parallelism }, (_each, index) => [String(index), String(index)])], (value) => this.choose({ subtask: value })),
      ),
      h("div", { key: "graph" }, shown(this.app, this.sample, (answer) => this.picture(answer))),
    ];
  }

  choose(changed) {
    Object.assign(this, changed);
    this.sample = this.feed();
    this.graph.reset();
    this.app.update();
    this.app.refresh();
  }

  picture({ endTimestamp, data }) {
    if (data === undefined || data === null) {
      const reason = REASONS[String(endTimestamp)];
      return reason === undefined ? loading("The first samples are being taken") : empty(...reason);
    }
    return [h("p", { class: "muted" }, `Sampled until ${time(endTimestamp)}. Grey frames are Millstream's own. Choose a frame to see it larger.`), this.graph.view(data)];
  }
}

function choice(label, value, options, onchoose) {
  return h(
    "label",
    { class: "choice" },
    h("span", null, label),
    h("select", { value, onchange: (event) => onchoose(event.currentTarget.value) }, options.map(([each, name]) => h("option", { key: each, value: each }, name))),
  );
}
