/** The log files of a process. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { bytes, time } from "../format.js";
import { shown } from "../states.js";
import { SortedTable } from "../table.js";

export class LogList {
  /** @param {string} address of the process. @param {function} linkTo returns the address of a file's page. */
  constructor(app, address, linkTo) {
    this.app = app;
    this.list = new Feed((signal) => get(`${address}/logs`, signal));
    this.table = new SortedTable(app, {
      caption: "Log files",
      columns: [
        { name: "File", heading: true, wide: true, sort: (log) => log.name, cell: (log) => h("a", { href: linkTo(log.name) }, log.name) },
        { name: "Size", figure: true, sort: (log) => log.size, cell: (log) => bytes(log.size) },
        { name: "Last written", sort: (log) => log.mtime ?? 0, cell: (log) => time(log.mtime) },
      ],
      key: (log) => log.name,
      none: "The process writes no log files.",
      by: "File",
    });
  }

  feeds() {
    return [this.list];
  }

  view() {
    return panel("Log files", shown(this.app, this.list, ({ logs }) => this.table.view(logs)));
  }
}
