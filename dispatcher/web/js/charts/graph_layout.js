/**
 * Places the vertices of a graph in layers so that edges lead forwards and cross seldom.
 *
 * Four steps: each vertex gets the layer behind its inputs; edges over several layers get a bend in each of them; layers
 * are ordered by where their neighbours lie; and each is moved as near to its neighbours as the others let it.
 */

const SWEEPS = 12;
const STRAIGHTENINGS = 8;

/**
 * @param {Array<{id: string, width: number, height: number}>} nodes
 * @param {Array<{from: string, to: string}>} edges those that name no node are left out.
 * @param {{down: boolean, layerGap: number, gap: number}} options `down`: layers below one another, not side by side.
 * @returns {{width: number, height: number, places: Map, routes: Array}} the upper left corner of each node by id, and
 *   for each edge that is drawn `{edge, points}`: its points from node to node.
 */
export function layOut(nodes, edges, { down, layerGap, gap }) {
  const known = new Set(nodes.map((node) => node.id));
  const drawn = edges.filter((edge) => known.has(edge.from) && known.has(edge.to) && edge.from !== edge.to);
  const layerOf = layersOf(nodes, drawn);
  const cells = new Map(nodes.map((node) => [node.id, {
    id: node.id,
    layer: layerOf.get(node.id),
    depth: down ? node.height : node.width,
    breadth: down ? node.width : node.height,
    before: [],
    after: [],
    centre: 0,
  }]));
  const chains = drawn.map((edge) => chainOf(edge, cells));
  const layers = layersIn(cells);
  orderLayers(layers);
  straighten(layers, gap);
  const starts = layerStarts(layers, layerGap);
  return placed(layers, starts, chains, down);
}

function layersOf(nodes, edges) {
  const layer = new Map(nodes.map((node) => [node.id, 0]));
  const waiting = new Map(nodes.map((node) => [node.id, 0]));
  const outputs = new Map(nodes.map((node) => [node.id, []]));
  for (const edge of edges) {
    waiting.set(edge.to, waiting.get(edge.to) + 1);
    outputs.get(edge.from).push(edge.to);
  }
  const ready = nodes.filter((node) => waiting.get(node.id) === 0).map((node) => node.id);
  const order = [];
  // A cycle (there is none in a job's plan) would only leave its vertices where they are.
  while (ready.length > 0) {
    const id = ready.shift();
    order.push(id);
    for (const next of outputs.get(id)) {
      layer.set(next, Math.max(layer.get(next), layer.get(id) + 1));
      waiting.set(next, waiting.get(next) - 1);
      if (waiting.get(next) === 0) ready.push(next);
    }
  }
  const fed = new Set(edges.map((edge) => edge.to));
  // A source stands right before what reads it, not at the far end of the picture.
  for (const id of order) {
    if (!fed.has(id) && outputs.get(id).length > 0) layer.set(id, Math.min(...outputs.get(id).map((next) => layer.get(next))) - 1);
  }
  return layer;
}

/** The cells that an edge goes through; a bend is made for each layer between its ends. */
function chainOf(edge, cells) {
  const [first, last] = [cells.get(edge.from), cells.get(edge.to)];
  const chain = [first];
  for (let layer = first.layer + 1; layer < last.layer; layer += 1) {
    const bend = { id: `${edge.from} ${edge.to} ${layer} ${cells.size}`, layer, depth: 0, breadth: 8, before: [], after: [], centre: 0, isBend: true };
    cells.set(bend.id, bend);
    chain.push(bend);
  }
  chain.push(last);
  for (let index = 1; index < chain.length; index += 1) {
    chain[index - 1].after.push(chain[index]);
    chain[index].before.push(chain[index - 1]);
  }
  return { edge, chain };
}

function layersIn(cells) {
  const layers = [];
  for (const cell of cells.values()) (layers[cell.layer] ??= []).push(cell);
  return [...layers].map((layer) => layer ?? []);
}

