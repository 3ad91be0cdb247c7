/** The TaskManagers that run subtasks of a vertex. */
import { get } from "../api.js";
import { Feed } from "../feed.js";
import { duration, time } from "../format.js";
import { shown } from "../states.js";
import { badge, taskCounts } from "../status.js";
import { SortedTable } from "../table.js";
import { taskManagerLink } from "../task_manager_link.js";
import { trafficColumns } from "./traffic.js";

export class TaskManagersView {
  constructor(app, drawer) {
    this.app = app;
    this.list = new Feed((signal) => get(`${drawer.address}/taskmanagers`, signal));
    this.table = new SortedTable(app, {
      caption: "TaskManagers of the vertex",
      key: (row) => row["taskmanager-id"],
      none: "No TaskManager runs this vertex.",
      by: "TaskManager",
      columns: [
        { name: "TaskManager", heading: true, sort: (row) => row["taskmanager-id"], cell: (row) => taskManagerLink(app, row["taskmanager-id"]) },
        { name: "Host", sort: (row) => row.endpoint, cell: (row) => row.endpoint },
        { name: "State", sort: (row) => row.status, cell: (row) => badge(row.status) },
        { name: "Tasks", cell: (row) => taskCounts(row["status-counts"]) },
        ...trafficColumns(),
        { name: "Start time", sort: (row) => row["start-time"], cell: (row) => time(row["start-time"]) },
        { name: "Duration", figure: true, sort: (row) => row.duration, cell: (row) => duration(row.duration) },
      ],
    });
  }

  feeds() {
    return [this.list];
  }

  view() {
    return shown(this.app, this.list, ({ taskmanagers }) => this.table.view(taskmanagers));
  }
}
