/** Names and values of metrics of a process: the names are asked for once in a while, all values with them each time. */
import { get, query } from "../api.js";

/** How many names one question may hold, so that its address stays short enough for every proxy. */
const NAMES_AT_ONCE = 60;

/** All metrics below an address, as a map of numbers by name; values that are no numbers stay text. */
export async function allMetrics(address, signal) {
  const names = (await get(address, signal)).map((metric) => metric.id);
  return metricsNamed(address, names, signal);
}

export async function metricsNamed(address, names, signal) {
  const questions = [];
  for (let start = 0; start < names.length; start += NAMES_AT_ONCE) {
    questions.push(get(address + query({ get: names.slice(start, start + NAMES_AT_ONCE).join(",") }), signal));
  }
  const values = new Map();
  for (const answer of await Promise.all(questions)) {
    for (const metric of answer) values.set(metric.id, numberIn(metric.value));
  }
  return values;
}

function numberIn(text) {
  const value = Number(text);
  return text !== "" && Number.isFinite(value) ? value : text;
}
