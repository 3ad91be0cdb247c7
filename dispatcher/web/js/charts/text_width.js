/** Text that is cut to fit: SVG does not do it by itself. */

const FONT = "13px system-ui, sans-serif";
const measure = document.createElement("canvas").getContext("2d");
const known = new Map();

/** The text, or its beginning with "…" where it is wider than `width` pixels. */
export function shortened(text, width) {
  const key = `${width} ${text}`;
  let fitting = known.get(key);
  if (fitting === undefined) {
    if (known.size > 2000) known.clear();
    fitting = cut(text, width);
    known.set(key, fitting);
  }
  return fitting;
}

function cut(text, width) {
  measure.font = FONT;
  if (measure.measureText(text).width <= width) return text;
  let [fits, over] = [0, text.length];
  while (over - fits > 1) {
    const half = Math.floor((fits + over) / 2);
    if (measure.measureText(`${text.slice(0, half)}…`).width <= width) fits = half;
    else over = half;
  }
  return `${text.slice(0, fits).trimEnd()}…`;
}
