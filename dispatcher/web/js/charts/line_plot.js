/** A figure over the last minutes as a line. */
import { h } from "../dom.js";
import { clock, decimal, isFigure } from "../format.js";

const MOST_POINTS = 300;
const [WIDTH, HEIGHT] = [420, 150];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 10, 10, 22];
const LEVELS = 4;

export class LinePlot {
  constructor(name) {
    this.name = name;
    this.points = [];
    this.text = null;
  }

  /** @param {number} at epoch milliseconds. @param value a value that is no number is shown, but not drawn. */
  add(at, value) {
    this.text = value === undefined ? null : String(value);
    if (isFigure(value)) this.points.push({ at, value });
    if (this.points.length > MOST_POINTS) this.points.shift();
  }

  view() {
    const last = this.points[this.points.length - 1];
    return [
      h("p", { class: "plot__value" }, last === undefined ? (this.text ?? "…") : decimal(last.value)),
      last === undefined ? null : this.picture(),
    ];
  }

  picture() {
    const values = this.points.map((point) => point.value);
    const [low, high] = range(Math.min(...values), Math.max(...values));
    const from = this.points[0].at;
    const to = Math.max(from + 10_000, this.points[this.points.length - 1].at);
    const x = (at) => LEFT + ((at - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    const levels = Array.from({ length: LEVELS }, (_each, index) => low + ((high - low) * index) / (LEVELS - 1));
    const line = this.points.map((point) => `${x(point.at).toFixed(1)},${y(point.value).toFixed(1)}`);
    const last = this.points[this.points.length - 1];
    return h(
      "svg",
      { class: "plot__picture", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${this.name}: now ${decimal(last.value)}, between ${decimal(Math.min(...values))} and ${decimal(Math.max(...values))}` },
      levels.map((level) => [
        h("line", { class: "plot__grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(level), y2: y(level) }),
        h("text", { class: "plot__tick", x: LEFT - 6, y: y(level) + 3.5, "text-anchor": "end" }, short(level)),
      ]),
      h("text", { class: "plot__tick", x: LEFT, y: HEIGHT - 5 }, clock(from)),
      h("text", { class: "plot__tick", x: WIDTH - RIGHT, y: HEIGHT - 5, "text-anchor": "end" }, clock(to)),
      h("polyline", { class: "plot__line", points: line.join(" ") }),
      h("circle", { class: "plot__point", cx: x(last.at), cy: y(last.value), r: 3 }),
    );
  }
}

/** The values that the picture shows: a bit more than there are, and never nothing. */
function range(low, high) {
  if (low === high) return low === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, high)];
  const spare = (high - low) * 0.1;
  return [low >= 0 ? Math.max(0, low - spare) : low - spare, high + spare];
}

const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });

function short(value) {
  return SHORT.format(value);
}
