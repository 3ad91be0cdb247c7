/** What the threads of a process are doing. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { icon } from "../icons.js";
import { empty, shown } from "../states.js";

export class ThreadDump {
  constructor(app, address) {
    this.app = app;
    this.dump = new Feed((signal) => get(`${address}/thread-dump`, signal), { once: true });
    this.wanted = "";
  }

  feeds() {
    return [this.dump];
  }

  view() {
    return panel("Thread dump", shown(this.app, this.dump, ({ threadInfos }) => this.threads(threadInfos)), {
      actions: [
        h("input", {
          class: "search search--small",
          type: "search",
          placeholder: "Threads with …",
          "aria-label": "Show only threads that contain",
          value: this.wanted,
          oninput: (event) => {
            this.wanted = event.currentTarget.value;
            this.app.update();
          },
        }),
        h(
          "button",
          {
            type: "button",
            class: "button",
            onclick: () => {
              this.dump.expire();
              this.app.update();
              this.app.refresh();
            },
          },
          icon("refresh"),
          "Take another",
        ),
      ],
    });
  }

  threads(infos) {
    const wanted = this.wanted.toLowerCase();
    const found = infos.filter((each) => `${each.threadName}\n${each.stringifiedThreadInfo}`.toLowerCase().includes(wanted));
    if (found.length === 0) return empty("No thread is like that.");
    return found.map((thread, index) =>
      h(
        "details",
        { class: "thread", key: `${thread.threadName} ${index}`, open: index < 3 || wanted !== "" },
        h("summary", null, thread.threadName),
        h("pre", { class: "code", tabindex: "0" }, thread.stringifiedThreadInfo.trimEnd()),
      ),
    );
  }
}
