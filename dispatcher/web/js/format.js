/** How figures are written: the same everywhere, and a dash for what is not known. */

export const UNKNOWN = "–";

const DAY = 86_400_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;
const LARGEST_LONG = 9_223_372_036_854_775_000;
const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });

/** Whether the server has sent a figure: doubles that are none come as the text "NaN". */
export function isFigure(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** A count with separators; large ones are shortened: 12,345 or 12.35 M. */
export function count(value) {
  if (!isFigure(value)) return UNKNOWN;
  if (Math.abs(value) >= 1e12) return `${SHORT.format(value / 1e12)} T`;
  if (Math.abs(value) >= 1e9) return `${SHORT.format(value / 1e9)} G`;
  if (Math.abs(value) >= 1e7) return `${SHORT.format(value / 1e6)} M`;
  return WHOLE.format(value);
}

/** A figure that may have a fraction. */
export function decimal(value) {
  if (!isFigure(value)) return UNKNOWN;
  return Math.abs(value) >= 1000 ? count(value) : SHORT.format(value);
}

export function bytes(value) {
  if (!isFigure(value) || value < 0) return UNKNOWN;
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? WHOLE.format(left) : left.toFixed(left >= 100 ? 0 : left >= 10 ? 1 : 2)} ${units[unit]}`;
}

/** Milliseconds as a person says them: 420 ms, 3.2 s, 4m 05s, 2h 10m, 3d 4h. */
export function duration(value) {
  if (!isFigure(value) || value < 0) return UNKNOWN;
  if (value >= LARGEST_LONG) return "none";
  if (value < 1000) return `${WHOLE.format(value)} ms`;
  if (value < MINUTE) return `${(value / 1000).toFixed(value < 10_000 ? 1 : 0)} s`;
  if (value < HOUR) return `${Math.floor(value / MINUTE)}m ${padded(Math.floor((value % MINUTE) / 1000))}s`;
  if (value < DAY) return `${Math.floor(value / HOUR)}h ${padded(Math.floor((value % HOUR) / MINUTE))}m`;
  return `${Math.floor(value / DAY)}d ${Math.floor((value % DAY) / HOUR)}h`;
}

/** An instant in the reader's time zone: 2026-11-23 00:04:09. */
export function time(value) {
  if (!isFigure(value) || value <= 0) return UNKNOWN;
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) return UNKNOWN;
  return `${at.getFullYear()}-${padded(at.getMonth() + 1)}-${padded(at.getDate())} ${clock(value)}`;
}

/** The time of day of an instant: 00:04:09. */
export function clock(value) {
  const at = new Date(value);
  return `${padded(at.getHours())}:${padded(at.getMinutes())}:${padded(at.getSeconds())}`;
}

/** A ratio of 0 to 1 as a percentage. */
export function percent(ratio) {
  if (!isFigure(ratio)) return UNKNOWN;
  const value = Math.max(0, Math.min(1, ratio)) * 100;
  return `${value > 0 && value < 1 ? "<1" : Math.round(value)} %`;
}

function padded(value) {
  return String(value).padStart(2, "0");
}
