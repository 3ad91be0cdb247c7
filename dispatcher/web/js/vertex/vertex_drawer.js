/** What is known of one vertex, in tabs below the graph. Esc closes it and gives the focus back to the graph. */
import { path } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { empty } from "../states.js";
import { badge } from "../status.js";
import { tabs } from "../tabs.js";
import { AccumulatorsView } from "./accumulators_view.js";
import { BackPressureView } from "./back_pressure_view.js";
import { DetailView } from "./detail_view.js";
import { FlameGraphView } from "./flame_graph_view.js";
import { MetricsView } from "./metrics_view.js";
import { SubtasksView } from "./subtasks_view.js";
import { TaskManagersView } from "./task_managers_view.js";
import { WatermarksView } from "./watermarks_view.js";
import { shownName } from "../job/plan_graph.js";

const TABS = [
  ["detail", "Detail", DetailView],
  ["subtasks", "Subtasks", SubtasksView],
  ["taskmanagers", "TaskManagers", TaskManagersView],
  ["watermarks", "Watermarks", WatermarksView],
  ["accumulators", "Accumulators", AccumulatorsView],
  ["backpressure", "Back pressure", BackPressureView],
  ["metrics", "Metrics", MetricsView],
  ["flamegraph", "Flame graph", FlameGraphView],
];

export class VertexDrawer {
  constructor(app, page, id) {
    this.app = app;
    this.page = page;
    this.id = id;
    this.address = `${page.address}/${path("vertices", id)}`;
    this.tabName = null;
    this.tab = null;
  }

  go(wanted = "detail") {
    const [name, , Tab] = TABS.find(([each]) => each === wanted) ?? TABS[0];
    if (this.tabName === name) return;
    this.tabName = name;
    this.tab = new Tab(this.app, this);
  }

  feeds() {
    return this.tab.feeds();
  }

  /** What the job's detail says of this vertex. */
  get vertex() {
    return this.page.job?.vertices.find((vertex) => vertex.id === this.id);
  }

  get node() {
    return this.page.job?.plan.nodes.find((node) => node.id === this.id);
  }

  view() {
    const { vertex } = this;
    return h(
      "section",
      { class: "panel drawer", "aria-labelledby": "drawer-title", onkeydown: (event) => event.key === "Escape" && this.close() },
      h(
        "div",
        { class: "panel__head" },
        h("h2", { id: "drawer-title", class: "breakable", tabindex: "-1", ref: (title) => this.show(title) }, vertex ? shownName(vertex.name) : "Unknown vertex"),
        vertex && badge(vertex.status),
        h("div", { class: "panel__actions" }, h("button", { type: "button", class: "icon-button", "aria-label": "Close the vertex", onclick: () => this.close() }, icon("close"))),
      ),
      vertex === undefined
        ? empty("The job has no such vertex.")
        : [
            tabs("Parts of the vertex", TABS.map(([tab, name]) => ({ name, href: this.page.link("overview", this.id, tab), current: tab === this.tabName })), { small: true }),
            h("div", { key: this.tabName, class: "drawer__content" }, this.tab.view()),
          ],
    );
  }

  show(title) {
    title.focus({ preventScroll: true });
    title.closest(".drawer").scrollIntoView({ block: "nearest" });
  }

  close() {
    location.hash = this.page.link("overview");
    document.getElementById(`node-${this.id}`)?.focus();
  }
}
