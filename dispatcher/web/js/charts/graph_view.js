/** A graph of boxes and arrows as SVG that can be moved with the mouse, zoomed, and walked through with the keyboard. */
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { layOut } from "./graph_layout.js";

const MARGIN = 16;
const LARGEST_SCALE = 1.0;
const ZOOM_STEP = 1.4;
/** A picture that is drawn smaller than this cannot be read as a whole: it gets all the height there is for the parts. */
const READABLE_SCALE = 0.5;
const NARROW = 700;
const LABEL_GAP = 96;

export class GraphView {
  /** @param {string} label what the graph shows, for screen readers. */
  constructor(app, label) {
    this.app = app;
    this.label = label;
    this.zoom = 1;
    this.centre = null;
    this.width = 0;
    this.observer = new ResizeObserver(([entry]) => this.measured(entry.contentRect.width));
    this.laidOut = { shape: "", layout: null };
  }

  /** Give up what watches the size of the page. */
  leave() {
    this.observer.disconnect();
  }

  /**
   * @param {Array} nodes `{id, width, height, label, selected, kind, draw}`; `draw` returns the inside of the box.
   * @param {Array} edges `{from, to, label, kind}`
   * @param {function} onselect is given a node's id.
   */
  view(nodes, edges, onselect) {
    const layout = this.layoutOf(nodes, edges);
    const frame = this.frameOf(layout);
    return h(
      "div",
      { class: "graph", ref: (element) => this.observer.observe(element) },
      this.width > 0 &&
        h(
          "svg",
          {
            class: this.zoom > 1 ? "graph__picture graph__picture--zoomed" : "graph__picture",
            role: "group",
            "aria-label": this.label,
            width: this.width,
            height: frame.height,
            viewBox: `${frame.x} ${frame.y} ${frame.viewWidth} ${frame.viewHeight}`,
            onpointerdown: (event) => this.drag(event, frame.scale),
            onwheel: (event) => this.wheel(event),
          },
          h("defs", null, h("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, h("path", { d: "M0 0L8 4L0 8z", class: "edge__head" }))),
          layout.routes.map(({ edge, points }) => edgeView(edge, points, this.isDown)),
          nodes.map((node) => nodeView(node, layout.places.get(node.id), onselect, (place) => this.bring(node, place))),
        ),
    );
  }

  get isDown() {
    return this.width < NARROW;
  }

  measured(width) {
    if (Math.abs(width - this.width) < 1) return;
    this.width = width;
    this.centre = null;
    this.app.update();
  }

  layoutOf(nodes, edges) {
    const shape = JSON.stringify([this.isDown, nodes.map(({ id, width, height }) => [id, width, height]), edges.map(({ from, to }) => [from, to])]);
    if (shape !== this.laidOut.shape) {
      const gaps = this.isDown ? { layerGap: 56, gap: 20 } : { layerGap: LABEL_GAP, gap: 28 };
      this.laidOut = { shape, layout: layOut(nodes, edges, { down: this.isDown, ...gaps }) };
    }
    return this.laidOut.layout;
  }

  /** The part of the picture that is seen: all of it at first, never larger than life. */
  frameOf(layout) {
    const [wholeWidth, wholeHeight] = [layout.width + 2 * MARGIN, layout.height + 2 * MARGIN];
    const tallest = Math.max(320, Math.round(window.innerHeight * 0.6));
    const fitting = Math.min(LARGEST_SCALE, this.width / wholeWidth, this.isDown ? 1 : tallest / wholeHeight);
    const scale = fitting * this.zoom;
    const wanted = fitting < READABLE_SCALE ? tallest : Math.round(wholeHeight * fitting);
    const height = Math.max(160, Math.min(wanted, this.isDown ? 4000 : tallest));
    const [viewWidth, viewHeight] = [this.width / scale, height / scale];
    const centre = this.centre ?? { x: layout.width / 2, y: layout.height / 2 };
    return { scale, height, viewWidth, viewHeight, x: centre.x - viewWidth / 2, y: centre.y - viewHeight / 2, middle: centre };
  }

  /** Buttons that belong beside the picture's heading. */
  buttons() {
    const button = (name, symbol, act) =>
      h("button", { type: "button", class: "icon-button", "aria-label": name, title: name, onclick: act }, icon(symbol));
    return h(
      "div",
      { class: "graph__buttons" },
      button("Larger", "plus", () => this.zoomBy(ZOOM_STEP)),
      button("Smaller", "minus", () => this.zoomBy(1 / ZOOM_STEP)),
      button("Show all", "fit", () => {
        this.zoom = 1;
        this.centre = null;
        this.app.update();
      }),
    );
  }

  zoomBy(factor) {
    this.zoom = Math.max(0.5, Math.min(12, this.zoom * factor));
    this.app.update();
  }

  /** A vertex that the keyboard has come to is shown, also where the picture is larger than its frame. */
  bring(node, place) {
    if (this.zoom <= 1) return;
    this.centre = { x: place.x + node.width / 2, y: place.y + node.height / 2 };
    this.app.update();
  }

  /** The wheel scrolls the page; with Ctrl, or a pinch, it zooms. */
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP);
  }

  drag(event, scale) {
    // A finger scrolls the page until the picture is larger than its frame.
    if (event.button !== 0 || (event.pointerType === "touch" && this.zoom <= 1)) return;
    const picture = event.currentTarget;
    const middle = this.frameOf(this.laidOut.layout).middle;
    const move = (moved) => {
      this.centre = { x: middle.x - (moved.clientX - event.clientX) / scale, y: middle.y - (moved.clientY - event.clientY) / scale };
      this.app.update();
    };
    const stop = () => {
      picture.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", stop);
    };
    picture.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop);
  }
}

function nodeView(node, place, onselect, onreach) {
  const choose = () => onselect(node.id);
  return h(
    "g",
    {
      key: node.id,
      id: `node-${node.id}`,
      class: ["node", `node--${node.kind}`, node.selected && "node--selected"].filter(Boolean).join(" "),
      transform: `translate(${place.x} ${place.y})`,
      tabindex: "0",
      role: "button",
      "aria-pressed": String(Boolean(node.selected)),
      "aria-label": node.label,
      onclick: choose,
      onfocus: (event) => event.currentTarget.matches(":focus-visible") && onreach(place),
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      },
    },
    h("title", null, node.title ?? node.label),
    h("rect", { class: "node__box", width: node.width, height: node.height, rx: 8 }),
    node.draw(),
  );
}

function edgeView(edge, points, down) {
  let way = `M${points[0].x} ${points[0].y}`;
  for (let index = 1; index < points.length; index += 1) {
    const [from, to] = [points[index - 1], points[index]];
    const middle = down ? (from.y + to.y) / 2 : (from.x + to.x) / 2;
    way += down ? `C${from.x} ${middle} ${to.x} ${middle} ${to.x} ${to.y}` : `C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
  }
  const [from, to] = [points[0], points[1]];
  return h(
    "g",
    { key: `edge ${edge.from} ${edge.to} ${edge.number ?? 0}`, class: `edge edge--${edge.kind ?? "plain"}` },
    h("path", { class: "edge__line", d: way, "marker-end": "url(#arrow)" }),
    h("text", { class: "edge__label", x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 - (down ? 0 : 6), "text-anchor": "middle" }, edge.label),
  );
}
