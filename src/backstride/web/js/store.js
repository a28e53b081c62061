/**
 * What the page knows of the treadmills: folded from the messages of the broker. Pure.
 *
 * Times (`at`) are ms of the page's own clock: it never trusts that two hosts agree on the time of
 * day. A value that is not known is null and never 0. What cannot be read is left out: another
 * version may publish more.
 */

import { ACTIVE } from "./phases.js";
import { readHistory, readPlan, readWalkers } from "./people.js";
import { readCue, readInfo, readPrograms, readState, readSummary } from "./reading.js";

/** State comes every second while the belt may move: three missed are too many. */
export const STALE_MOVING = 3_000;
/** At rest it comes every 30 s. */
export const STALE_RESTING = 45_000;
/** Points kept of the measured speed: three hours of one a second. */
const TRAIL_LONGEST = 10_800;

/**
 * @typedef {{v: number, boot: string, seq: number, time: string, phase: string, stage: ?string, sentence: string,
 *   program: ?string, program_name: ?string,
 *   speed: {measured: ?number, target: ?number, setpoint: ?number, cap: ?number},
 *   incline: {measured: ?number, target: ?number, cap: ?number}, age: ?number,
 *   script: ?{elapsed: number, remaining: number},
 *   step: ?{index: number, count: number, name: string, effort: string, facing: string, remaining: number},
 *   next: ?{in_s: number, speed: ?number, facing: ?string, cue: ?string},
 *   cue: ?{number: number, kind: string, text: string, language: ?string},
 *   alarm: ?{cause: string, sentence: string, latched: boolean}, holding: string[], distance: ?number,
 *   elapsed: ?number, heart_rate: ?number, heart: ?{source: ?string, ceiling: ?number, over: boolean}, energy: ?number,
 *   cost: ?{kcal: number, low: number, high: number}, link: boolean, machine: ?string, voice?: boolean}} State
 * @typedef {{name: string, seconds: number, from_speed: number, speed: number, incline: number, effort: string,
 *   facing: string, cue: ?string}} Step
 * @typedef {{id: string, name: string, goal: string, level: string, duration: number, backward: ?number,
 *   top_speed: ?number, top_incline: ?number, refusal: ?string, steps?: Step[]}} Program
 * @typedef {{number: number, kind: string, text: string, speech: string, language: string, urgency: number,
 *   speed: ?number, within: ?number, voice?: boolean}} CueNote
 * @typedef {{elapsed: number, speed: ?number}} Point a moment of the session on the program's own clock
 * @typedef {{id: string, online: ?boolean, state: ?State, stateAt: number, live: boolean,
 *   info: ?import("./reading.js").Info, programs: ?{programs: Program[], selected: ?string},
 *   summary: ?import("./reading.js").Summary, history: ?import("./people.js").History,
 *   people: ?import("./people.js").Walkers, plan: ?import("./people.js").Plan,
 *   cue: ?{at: number, note: CueNote}, trail: Point[]}} Sight one treadmill as it is known here;
 *   `live` is false while its state is only what the broker had kept
 * @typedef {{treadmill: string, topic: string, payload: string, retained: boolean, at: number}} News
 * @typedef {Readonly<Record<string, Sight>>} Sights
 */

/** Topics that name who walks; a broker may keep them from a screen that everybody sees. */
const PERSONAL = ["history", "walkers", "plan"];
/** Topics that are worth a subscription. */
export const TOPICS = ["availability", "info", "programs", "state", "session", "cue", "response", ...PERSONAL];

/** @param {string} id @returns {Sight} */
export function unseen(id) {
  return {
    id,
    online: null,
    state: null,
    stateAt: 0,
    live: false,
    info: null,
    programs: null,
    summary: null,
    history: null,
    people: null,
    plan: null,
    cue: null,
    trail: [],
  };
}

/**
 * Fold one message in.
 * @param {Sights} sights
 * @param {News} news
 * @returns {Sights} the same object if nothing was learnt
 */
export function absorb(sights, news) {
  const sight = sights[news.treadmill] ?? unseen(news.treadmill);
  let after;
  try {
    after = absorbOne(sight, news);
  } catch {
    return sights;
  }
  return after === sight ? sights : { ...sights, [news.treadmill]: after };
}

