/** Job packages: upload them, see what they would run, run and delete them. */
import { get, path, post, query, remove, upload } from "../api.js";
import { GraphView } from "../charts/graph_view.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { percent, time } from "../format.js";
import { icon } from "../icons.js";
import { boxOf, edgesOf } from "../job/plan_graph.js";
import { goTo } from "../router.js";
import { empty, shown } from "../states.js";
import { RunForm } from "../submit/run_form.js";

const KINDS = ".py,.zip,.pyz,.whl";

export class SubmitPage {
  key = "submit";
  title = "Submit a job";

  constructor(app) {
    this.app = app;
    this.packages = new Feed((signal) => get("jars", signal));
    this.progress = null;
    this.forms = new Map();
    this.chosen = null;
    this.plan = null;
    this.graph = new GraphView(app, "Plan of the program");
  }

  isSame() {
    return true;
  }

  go() {}

  leave() {
    this.graph.leave();
  }

  feeds() {
    return this.app.features["web-submit"] ? [this.packages] : [];
  }

  view() {
    const heading = h("h1", null, "Submit a job");
    if (!this.app.features["web-submit"]) return [heading, empty("This cluster takes no jobs here.", "web.submit.enable is off.")];
    return [
      heading,
      panel("Job packages", [this.uploader(), shown(this.app, this.packages, ({ files }) => this.list(files))]),
      this.plan && this.planPanel(),
    ];
  }

  uploader() {
    return h(
      "div",
      {
        class: "upload",
        key: "upload",
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => {
          event.preventDefault();
          this.send(event.dataTransfer.files[0]);
        },
      },
      h(
        "label",
        { class: "button button--primary upload__button" },
        icon("submit"),
        "Upload a package",
        h("input", {
          type: "file",
          accept: KINDS,
          class: "visually-hidden",
          disabled: this.progress !== null,
          onchange: (event) => {
            this.send(event.currentTarget.files[0]);
            event.currentTarget.value = "";
          },
        }),
      ),
      this.progress === null
        ? h("span", { class: "muted" }, "A .py, .zip, .pyz or wheel; it can be dropped here too.")
        : h("span", { role: "status" }, `Sending: ${percent(this.progress)}`),
    );
  }

  async send(file) {
    if (file === undefined || this.progress !== null) return;
    this.progress = 0;
    this.app.update();
    await this.app.attempt(async () => {
      const { filename } = await upload("jars/upload", "jarfile", file, (share) => {
        this.progress = share;
        this.app.update();
      });
      this.chosen = filename.split("/").pop();
      this.app.notify(`${file.name} is uploaded.`);
    });
    this.progress = null;
    this.app.update();
  }

  list(files) {
    if (files.length === 0) return empty("No package is uploaded.");
    return h("ul", { class: "packages" }, files.map((file) => this.entry(file)));
  }

  entry(file) {
    const isChosen = this.chosen === file.id;
    const form = this.formOf(file);
    return h(
      "li",
      { key: file.id, class: isChosen ? "package package--open" : "package" },
      h(
        "div",
        { class: "package__head" },
        h(
          "button",
          { type: "button", class: "package__name", "aria-expanded": String(isChosen), onclick: () => this.choose(isChosen ? null : file.id) },
          file.name,
        ),
        h("span", { class: "muted" }, `uploaded ${time(file.uploaded)}`),
        h("button", { type: "button", class: "button button--quiet", "aria-label": `Delete ${file.name}`, onclick: () => this.askToDelete(file) }, "Delete"),
      ),
      isChosen &&
        form.view({
          plan: () => this.show(file, form),
          run: () => this.run(file, form),
        }),
    );
  }

  formOf(file) {
    if (!this.forms.has(file.id)) this.forms.set(file.id, new RunForm(this.app, file));
    return this.forms.get(file.id);
  }

  choose(id) {
    this.chosen = id;
    this.plan = null;
    this.app.update();
  }

  async show(file, form) {
    form.busy = "plan";
    this.app.update();
    await this.app.attempt(async () => {
      const { plan } = await get(path("jars", file.id, "plan") + query(form.planParameters()));
      this.plan = plan;
    });
    form.busy = null;
    this.app.update();
  }

  async run(file, form) {
    form.busy = "run";
    this.app.update();
    await this.app.attempt(async () => {
      const { jobid } = await post(path("jars", file.id, "run"), form.request());
      goTo("job", "running", jobid, "overview");
    });
    form.busy = null;
    this.app.update();
  }

  planPanel() {
    return panel(`Plan: ${this.plan.name}`, this.graph.view(this.plan.nodes.map((node) => boxOf(node, undefined, undefined, false)), edgesOf(this.plan), () => {}), { actions: this.graph.buttons() });
  }

  askToDelete(file) {
    const confirm = async () => {
      this.app.closeDialog();
      await this.app.attempt(() => remove(path("jars", file.id)));
      this.forms.delete(file.id);
      if (this.chosen === file.id) this.choose(null);
    };
    this.app.openDialog({
      title: `Delete ${file.name}?`,
      view: () => h("p", null, "Jobs that run go on. The package cannot be run again until it is uploaded again."),
      actions: () => h("button", { type: "button", class: "button button--danger", onclick: confirm }, "Delete"),
    });
  }
}
