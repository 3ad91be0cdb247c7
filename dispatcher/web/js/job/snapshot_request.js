/** A savepoint that the reader asks for, with or without an end of the job: the question, the wait, and the path. */
import { get, path, post } from "../api.js";
import { h } from "../dom.js";

const POLL_MS = 500;
const MOST_FAILED_POLLS = 5;

export class SnapshotRequest {
  /** @param page the job's page. @param {"savepoint"|"stop"} what */
  constructor(app, page, what) {
    this.app = app;
    this.page = page;
    this.stops = what === "stop";
    this.directory = "";
    this.format = "CANONICAL";
    this.drain = false;
    this.state = "asking";
    this.result = "";
    this.dialog = {
      title: this.stops ? "Stop this job with a savepoint" : "Take a savepoint",
      view: () => this.view(),
      actions: () => this.state === "asking" && h("button", { type: "submit", class: "button button--primary" }, this.stops ? "Stop the job" : "Take it"),
      onsubmit: () => this.state === "asking" && this.start(),
    };
  }

  open() {
    this.app.openDialog(this.dialog);
  }

  view() {
    if (this.state === "asking") return this.question();
    if (this.state === "waiting") {
      return h("p", { class: "state", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), "The savepoint is being taken …");
    }
    if (this.state === "done") {
      return h("div", { role: "status" }, h("p", null, this.stops ? "The job is stopped. Its savepoint:" : "The savepoint is complete:"), h("pre", { class: "code code--path", tabindex: "0" }, this.result));
    }
    return h("div", { class: "banner banner--error", role: "alert" }, h("div", { class: "banner__text" }, h("p", null, "There is no savepoint."), h("pre", { class: "code" }, this.result)));
  }

  question() {
    return [
      this.stops && h("p", null, "The sources stop, a savepoint is taken, and the job ends as finished."),
      h(
        "div",
        { class: "field" },
        h("label", { for: "savepoint-directory" }, "Directory"),
        h("input", {
          id: "savepoint-directory",
          placeholder: "as execution.checkpointing.savepoint-dir has it",
          spellcheck: "false",
          autocomplete: "off",
          value: this.directory,
          oninput: (event) => this.set("directory", event.currentTarget.value),
        }),
      ),
      h(
        "div",
        { class: "field" },
        h("label", { for: "savepoint-format" }, "Format"),
        h(
          "select",
          { id: "savepoint-format", value: this.format, onchange: (event) => this.set("format", event.currentTarget.value) },
          h("option", { value: "CANONICAL" }, "Canonical: every state backend reads it"),
          h("option", { value: "NATIVE" }, "Native: of this state backend, faster"),
        ),
      ),
      this.stops &&
        h(
          "label",
          { class: "check" },
          h("input", { type: "checkbox", checked: this.drain, onchange: (event) => this.set("drain", event.currentTarget.checked) }),
          "Drain: let all windows fire first; do not go on from this savepoint afterwards",
        ),
    ];
  }

  set(name, value) {
    this[name] = value;
    this.app.update();
  }

  /** The wait goes on when the dialog is closed; the end is then told by a notice. */
  async start() {
    this.dialog.dismissal = "Close";
    this.set("state", "waiting");
    try {
      const { "request-id": id } = await post(`${this.page.address}/${this.stops ? "stop" : "savepoints"}`, this.request());
      const operation = await this.completed(id);
      const cause = operation["failure-cause"];
      if (cause === undefined || cause === null) this.end("done", operation.location);
      else this.end("failed", cause["stack-trace"] ?? cause.class);
    } catch (error) {
      this.end("failed", error.message);
    }
  }

  request() {
    const request = { formatType: this.format };
    const directory = this.directory.trim();
    if (directory !== "") request[this.stops ? "targetDirectory" : "target-directory"] = directory;
    if (this.stops) request.drain = this.drain;
    else request["cancel-job"] = false;
    return request;
  }

  async completed(id) {
    for (let failed = 0; ; ) {
      try {
        const { status, operation } = await get(`${this.page.address}/${path("savepoints", id)}`);
        failed = 0;
        if (status.id === "COMPLETED") return operation;
      } catch (error) {
        failed += 1;
        if (failed === MOST_FAILED_POLLS || error.status === 404) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  end(state, result) {
    this.set("state", state);
    this.set("result", result);
    if (this.app.dialog !== this.dialog) {
      if (state === "done") this.app.notify(`The savepoint is complete: ${result}`);
      else this.app.notify(`There is no savepoint: ${result.split("\n")[0]}`, "error");
    }
    this.app.refresh();
  }
}
