/** An exception as a person reads it: what went wrong on top, and the user's own lines before the engine's. */
import { h } from "../dom.js";

const FRAME = /^\s*File "(.+)", line (\d+)(?:, in (.+))?/;
const FOREIGN = /(^|[\\/])(site-packages|dist-packages|lib[\\/]python\d|millstream[\\/](common|datastream|connectors|taskmanager|jobmanager|dispatcher|client))|^<frozen|importlib/;

/** Parts of the first line are divided so: exception, operator, record, place. */
const DIVIDER = " | ";

/** @returns {{headline: string, places: string[]}} the first line of a failure in its parts. */
export function firstLine(text) {
  const line = text.split("\n", 1)[0];
  const parts = line.split(DIVIDER);
  return { headline: parts[0], places: parts.slice(1) };
}

export function headline(text) {
  const { headline: what, places } = firstLine(text);
  return [h("p", { class: "failure__what" }, what), places.length > 0 && h("ul", { class: "failure__where" }, places.map((place) => h("li", { key: place }, place)))];
}

/** The lines of a trace; frames in the user's files, with the code below them, are marked. */
export function stackTrace(text) {
  let isUsers = false;
  const lines = text.replace(/\n+$/, "").split("\n").map((line) => {
    const frame = FRAME.exec(line);
    if (frame !== null) isUsers = !FOREIGN.test(frame[1]);
    else if (!/^\s/.test(line)) isUsers = false;
    return h("span", { class: isUsers ? "frame frame--users" : "frame" }, `${line}\n`);
  });
  return h("pre", { class: "code code--trace", tabindex: "0", "aria-label": "Stack trace" }, lines);
}
