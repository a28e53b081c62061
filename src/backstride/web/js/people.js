/**
 * Who walks, what they walked and what comes next, as the contract says it, or not at all. Pure.
 *
 * The same rules as for everything that is read: what has another shape becomes null, is left out, or throws.
 */

import { group, list, number, record, text, word } from "./reading.js";

/** Of anything that is listed; the daemon sends ten sessions and four weeks. */
const LONGEST = 100;
const BORG = { lowest: 6, highest: 20 };
const PAIN = { lowest: 0, highest: 10 };
/** Borg's scale, and how much it hurts. */
export const EFFORTS = range(BORG);
export const PAINS = range(PAIN);

/** @param {{lowest: number, highest: number}} scale */
function range({ lowest, highest }) {
  return Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i);
}

/**
 * @typedef {{id: string, program_name: string, started: string, walker: ?string, walked: number, backward: number,
 *   distance: ?number, top_speed: ?number, energy: ?number, alarms: ?number, outcome: ?string, completed: boolean,
 *   effort: ?number}} Walk one session that is over; times in s, energy in kcal
 * @typedef {{monday: string, sessions: number, walked: number, backward: number, distance: ?number}} Week
 * @typedef {{sessions: Walk[], weeks: Week[], question: ?string}} History the newest first; `question` is the
 *   session whose walker has not said how it was
 * @typedef {{walkers: {id: string, name: string}[], selected: ?string}} Walkers
 * @typedef {{week: number, speed: number, minutes: number, incline: number, done: number, sessions: number}} PlanWeek
 * @typedef {{walker: ?string, week: ?number, session: ?number, program: ?string, goal: ?string, decision: ?string,
 *   due: ?string, refusal: ?string, weeks: PlanWeek[]}} Plan of whoever is chosen
 */

const WALK = {
  id: text,
  program_name: text,
  started: text,
  walker: text,
  walked: number,
  backward: number,
  distance: number,
  top_speed: number,
  energy: number,
  alarms: number,
  outcome: text,
  completed: (/** @type {any} */ value) => value === true,
  effort: number,
};
const WEEK = { monday: text, sessions: number, walked: number, backward: number, distance: number };
const WALKER = { id: text, name: text };
const PLAN_WEEK = { week: number, speed: number, minutes: number, incline: number, done: number, sessions: number };

/**
 * @param {any} value @param {Record<string, (value: any) => any>} readers @param {string[]} needed
 * @returns {any[]} those that are whole
 */
function groups(value, readers, needed) {
  return list(value)
    .slice(0, LONGEST)
    .map((one) => group(one, readers, needed))
    .filter((one) => one !== null);
}

/** @param {any} note @returns {History} */
export function readHistory(note) {
  const from = record(note, "history");
  return {
    sessions: groups(from.sessions, WALK, ["id", "program_name", "started", "walked", "backward"]),
    weeks: groups(from.weeks, WEEK, ["monday", "sessions", "walked", "backward"]),
    question: text(from.question),
  };
}

/** @param {any} note @returns {Walkers} */
export function readWalkers(note) {
  const from = record(note, "walkers");
  return { walkers: groups(from.walkers, WALKER, ["id", "name"]), selected: text(from.selected) };
}

/** @param {any} note @returns {Plan} */
export function readPlan(note) {
  const from = record(note, "plan");
  word(from.boot, "boot");
  return {
    walker: text(from.walker),
    week: number(from.week),
    session: number(from.session),
    program: text(from.program),
    goal: text(from.goal),
    decision: text(from.decision),
    due: text(from.due),
    refusal: text(from.refusal),
    weeks: groups(from.weeks, PLAN_WEEK, Object.keys(PLAN_WEEK)),
  };
}

/**
 * The name of somebody; null for nobody, or who is not known here.
 * @param {import("./store.js").Sight | undefined} sight
 * @param {?string | undefined} id
 */
export function nameOf(sight, id) {
  return sight?.people?.walkers.find((one) => one.id === id)?.name ?? null;
}

/**
 * The id of today's session; null where nobody is chosen, it is not due, or not on offer.
 * @param {import("./store.js").Sight | undefined} sight
 */
export function todayOf(sight) {
  const plan = sight?.plan;
  if (plan == null || plan.walker === null || plan.refusal !== null) return null;
  const offered = sight?.programs?.programs.find((one) => one.id === plan.program);
  return offered === undefined || offered.refusal !== null ? null : offered.id;
}

/**
 * The session that somebody should be asked about.
 * @param {import("./store.js").Sight | undefined} sight
 * @returns {?Walk}
 */
export function questionOf(sight) {
  const history = sight?.history;
  return history?.sessions.find((one) => one.id === history.question) ?? null;
}

/** Borg's words: each holds until the next. */
const EFFORT_WORDS = [6, 7, 9, 11, 13, 15, 17, 19, 20];
const PAIN_WORDS = [0, 1, 4, 7, 10];

/** The key of the word for an effort. @param {number} effort */
export function effortWord(effort) {
  return `borg.${EFFORT_WORDS.findLast((from) => from <= effort) ?? BORG.lowest}`;
}

/** @param {number} pain */
export function painWord(pain) {
  return `pain.${PAIN_WORDS.findLast((from) => from <= pain) ?? PAIN.lowest}`;
}
