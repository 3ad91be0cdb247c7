/** A log or another text that a process has written: its end first, searched, loaded again on request. */
import { file, textEnd } from "../api.js";
import { h } from "../dom.js";
import { panel } from "../facts.js";
import { Feed } from "../feed.js";
import { icon } from "../icons.js";
import { empty, shown } from "../states.js";

const MOST_LINES = 5000;
const MOST_BYTES = 4_000_000;

export class TextFile {
  /** @param {string} address where it is. @param {string} name how it is called, also when it is saved. */
  constructor(app, address, name) {
    this.app = app;
    this.address = address;
    this.name = name;
    this.wanted = "";
    this.content = new Feed((signal) => textEnd(address, MOST_BYTES, signal), { once: true });
  }

  feeds() {
    return [this.content];
  }

  view() {
    return panel(this.name, shown(this.app, this.content, (content) => this.lines(content)), {
      actions: [
        h("input", {
          class: "search search--small",
          type: "search",
          placeholder: "Lines with …",
          "aria-label": "Show only lines that contain",
          value: this.wanted,
          oninput: (event) => {
            this.wanted = event.currentTarget.value;
            this.app.update();
          },
        }),
        h("button", { type: "button", class: "button", onclick: () => this.reload() }, icon("refresh"), "Reload"),
        h("button", { type: "button", class: "button", disabled: !this.content.data, onclick: () => this.app.attempt(() => this.save()) }, icon("download"), "Save"),
      ],
    });
  }

  lines(content) {
    if (content === null) return empty("There is no such file.", "The process writes none, or it was deleted.");
    if (content.text === "") return empty("The file is empty.");
    const wanted = this.wanted.toLowerCase();
    let lines = content.text.replace(/\n$/, "").split("\n");
    if (wanted !== "") lines = lines.filter((line) => line.toLowerCase().includes(wanted));
    const left = Math.max(0, lines.length - MOST_LINES);
    return [
      (left > 0 || content.isCut) && h("p", { class: "muted" }, "This is the end of the file; save it to read the rest."),
      lines.length === 0
        ? empty("No line contains this.")
        : h("pre", { class: "code code--log", tabindex: "0", "aria-label": this.name, ref: toEnd, key: `${this.wanted}` }, lines.slice(left).join("\n")),
    ];
  }

  reload() {
    this.content.expire();
    this.app.update();
    this.app.refresh();
  }

  /** A link could not send the token, so the page fetches the file and hands it to the browser. */
  async save() {
    const address = URL.createObjectURL(await file(this.address));
    const anchor = document.createElement("a");
    anchor.href = address;
    anchor.download = this.name;
    anchor.click();
    URL.revokeObjectURL(address);
  }
}

function toEnd(element) {
  element.scrollTop = element.scrollHeight;
}