/** @param {Sight} sight @param {News} news @returns {Sight} */
function absorbOne(sight, news) {
  if (news.topic === "availability") return { ...sight, online: news.payload === "online" };
  // An empty payload is how a retained message is removed.
  const gone = news.payload === "";
  const note = gone ? null : JSON.parse(news.payload);
  switch (news.topic) {
    case "state":
      return gone ? sight : see(sight, readState(note), news);
    case "info":
      return { ...sight, info: gone ? null : readInfo(note) };
    case "programs":
      return { ...sight, programs: gone ? null : readPrograms(note) };
    case "session":
      return { ...sight, summary: gone ? null : readSummary(note) };
    case "history":
      return { ...sight, history: gone ? null : readHistory(note) };
    case "walkers":
      return { ...sight, people: gone ? null : readWalkers(note) };
    case "plan":
      return { ...sight, plan: gone ? null : readPlan(note) };
    case "cue":
      return gone ? sight : { ...sight, cue: { at: news.at, note: readCue(note) } };
    default:
      return sight;
  }
}

/** @param {Sight} sight @param {State} state @param {News} news @returns {Sight} */
function see(sight, state, news) {
  const before = sight.state;
  // A broker or a bridge may deliver out of order; within a life of the daemon the number tells.
  if (before !== null && before.boot === state.boot && state.seq < before.seq) return sight;
  return {
    ...sight,
    state,
    stateAt: news.at,
    live: !news.retained,
    trail: lengthen(sight, state),
  };
}

/** @param {Sight} sight @param {State} state @returns {Point[]} */
function lengthen(sight, state) {
  const before = sight.state;
  if (state.script === null || !ACTIVE.has(state.phase)) {
    // The trail of a session that is over stays until the next one begins.
    return state.phase === "armed" ? [] : sight.trail;
  }
  const other = before !== null && (before.boot !== state.boot || before.program !== state.program);
  const trail = other ? [] : sight.trail;
  const last = trail.at(-1);
  const elapsed = state.script.elapsed;
  if (last !== undefined && elapsed < last.elapsed) return [{ elapsed, speed: state.speed.measured }];
  if (last !== undefined && elapsed === last.elapsed) {
    return last.speed === state.speed.measured
      ? trail
      : [...trail.slice(0, -1), { elapsed, speed: state.speed.measured }];
  }
  return [...trail.slice(-TRAIL_LONGEST), { elapsed, speed: state.speed.measured }];
}

/**
 * How old the newest state is, ms; null when there is none or nobody knows.
 * @param {Sight} sight
 * @param {number} now
 */
export function stateAge(sight, now) {
  return sight.state === null ? null : Math.max(now - sight.stateAt, 0);
}

/**
 * How old what the belt itself said is, ms.
 * @param {Sight} sight
 * @param {number} now
 */
export function beltAge(sight, now) {
  const age = stateAge(sight, now);
  if (age === null || sight.state?.age == null) return null;
  return age + sight.state.age * 1_000;
}

/**
 * Why what is shown may no longer be true; null while it is fresh.
 * @param {Sight | undefined} sight
 * @param {number} now
 * @param {boolean} connected to the broker
 * @returns {null | "broker" | "offline" | "unknown" | "silent" | "kept"}
 */
export function staleness(sight, now, connected) {
  if (!connected) return "broker";
  if (sight === undefined || sight.state === null) return "unknown";
  if (sight.online === false) return "offline";
  const age = stateAge(sight, now) ?? 0;
  const active = ACTIVE.has(sight.state.phase);
  // How old a kept state is, nobody can say: while a belt may move only a live one counts.
  if (active && !sight.live) return "kept";
  return age > (active ? STALE_MOVING : STALE_RESTING) ? "silent" : null;
}

/**
 * The program that is armed or walked, or else the selected one.
 * @param {Sight | undefined} sight
 * @returns {Program | undefined}
 */
export function presentProgram(sight) {
  const programs = sight?.programs?.programs ?? [];
  const atRest = sight?.state == null || ["idle", "offline"].includes(sight.state.phase);
  const id = (atRest ? null : sight.state?.program) ?? sight?.programs?.selected ?? sight?.state?.program;
  return programs.find((program) => program.id === id);
}

/**
 * Seconds of something that counts down with the program's clock, carried on between two messages.
 * @param {Sight} sight
 * @param {number} seconds as the newest state says
 * @param {number} now
 */
export function carryOn(sight, seconds, now) {
  const runs = sight.state?.phase === "running";
  const passed = runs ? Math.min(stateAge(sight, now) ?? 0, STALE_MOVING) / 1_000 : 0;
  return Math.max(seconds - passed, 0);
}

/**
 * Whether somebody is asked for a sign of life.
 * @param {Sight | undefined} sight
 */
export function isAsked(sight) {
  const state = sight?.state;
  return state != null && ACTIVE.has(state.phase) && state.cue?.kind === "check_in";
}
