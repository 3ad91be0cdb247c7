/** What a package is run with. */
import { h } from "../dom.js";

const SMALLEST_PARALLELISM = 1;

export class RunForm {
  constructor(app, file) {
    this.app = app;
    this.file = file;
    this.busy = null;
    this.values = {
      entryClass: file.entry[0]?.name ?? "",
      parallelism: "",
      programArgs: "",
      savepointPath: "",
      allowNonRestoredState: false,
    };
  }

  /** The parameters of a plan's address. */
  planParameters() {
    const { entryClass, parallelism, programArgs } = this.values;
    return { "entry-class": entryClass.trim(), parallelism: parallelism.trim(), "program-args": programArgs.trim() };
  }

  /** The body that asks for a run; what is empty is left to the program and the cluster. */
  request() {
    const { entryClass, parallelism, programArgs, savepointPath, allowNonRestoredState } = this.values;
    const request = { allowNonRestoredState };
    if (entryClass.trim() !== "") request.entryClass = entryClass.trim();
    if (parallelism.trim() !== "") request.parallelism = Number(parallelism);
    if (programArgs.trim() !== "") request.programArgs = programArgs.trim();
    if (savepointPath.trim() !== "") request.savepointPath = savepointPath.trim();
    return request;
  }

  /** @param {{plan: function, run: function}} actions */
  view(actions) {
    return h(
      "form",
      {
        class: "run-form",
        onsubmit: (event) => {
          event.preventDefault();
          if (this.busy === null) actions.run();
        },
      },
      this.field("entryClass", "Entry point", { placeholder: "module or module:function", list: this.file.entry.map((entry) => entry.name) }),
      this.field("parallelism", "Parallelism", { type: "number", min: SMALLEST_PARALLELISM, placeholder: "as the cluster has it" }),
      this.field("programArgs", "Arguments", { placeholder: "--input /data/in --output /data/out" }),
      this.field("savepointPath", "Savepoint path", { placeholder: "none: begin from the start" }),
      h(
        "label",
        { class: "check" },
        h("input", {
          type: "checkbox",
          checked: this.values.allowNonRestoredState,
          onchange: (event) => this.set("allowNonRestoredState", event.currentTarget.checked),
        }),
        "Allow state in the savepoint that the program does not take",
      ),
      h(
        "div",
        { class: "run-form__actions" },
        h("button", { type: "button", class: "button", disabled: this.busy !== null, onclick: actions.plan }, this.busy === "plan" ? "Asking …" : "Show the plan"),
        h("button", { type: "submit", class: "button button--primary", disabled: this.busy !== null }, this.busy === "run" ? "Starting …" : "Run"),
      ),
    );
  }

  field(name, label, { list, ...attributes }) {
    const id = `${name}-${this.file.id}`;
    return h(
      "div",
      { class: "field", key: name },
      h("label", { for: id }, label),
      h("input", {
        id,
        value: this.values[name],
        list: list === undefined ? null : `${id}-list`,
        spellcheck: "false",
        autocomplete: "off",
        oninput: (event) => this.set(name, event.currentTarget.value),
        ...attributes,
      }),
      list && h("datalist", { id: `${id}-list` }, list.map((entry) => h("option", { value: entry }))),
    );
  }

  set(name, value) {
    this.values[name] = value;
    this.app.update();
  }
}
