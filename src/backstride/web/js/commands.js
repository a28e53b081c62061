/**
 * Commands as the contract wants them, and whether the page offers them now. Pure.
 *
 * Everything but Stop carries what lets the daemon refuse it when it is late, repeated or meant for
 * another moment: a random id, the time, the daemon's `boot`, and the phase that the person saw.
 */

/** @typedef {import("./store.js").Sight} Sight */

/** s; nothing but Stop may wait anywhere longer. */
export const EXPIRY = 10;
/** ms until "no answer". */
export const PATIENCE = 5_000;

/** Sets a standing belt in motion or leads to it, or to wider limits: must prove that it is new. */
const MOVING = new Set(["start", "confirm", "continue", "walker"]);
/** Means what it says only in the phase that the person saw. To slow down and to end is never wrong. */
const EXPECTING = new Set(["confirm", "continue", "skip", "faster", "speed"]);

/** In which phases a command is offered; Stop is not in the list, because it always is. */
const OFFERED = {
  start: ["idle", "finished"],
  select: ["idle", "finished", "offline", "faulted"],
  pause: ["running"],
  skip: ["running"],
  faster: ["running"],
  slower: ["running"],
  speed: ["running"],
  finish: ["running", "holding", "turning"],
  acknowledge: ["faulted"],
  walker: ["idle", "finished", "offline"],
  feedback: ["idle", "finished", "offline", "faulted", "armed"],
};

/**
 * Whether a command makes sense now. The daemon decides; this only spares people a refusal.
 * @param {Sight | undefined} sight
 * @param {string} ask
 * @returns {boolean}
 */
export function isOffered(sight, ask) {
  const state = sight?.state;
  if (state == null) return false;
  switch (ask) {
    case "confirm":
      return state.phase === "armed" || (state.phase === "turning" && state.stage === "waiting for confirm");
    case "continue":
      return state.phase === "holding" && state.stage === "paused";
    case "present":
    case "voice":
      return true;
    default:
      return OFFERED[/** @type {keyof typeof OFFERED} */ (ask)]?.includes(state.phase) ?? false;
  }
}

/** @returns {string} an id that nobody else makes, within what the contract allows */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * A command, or null while it could not prove that it is new: the daemon has not told its `boot`.
 * @param {string} ask
 * @param {Sight | undefined} sight what the person saw when they asked
 * @param {number} time ms since 1970, on the daemon's clock as far as it is known
 * @param {{program?: string, speed?: number, on?: boolean, pin?: string, walker?: ?string, effort?: number,
 *   pain?: number}} [more]
 * @param {string} [id]
 * @returns {object | null}
 */
export function makeCommand(ask, sight, time, more = {}, id = newId()) {
  const boot = sight?.info?.boot ?? sight?.state?.boot;
  const { phase, program } = sight?.state ?? {};
  if (MOVING.has(ask) && boot === undefined) return null;
  return {
    v: 1,
    id,
    command: ask,
    ts: Math.round(time),
    ...more,
    ...(boot === undefined ? {} : { boot }),
    ...(EXPECTING.has(ask) && phase !== undefined ? { expect: phase } : {}),
    // What was armed, and no other: somebody may have armed anew while this was on its way.
    ...(ask === "confirm" && phase === "armed" && program != null ? { program } : {}),
  };
}

/** @param {string} id @returns {object} Stop needs nothing but the word, and has no condition */
export function makeStop(id) {
  return { v: 1, id, command: "stop" };
}

/**
 * The speeds that may be wished for, km/h, from the machine's lowest to the cap, on its own grid.
 * @param {Sight | undefined} sight
 * @returns {{low: number, high: number, by: number} | null}
 */
export function speedRange(sight) {
  const machine = sight?.info?.machine?.speed;
  const cap = sight?.state?.speed.cap ?? sight?.info?.limits?.speed?.value;
  if (machine == null || cap == null) return null;
  const by = machine.increment || 0.1;
  const high = Math.min(cap, machine.maximum);
  const steps = Math.floor((high - machine.minimum) / by + 1e-6);
  return { low: machine.minimum, high: round(machine.minimum + Math.max(steps, 0) * by), by };
}

/**
 * One step up or down, inside the range.
 * @param {{low: number, high: number, by: number}} range
 * @param {number} speed
 * @param {number} direction
 */
export function stepSpeed(range, speed, direction) {
  return round(Math.min(Math.max(speed + direction * range.by, range.low), range.high));
}

/** @param {number} kmh to 0.01, as everything inside the daemon */
function round(kmh) {
  return Math.round(kmh * 100) / 100;
}
