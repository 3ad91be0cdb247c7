/** How far event time has come in each subtask of a vertex. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { tile } from "../facts.js";
import { Feed } from "../feed.js";
import { duration, time } from "../format.js";
import { empty, shown } from "../states.js";
import { table } from "../table.js";

/** Numbers below this mean that no watermark has come: the smallest long, which a double does not hold exactly. */
const NONE_BELOW = -9_223_372_036_854_700_000;
const END_ABOVE = 9_223_372_036_854_700_000;

export class WatermarksView {
  constructor(app, drawer) {
    this.app = app;
    this.drawer = drawer;
    this.watermarks = new Feed((signal) => get(`${drawer.address}/watermarks`, signal));
  }

  feeds() {
    return this.drawer.page.isRunning ? [this.watermarks] : [];
  }

  view() {
    if (!this.drawer.page.isRunning) return empty("The job does not run.");
    return shown(this.app, this.watermarks, (answer) => {
      const rows = answer
        .map(({ id, value }) => ({ subtask: Number.parseInt(id, 10), text: value, value: Number(value) }))
        .sort((one, other) => one.subtask - other.subtask);
      if (rows.length === 0) return empty("This vertex receives no watermarks.", "Sources make them; they are seen in what reads the source.");
      const lowest = Math.min(...rows.map((row) => row.value));
      return [
        h("div", { class: "tiles" }, tile("Low watermark", written(lowest)), tile("Behind the clock", isInstant(lowest) ? duration(Math.max(0, Date.now() - lowest)) : "–")),
        table({
          caption: "Watermarks",
          columns: [
            { name: "Subtask", heading: true, cell: (row) => String(row.subtask) },
            { name: "Watermark", figure: true, cell: (row) => (isInstant(row.value) ? row.text : "–") },
            { name: "Time", cell: (row) => written(row.value) },
          ],
          rows,
          key: (row) => row.subtask,
        }),
      ];
    });
  }
}

function isInstant(value) {
  return value > NONE_BELOW && value < END_ABOVE;
}

function written(value) {
  if (value <= NONE_BELOW) return "No watermark";
  if (value >= END_ABOVE) return "End of the stream";
  return value > 0 ? time(value) : String(value);
}
