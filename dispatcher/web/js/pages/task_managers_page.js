/** The TaskManagers of the cluster. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { bytes, count, time } from "../format.js";
import { link } from "../router.js";
import { shown } from "../states.js";
import { SortedTable } from "../table.js";

export class TaskManagersPage {
  key = "task managers";
  title = "TaskManagers";

  constructor(app) {
    this.app = app;
    this.list = new Feed((signal) => get("taskmanagers", signal));
    this.table = new SortedTable(app, {
      caption: "TaskManagers",
      columns: COLUMNS,
      key: (each) => each.id,
      none: "No TaskManager is registered.",
      by: "Id",
    });
  }

  isSame() {
    return true;
  }

  go() {}

  feeds() {
    return [this.list];
  }

  view() {
    return [
      h("h1", null, "TaskManagers"),
      shown(this.app, this.list, ({ taskmanagers }) =>
        panel(`${taskmanagers.length} ${taskmanagers.length === 1 ? "TaskManager" : "TaskManagers"}`, this.table.view(taskmanagers), { id: "list" }),
      ),
    ];
  }
}

const COLUMNS = [
  {
    name: "Id",
    heading: true,
    sort: (each) => each.id,
    cell: (each) => [
      h("a", { href: link("task-manager", each.id, "metrics") }, each.id),
      each.blocked && h("span", { class: "badge badge--warning" }, "BLOCKED"),
    ],
  },
  { name: "Address", wide: true, sort: (each) => each.path, cell: (each) => each.path },
  { name: "Data port", figure: true, sort: (each) => each.dataPort, cell: (each) => String(each.dataPort) },
  { name: "Last heartbeat", sort: (each) => each.timeSinceLastHeartbeat, cell: (each) => time(each.timeSinceLastHeartbeat) },
  { name: "Slots", figure: true, sort: (each) => each.slotsNumber, cell: (each) => count(each.slotsNumber) },
  { name: "Free slots", figure: true, sort: (each) => each.freeSlots, cell: (each) => count(each.freeSlots) },
  { name: "CPU cores", figure: true, sort: (each) => each.hardware.cpuCores, cell: (each) => count(each.hardware.cpuCores) },
  { name: "Host memory", figure: true, sort: (each) => each.hardware.physicalMemory, cell: (each) => bytes(each.hardware.physicalMemory) },
  { name: "Managed memory", figure: true, sort: (each) => each.hardware.managedMemory, cell: (each) => bytes(each.hardware.managedMemory) },
];
