/** Metrics of a vertex' subtasks: pick some, and see how they go on. */
import { get } from "../api.js";
import { LinePlot } from "../charts/line_plot.js";
import { h } from "../dom.js";
import { Feed } from "../feed.js";
import { metricsNamed } from "../process/metric_names.js";
import { icon } from "../icons.js";
import { empty, shown } from "../states.js";

const KEY = "millstream.metrics";
const MOST_PLOTS = 24;
const MOST_CHOICES = 200;

export class MetricsView {
  constructor(app, drawer) {
    this.app = app;
    this.drawer = drawer;
    this.wanted = "";
    this.names = new Feed((signal) => get(`${drawer.address}/metrics`, signal));
    this.plots = new Map(keptFor(drawer.id).map((name) => [name, new LinePlot(name)]));
    this.startsOpen = this.plots.size === 0;
    this.values = new Feed((signal) => this.ask(signal));
  }

  feeds() {
    if (!this.drawer.page.isRunning) return [];
    return this.plots.size === 0 ? [this.names] : [this.names, this.values];
  }

  async ask(signal) {
    const values = await metricsNamed(`${this.drawer.address}/metrics`, [...this.plots.keys()], signal);
    if (!signal.aborted) for (const [name, plot] of this.plots) plot.add(Date.now(), values.get(name));
    return values;
  }

  view() {
    if (!this.drawer.page.isRunning && this.names.data === undefined) return empty("The job does not run.");
    return [
      h("div", { key: "picker" }, shown(this.app, this.names, (names) => this.picker(names.map((metric) => metric.id)))),
      this.values.error !== null && h("p", { class: "muted", key: "error" }, this.values.error.message),
      h("div", { class: "plots", key: "plots" }, [...this.plots].map(([name, plot]) =>
        h("figure", { class: "plot", key: name },
          h("figcaption", null, h("code", { class: "breakable" }, name), h("button", { type: "button", class: "icon-button", "aria-label": `Remove ${name}`, onclick: () => this.toggle(name) }, icon("close"))),
          plot.view()))),
    ];
  }

  picker(names) {
    if (names.length === 0) return empty("No metrics yet.", "They come some seconds after the tasks have started.");
    const words = this.wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const found = names.filter((name) => words.every((word) => name.toLowerCase().includes(word))).sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
    return h(
      "details",
      { class: "picker", open: this.startsOpen },
      h("summary", null, `Pick metrics (${this.plots.size} of ${names.length} shown)`),
      h("input", {
        class: "search",
        type: "search",
        placeholder: "Search: records in, busy, 0.latency …",
        "aria-label": "Search for metrics",
        value: this.wanted,
        oninput: (event) => {
          this.wanted = event.currentTarget.value;
          this.app.update();
        },
      }),
      h("ul", { class: "picker__list" }, found.slice(0, MOST_CHOICES).map((name) =>
        h("li", { key: name }, h("label", { class: "check" },
          h("input", { type: "checkbox", checked: this.plots.has(name), disabled: !this.plots.has(name) && this.plots.size >= MOST_PLOTS, onchange: () => this.toggle(name) }),
          h("code", { class: "breakable" }, name))))),
      found.length > MOST_CHOICES && h("p", { class: "muted" }, `${found.length - MOST_CHOICES} more: search for them.`),
      found.length === 0 && h("p", { class: "muted" }, "No metric is called so."),
    );
  }

  toggle(name) {
    if (this.plots.has(name)) this.plots.delete(name);
    else this.plots.set(name, new LinePlot(name));
    keep(this.drawer.id, [...this.plots.keys()]);
    this.app.update();
    this.app.refresh();
  }
}

/** What was picked for a vertex stays picked as long as the browser's tab is open. */
function keptFor(id) {
  return all()[id] ?? [];
}

function keep(id, names) {
  sessionStorage.setItem(KEY, JSON.stringify({ ...all(), [id]: names }));
}

function all() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}
