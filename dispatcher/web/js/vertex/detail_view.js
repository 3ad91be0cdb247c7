/** A vertex in short: its operators, inputs, figures, and its parallelism, which can be changed where the cluster allows it. */
import { get, put } from "../api.js";
import { h } from "../dom.js";
import { facts } from "../facts.js";
import { Feed } from "../feed.js";
import { count, duration, time } from "../format.js";
import { operatorsOf, shownName } from "../job/plan_graph.js";
import { taskCounts } from "../status.js";
import { timeFacts, trafficFacts } from "./traffic.js";

export class DetailView {
  constructor(app, drawer) {
    this.app = app;
    this.drawer = drawer;
    this.wanted = null;
    this.requirements = new Feed((signal) => get(`${drawer.page.address}/resource-requirements`, signal), { once: true });
  }

  get canRescale() {
    return this.app.features["web-rescale"] === true && this.drawer.page.isRunning;
  }

  feeds() {
    return this.canRescale ? [this.requirements] : [];
  }

  view() {
    const { vertex, node, page } = this.drawer;
    const names = new Map(page.job.vertices.map((each) => [each.id, each.name]));
    return [
      facts([
        ["Parallelism", String(vertex.parallelism)],
        ["Max. parallelism", String(vertex.maxParallelism)],
        ["Start time", time(vertex["start-time"])],
        ["Duration", duration(vertex.duration)],
        ["Tasks", taskCounts(vertex.tasks)],
        ...trafficFacts(vertex.metrics),
        ...timeFacts(vertex.metrics),
        ["Slot sharing group", h("code", null, (vertex.slotSharingGroupId ?? "–").slice(0, 8))],
      ]),
      h("h3", null, "Operators"),
      h("ol", { class: "operators" }, operatorsOf(node, vertex.name).map((operator, index) => h("li", { key: index }, operator))),
      (node.inputs ?? []).length > 0 && [
        h("h3", null, "Inputs"),
        h("ul", { class: "operators" }, node.inputs.map((input) => h("li", { key: input.num }, `${input.ship_strategy ?? "?"} from ${shownName(names.get(input.id) ?? input.id)}`, input.exchange && h("span", { class: "muted" }, ` (${input.exchange})`)))),
      ],
      this.canRescale && this.requirements.data && this.scaler(this.requirements.data[this.drawer.id]?.parallelism),
    ];
  }

  scaler(bounds) {
    if (bounds === undefined) return null;
    const { vertex } = this.drawer;
    const value = this.wanted ?? bounds.upperBound;
    const set = (next) => {
      this.wanted = Math.max(1, Math.min(vertex.maxParallelism > 0 ? vertex.maxParallelism : next, next));
      this.app.update();
    };
    return h(
      "form",
      {
        class: "scaler",
        onsubmit: (event) => {
          event.preventDefault();
          this.rescale(value);
        },
      },
      h("label", { for: "parallelism" }, "Change the parallelism"),
      h("button", { type: "button", class: "button", "aria-label": "Less", onclick: () => set(value - 1) }, "−"),
      h("input", { id: "parallelism", type: "number", min: 1, value: String(value), oninput: (event) => event.currentTarget.value !== "" && set(Number(event.currentTarget.value)) }),
      h("button", { type: "button", class: "button", "aria-label": "More", onclick: () => set(value + 1) }, "+"),
      h("button", { type: "submit", class: "button button--primary", disabled: value === bounds.upperBound }, "Apply"),
      h("span", { class: "muted" }, `now ${count(bounds.lowerBound)} to ${count(bounds.upperBound)}`),
    );
  }

  async rescale(upperBound) {
    const { drawer } = this;
    const done = await this.app.attempt(() => {
      const all = this.requirements.data;
      const { lowerBound } = all[drawer.id].parallelism;
      return put(`${drawer.page.address}/resource-requirements`, { ...all, [drawer.id]: { parallelism: { lowerBound: Math.min(lowerBound, upperBound), upperBound } } });
    });
    if (done) this.app.notify(`The parallelism is to become ${upperBound}.`);
    this.wanted = null;
    this.requirements.expire();
    this.app.refresh();
  }
}
