/**
 * The phases of a session as the page groups them. Names are the contract's.
 */

/** Between a confirm and the proven end: state comes every second, and a belt may move. */
export const ACTIVE = new Set([
  "countdown",
  "starting",
  "running",
  "turning",
  "holding",
  "slowing",
  "stopping",
  "handed_over",
]);

/** The live view is shown: something is being walked, or was a moment ago. */
export const LIVE = new Set(["running", "turning", "holding", "slowing", "stopping", "handed_over"]);

/** A program can be armed. */
export const READY = new Set(["idle", "finished"]);

/** No belt moves under the session's control: a Stop that was asked for has come to its end. */
const AT_REST = new Set(["idle", "finished"]);

/** The daemon has the Stop and cannot show more than that: its answer is what counts. */
const ANSWERED = new Set(["offline", "faulted", "handed_over"]);

/** Stages of `stopping` that belong to a pause or a turn, and not to a Stop. */
const PASSING = new Set(["then pause", "then turn"]);

/**
 * Whether a state that came after Stop was pressed confirms it.
 * @param {import("./store.js").State} state
 * @param {boolean} answered an `ok` came to this Stop
 * @returns {boolean}
 */
export function confirmsStop(state, answered) {
  if (state.phase === "stopping") return !PASSING.has(state.stage ?? "");
  if (AT_REST.has(state.phase)) return true;
  return answered && ANSWERED.has(state.phase);
}

/**
 * How a phase is coloured: calm, busy, go, care or wrong. Never the only sign of anything.
 * @param {string | undefined} phase
 * @returns {"calm" | "busy" | "go" | "care" | "wrong" | "none"}
 */
export function tone(phase) {
  switch (phase) {
    case "idle":
    case "finished":
      return "calm";
    case "armed":
    case "countdown":
    case "starting":
    case "turning":
      return "busy";
    case "running":
      return "go";
    case "holding":
    case "slowing":
    case "stopping":
      return "care";
    case "handed_over":
    case "faulted":
      return "wrong";
    default:
      return "none";
  }
}
