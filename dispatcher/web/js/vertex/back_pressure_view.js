/** What the subtasks of a vertex spend their time with. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { Feed } from "../feed.js";
import { isFigure, percent, time } from "../format.js";
import { empty, shown } from "../states.js";
import { table } from "../table.js";

const LEVELS = { ok: ["good", "OK"], low: ["warning", "LOW"], high: ["bad", "HIGH"] };

export class BackPressureView {
  constructor(app, drawer) {
    this.app = app;
    this.drawer = drawer;
    this.answer = new Feed((signal) => get(`${drawer.address}/backpressure`, signal));
  }

  feeds() {
    return this.drawer.page.isRunning ? [this.answer] : [];
  }

  view() {
    if (!this.drawer.page.isRunning) return empty("The job does not run.");
    return shown(this.app, this.answer, (answer) => {
      if (answer.status !== "ok" || answer.subtasks === undefined) return empty("Not measured yet.", "The figures come with the tasks' next metrics.");
      return [
        h("p", null, "Back pressure ", level(answer["backpressure-level"]), h("span", { class: "muted" }, ` measured ${time(answer["end-timestamp"])}`)),
        table({
          caption: "Back pressure of the subtasks",
          columns: [
            { name: "Subtask", heading: true, cell: (row) => String(row.subtask) },
            { name: "Back-pressured", figure: true, cell: (row) => percent(row.ratio) },
            { name: "Idle", figure: true, cell: (row) => percent(row.idleRatio) },
            { name: "Busy", figure: true, cell: (row) => percent(row.busyRatio) },
            { name: "Share", cell: share },
            { name: "Level", cell: (row) => level(row["backpressure-level"]) },
          ],
          rows: answer.subtasks.flatMap((each) => [each, ...(each["other-concurrent-attempts"] ?? [])]),
          key: (row) => `${row.subtask} ${row["attempt-number"] ?? 0}`,
          none: "No subtask runs.",
        }),
      ];
    });
  }
}

function level(name) {
  const [kind, text] = LEVELS[name] ?? ["quiet", String(name).toUpperCase()];
  return h("span", { class: `badge badge--${kind}` }, text);
}

function share(row) {
  const part = (kind, ratio) => isFigure(ratio) && ratio > 0 && h("span", { key: kind, class: `share__part share__part--${kind}`, style: { width: `${Math.min(1, ratio) * 100}%` } });
  return h("span", { class: "share", "aria-hidden": "true" }, part("busy", row.busyRatio), part("back", row.ratio), part("idle", row.idleRatio));
}
