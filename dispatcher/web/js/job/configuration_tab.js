/** What the job runs with. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { facts, panel } from "../facts.js";
import { Feed } from "../feed.js";
import { Settings } from "../process/settings.js";
import { shown } from "../states.js";
import { table } from "../table.js";

export class ConfigurationTab {
  constructor(app, page) {
    this.app = app;
    this.configuration = new Feed((signal) => get(`${page.address}/config`, signal));
    this.accumulators = new Feed((signal) => get(`${page.address}/accumulators`, signal));
    this.settings = new Settings(app, "Parameters of the program");
  }

  go() {}

  feeds() {
    return [this.configuration, this.accumulators];
  }

  view() {
    return [
      h("div", { key: "configuration" }, shown(this.app, this.configuration, (answer) => this.content(answer["execution-config"] ?? {}))),
      panel("Accumulators", shown(this.app, this.accumulators, (answer) => table({
        caption: "Accumulators",
        columns: [
          { name: "Name", heading: true, cell: (each) => each.name },
          { name: "Type", cell: (each) => each.type },
          { name: "Value", wide: true, cell: (each) => each.value },
        ],
        rows: answer["user-task-accumulators"] ?? [],
        none: "The program has no accumulators.",
      }))),
    ];
  }

  content(execution) {
    const parameters = Object.entries(execution["user-config"] ?? {}).map(([key, value]) => ({ key, value: String(value) }));
    return [
      panel("Execution", facts([
        ["Mode", execution["execution-mode"] ?? "–"],
        ["Parallelism", String(execution["job-parallelism"] ?? "–")],
        ["Restart strategy", execution["restart-strategy"] ?? "–"],
        ["Objects are reused", execution["object-reuse-mode"] ? "yes" : "no"],
      ])),
      panel("Parameters of the program", this.settings.view(parameters)),
    ];
  }
}
