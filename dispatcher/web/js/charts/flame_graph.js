/**
 * Stacks as boxes: as wide as the share of samples they were in, the callers above what they called. A box that is
 * chosen becomes as wide as the picture; what is above it leads back.
 */
import { h } from "../dom.js";
import { empty } from "../states.js";

const ROW = 22;
const SMALLEST_SHARE = 0.002;
const TEXT_SHARE = 0.03;
const ENGINE = "millstream.";

export class FlameGraph {
  constructor(app) {
    this.app = app;
    this.chosen = [];
    this.told = null;
  }

  reset() {
    this.chosen = [];
    this.told = null;
  }

  /** @param {{name: string, value: number, children: Array}} root */
  view(root) {
    if (!(root.value > 0)) return empty("No samples.");
    const path = this.pathFrom(root);
    const boxes = [];
    path.forEach((node, depth) => boxes.push({ node, depth, from: 0, share: 1, path: path.slice(1, depth + 1), isAbove: depth < path.length - 1 }));
    const top = path[path.length - 1];
    this.collect(top, path.length, 0, 1, path.slice(1), boxes);
    const rows = Math.max(...boxes.map((box) => box.depth)) + 1;
    return h(
      "div",
      { class: "flame" },
      h("p", { class: "flame__told", "aria-live": "polite" }, this.told ?? describe(top, root)),
      h("div", { class: "flame__picture", style: { height: `${rows * ROW}px` } }, boxes.map((box) => this.box(box, root))),
    );
  }

  /** The chosen frames that are still in the samples, with the root before them. */
  pathFrom(root) {
    const path = [root];
    for (const name of this.chosen) {
      const next = path[path.length - 1].children.find((child) => child.name === name);
      if (next === undefined) break;
      path.push(next);
    }
    return path;
  }

  collect(node, depth, from, share, path, boxes) {
    let at = from;
    for (const child of [...(node.children ?? [])].sort((one, other) => other.value - one.value)) {
      const width = (child.value / node.value) * share;
      if (width >= SMALLEST_SHARE) {
        const own = [...path, child];
        boxes.push({ node: child, depth, from: at, share: width, path: own, isAbove: false });
        this.collect(child, depth + 1, at, width, own, boxes);
      }
      at += width;
    }
  }

  box({ node, depth, from, share, path, isAbove }, root) {
    const text = describe(node, root);
    const tell = () => {
      this.told = text;
      this.app.update();
    };
    return h(
      "button",
      {
        key: `${depth} ${path.map((each) => each.name).join(" > ")}`,
        type: "button",
        class: `flame__box flame__box--${isAbove ? "above" : warmth(node.name)}`,
        title: text,
        "aria-label": text,
        tabindex: share < TEXT_SHARE ? "-1" : null,
        style: { left: `${from * 100}%`, width: `${share * 100}%`, top: `${depth * ROW}px` },
        onmouseenter: tell,
        onfocus: tell,
        onclick: () => {
          this.chosen = path.map((each) => each.name);
          this.app.update();
        },
      },
      share >= TEXT_SHARE ? node.name : null,
    );
  }
}

function describe(node, root) {
  return `${node.name}: ${((node.value / root.value) * 100).toFixed(1)} % of the samples`;
}

/** Grey for the engine's own frames; for others one of a few shades, always the same for a name. */
function warmth(name) {
  if (name.startsWith(ENGINE)) return "engine";
  let sum = 0;
  for (let index = 0; index < name.length; index += 1) sum = (sum * 31 + name.charCodeAt(index)) % 65_521;
  return sum % 5;
}
