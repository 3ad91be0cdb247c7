/** Why the job failed, and each failure before that. */
import { get, query } from "../api.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { time } from "../format.js";
import { empty, shown } from "../states.js";
import { taskManagerLink } from "../task_manager_link.js";
import { headline, stackTrace } from "./stack_trace.js";

const FIRST = 20;
const MORE = 20;

export class ExceptionsTab {
  constructor(app, page) {
    this.app = app;
    this.page = page;
    this.wanted = FIRST;
    this.exceptions = new Feed((signal) => get(`${page.address}/exceptions${query({ maxExceptions: this.wanted })}`, signal));
  }

  go() {}

  feeds() {
    return [this.exceptions];
  }

  view() {
    return shown(this.app, this.exceptions, (answer) => this.content(answer));
  }

  content(answer) {
    const { entries = [], truncated = false } = answer.exceptionHistory ?? {};
    const root = answer["root-exception"];
    if (entries.length === 0 && !root) return panel("Exceptions", empty("This job has not failed."));
    return [
      root && panel("Root exception", failure(root, answer.timestamp), { id: "root" }),
      entries.length > 0 && panel("History", [
        h("ol", { class: "failures" }, entries.map((entry, index) => historyEntry(this.app, entry, index))),
        truncated && h("div", { class: "more" }, h("button", { type: "button", class: "button", onclick: () => this.more() }, "Show more")),
      ], { id: "history" }),
    ];
  }

  more() {
    this.wanted += MORE;
    this.app.refresh();
  }
}

function failure(text, at) {
  return h("div", { class: "failure" }, at > 0 && h("p", { class: "muted" }, time(at)), headline(text), stackTrace(text));
}

function historyEntry(app, entry, index) {
  const labels = Object.entries(entry.failureLabels ?? {});
  const together = entry.concurrentExceptions ?? [];
  return h(
    "li",
    { key: `${entry.timestamp} ${index}` },
    h(
      "details",
      { class: "failure-entry" },
      h(
        "summary",
        null,
        h("span", { class: "failure-entry__time" }, time(entry.timestamp)),
        h("span", { class: "failure-entry__name" }, entry.exceptionName),
        h("span", { class: "muted" }, entry.taskName ?? "the job"),
      ),
      h("div", { class: "failure-entry__body" },
        headline(entry.stacktrace),
        h("p", { class: "muted" },
          entry.taskManagerId && ["on ", taskManagerLink(app, entry.taskManagerId)],
          entry.endpoint && ` (${entry.endpoint})`),
        labels.length > 0 && h("ul", { class: "labels" }, labels.map(([name, value]) => h("li", { key: name }, `${name}: ${value}`))),
        stackTrace(entry.stacktrace),
        together.length > 0 && [
          h("h3", null, together.length === 1 ? "Another task failed with it" : `${together.length} other tasks failed with it`),
          h("ol", { class: "failures" }, together.map((each, number) => historyEntry(app, each, number))),
        ]),
    ),
  );
}
