/** States of jobs, tasks and checkpoints as badges: the word says it, the colour repeats it. */
import { h } from "./dom.js";
import { count } from "./format.js";

const KINDS = {
  RUNNING: "running",
  FINISHED: "good",
  COMPLETED: "good",
  FAILED: "bad",
  FAILING: "bad",
  CANCELED: "quiet",
  CANCELING: "quiet",
  CANCELLING: "quiet",
  SUSPENDED: "quiet",
  RESTARTING: "warning",
};

const ENDED = new Set(["FINISHED", "CANCELED", "FAILED"]);

/** The order in which the numbers of tasks are told. */
const TASK_STATES = [
  "CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RECONCILING", "RUNNING", "FINISHED", "CANCELING", "CANCELED", "FAILED",
];

/** Whether a job in this state never runs again. */
export function hasEnded(state) {
  return ENDED.has(state);
}

/** One of running, good, bad, quiet, warning, waiting. */
export function kindOf(state) {
  return KINDS[state] ?? "waiting";
}

export function badge(state) {
  return h("span", { class: `badge badge--${kindOf(state)}` }, state);
}

/** How many tasks are in which state; states without tasks are left out. */
export function taskCounts(counts) {
  const present = TASK_STATES.map((state) => [state, counts[state] ?? counts[state.toLowerCase()] ?? 0]).filter(
    ([, number]) => number > 0,
  );
  return h(
    "span",
    { class: "task-counts" },
    present.map(([state, number]) =>
      h("span", { key: state, class: `task-count task-count--${kindOf(state)}`, title: `${number} ${state}` }, count(number), h("span", { class: "visually-hidden" }, ` ${state} `)),
    ),
  );
}
