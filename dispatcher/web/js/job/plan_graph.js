/** A job's plan as boxes and arrows: the operators of each vertex, and what is known of it while it runs. */
import { h } from "../dom.js";
import { bytes, count, isFigure, percent } from "../format.js";
import { kindOf } from "../status.js";
import { shortened } from "../charts/text_width.js";

const WIDTH = 248;
const PADDING = 12;
const LINE = 17;
const MOST_OPERATORS = 5;

/**
 * The operators that are chained in a vertex. A plan's description has one on a line; `<br/>` and the marks of the tree
 * are the only markup in it, and everything else is text.
 */
export function operatorsOf(node, name) {
  const lines = (node.description ?? "").split(/<br\s*\/?>/).map((line) => unescaped(line).replace(/^[\s:+-]*(?:\+-|:-)\s*/, "").trim());
  const operators = lines.filter(Boolean);
  return operators.length > 0 ? operators : (name ?? node.operator ?? "").split(" -> ");
}

/** A vertex' name as it is shown: the arrow between two operators is one character, which no line is broken in. */
export function shownName(name) {
  return name.replaceAll(" -> ", " → ");
}

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'" };

function unescaped(text) {
  return text.replace(/&(?:lt|gt|amp|quot|#39);/g, (entity) => ENTITIES[entity]);
}

/** The arrows of a plan. */
export function edgesOf(plan) {
  return plan.nodes.flatMap((node) =>
    (node.inputs ?? []).map((input) => ({
      from: input.id,
      to: node.id,
      number: input.num,
      label: input.ship_strategy ?? "",
      kind: (input.exchange ?? "").startsWith("blocking") ? "blocking" : "plain",
    })),
  );
}

/**
 * A box for `GraphView`.
 *
 * @param node of the plan.
 * @param vertex of the job's detail; undefined for a plan that does not run.
 * @param load `{busy, backPressured, idle, busiest, mostBackPressured}`: ratios; undefined where they are not known
 *   yet, null where they never will be.
 */
export function boxOf(node, vertex, load, selected) {
  const names = vertex === undefined ? operatorsOf(node) : vertex.name.split(" -> ");
  const operators = names.length > MOST_OPERATORS ? [...names.slice(0, MOST_OPERATORS - 1), `and ${names.length - MOST_OPERATORS + 1} more`] : names;
  const rows = vertex === undefined ? [] : trafficRows(vertex.metrics);
  const hasBar = vertex !== undefined && load !== null;
  const height = PADDING * 2 + LINE * (1 + operators.length + rows.length) + 6 + (hasBar ? 8 + LINE * 1.6 : 0);
  return {
    id: node.id,
    width: WIDTH,
    height: Math.round(height),
    selected,
    kind: heatOf(load),
    label: spoken(names, node, vertex, load),
    title: names.join("\n"),
    draw: () => [
      h("text", { class: "node__parallelism", x: WIDTH - PADDING, y: PADDING + 12, "text-anchor": "end" }, `×${node.parallelism}`),
      vertex === undefined
        ? h("text", { class: "node__state", x: PADDING, y: PADDING + 12 }, "PARALLELISM")
        : [
            h("circle", { class: `node__dot node__dot--${kindOf(vertex.status)}`, cx: PADDING + 4, cy: PADDING + 8, r: 4 }),
            h("text", { class: "node__state", x: PADDING + 14, y: PADDING + 12 }, vertex.status),
          ],
      operators.map((operator, index) =>
        h("text", { class: index === 0 ? "node__operator node__operator--first" : "node__operator", x: PADDING, y: PADDING + LINE * (index + 2) }, shortened(operator, WIDTH - 2 * PADDING)),
      ),
      rows.map(([name, records, size], index) => {
        const y = PADDING + 6 + LINE * (operators.length + 2 + index);
        return [
          h("text", { class: "node__name", x: PADDING, y }, name),
          h("text", { class: "node__figure", x: 158, y, "text-anchor": "end" }, records),
          h("text", { class: "node__figure node__figure--quiet", x: WIDTH - PADDING, y, "text-anchor": "end" }, size),
        ];
      }),
      hasBar && loadBar(load, height),
    ],
  };
}

function trafficRows(metrics) {
  const row = (name, kind) => [
    name,
    metrics[`${kind}-records-complete`] === false && metrics[`${kind}-records`] === 0 ? "…" : count(metrics[`${kind}-records`]),
    metrics[`${kind}-bytes-complete`] === false && metrics[`${kind}-bytes`] === 0 ? "…" : bytes(metrics[`${kind}-bytes`]),
  ];
  return [row("In", "read"), row("Out", "write")];
}

function loadBar(load, height) {
  const y = height - PADDING - LINE * 1.3;
  const whole = WIDTH - 2 * PADDING;
  const parts = load === undefined ? [] : [["busy", load.busy], ["back", load.backPressured], ["idle", load.idle]];
  let at = PADDING;
  return [
    h("rect", { class: "load load--none", x: PADDING, y, width: whole, height: 6, rx: 3 }),
    parts.map(([kind, ratio]) => {
      const width = isFigure(ratio) ? Math.min(whole * Math.max(0, ratio), PADDING + whole - at) : 0;
      at += width;
      return width > 0 && h("rect", { key: kind, class: `load load--${kind}`, x: at - width, y, width, height: 6 });
    }),
    h("text", { class: "node__load", x: PADDING, y: y + LINE + 2 }, loadText(load)),
  ];
}

function loadText(load) {
  if (load === undefined) return "load not known yet";
  return `busy ${percent(load.busy)} · back-pr. ${percent(load.backPressured)} · idle ${percent(load.idle)}`;
}

/** How warm a box looks, by the busiest of its subtasks. */
function heatOf(load) {
  if (load === undefined || load === null) return "unknown";
  if (load.mostBackPressured > 0.5) return "back-pressured";
  if (load.busiest > 0.8) return "hot";
  return load.busiest > 0.5 ? "warm" : "cool";
}

function spoken(names, node, vertex, load) {
  const parts = [names.join(", "), `parallelism ${node.parallelism}`];
  if (vertex !== undefined) parts.push(vertex.status, `${count(vertex.metrics["read-records"])} records in`, `${count(vertex.metrics["write-records"])} records out`);
  if (load !== undefined && load !== null) parts.push(loadText(load));
  return parts.join("; ");
}