function orderLayers(layers) {
  number(layers);
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(layers);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const forwards = sweep % 2 === 0;
    for (const layer of forwards ? layers : [...layers].reverse()) {
      for (const cell of layer) {
        const neighbours = forwards ? cell.before : cell.after;
        cell.wish = neighbours.length === 0 ? cell.rank : mean(neighbours.map((each) => each.rank));
      }
      layer.sort((one, other) => one.wish - other.wish);
      layer.forEach((cell, rank) => (cell.rank = rank));
    }
    const now = crossings(layers);
    if (now < fewest) {
      fewest = now;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, index) => (layers[index] = layer));
  number(layers);
}

function number(layers) {
  for (const layer of layers) layer.forEach((cell, rank) => (cell.rank = rank));
}

function crossings(layers) {
  let found = 0;
  for (const layer of layers) {
    const lines = layer.flatMap((cell) => cell.after.map((next) => [cell.rank, next.rank]));
    for (let one = 0; one < lines.length; one += 1) {
      for (let other = one + 1; other < lines.length; other += 1) {
        if ((lines[one][0] - lines[other][0]) * (lines[one][1] - lines[other][1]) < 0) found += 1;
      }
    }
  }
  return found;
}

function straighten(layers, gap) {
  for (const layer of layers) {
    let at = 0;
    for (const cell of layer) {
      cell.centre = at + cell.breadth / 2;
      at += cell.breadth + gap;
    }
  }
  for (let round = 0; round < STRAIGHTENINGS; round += 1) {
    for (const layer of round % 2 === 0 ? layers : [...layers].reverse()) {
      const wishes = layer.map((cell) => {
        const neighbours = [...cell.before, ...cell.after];
        return neighbours.length === 0 ? cell.centre : mean(neighbours.map((each) => each.centre));
      });
      settle(layer, wishes, gap);
    }
  }
}

/** Put the cells of a layer as near to their wishes as their order and the gaps allow (least squares). */
function settle(layer, wishes, gap) {
  const offsets = [0];
  for (let index = 1; index < layer.length; index += 1) {
    offsets.push(offsets[index - 1] + (layer[index - 1].breadth + layer[index].breadth) / 2 + gap);
  }
  const blocks = [];
  layer.forEach((_cell, index) => {
    let block = { sum: wishes[index] - offsets[index], size: 1 };
    while (blocks.length > 0 && blocks[blocks.length - 1].sum / blocks[blocks.length - 1].size >= block.sum / block.size) {
      const last = blocks.pop();
      block = { sum: last.sum + block.sum, size: last.size + block.size };
    }
    blocks.push(block);
  });
  let index = 0;
  for (const block of blocks) {
    for (let left = block.size; left > 0; left -= 1, index += 1) layer[index].centre = block.sum / block.size + offsets[index];
  }
}

function layerStarts(layers, layerGap) {
  const starts = [];
  let at = 0;
  for (const layer of layers) {
    const depth = Math.max(0, ...layer.map((cell) => cell.depth));
    starts.push({ at, depth });
    at += depth + layerGap;
  }
  return starts;
}

function placed(layers, starts, chains, down) {
  const cells = layers.flat();
  const first = Math.min(...cells.map((cell) => cell.centre - cell.breadth / 2));
  const last = Math.max(...cells.map((cell) => cell.centre + cell.breadth / 2));
  const end = starts[starts.length - 1];
  const point = (along, across) => (down ? { x: across - first, y: along } : { x: along, y: across - first });
  const places = new Map();
  for (const cell of cells) {
    if (cell.isBend) continue;
    const { at, depth } = starts[cell.layer];
    places.set(cell.id, point(at + (depth - cell.depth) / 2, cell.centre - cell.breadth / 2));
  }
  const routes = chains.map(({ edge, chain }) => ({
    edge,
    points: chain.flatMap((cell, index) => {
      const { at, depth } = starts[cell.layer];
      if (cell.isBend) return [point(at, cell.centre), point(at + depth, cell.centre)];
      const middle = at + depth / 2;
      return [point(index === 0 ? middle + cell.depth / 2 : middle - cell.depth / 2, cell.centre)];
    }),
  }));
  const [length, breadth] = [end.at + end.depth, last - first];
  return { width: down ? breadth : length, height: down ? length : breadth, places, routes };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
