/**
 * Payloads as the contract says them, or not at all. Pure.
 *
 * Whoever reaches the broker can write there. What has another shape than the contract's becomes null,
 * is left out of a list, or throws, so that no view ever meets it.
 */

/** @typedef {import("./store.js").State} State */
/** @typedef {import("./store.js").Program} Program */
/** @typedef {import("./store.js").Step} Step */
/** @typedef {import("./store.js").CueNote} CueNote */

/** Steps of a program that a chart can still show; a script has at most some hundreds. */
const STEPS = 2_000;

/** @param {any} value @returns {?number} */
export const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
/** @param {any} value @returns {?string} */
export const text = (value) => (typeof value === "string" ? value : null);
/** @param {any} value @returns {any[]} */
export const list = (value) => (Array.isArray(value) ? value.filter(isRecord) : []);
/** @param {any} value */
const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {any} value @param {string} what @returns {any} */
export function record(value, what) {
  if (!isRecord(value)) throw new TypeError(`${what} is no object`);
  return value;
}

/** @param {any} value @param {string} what @returns {string} */
export function word(value, what) {
  if (typeof value !== "string") throw new TypeError(`${what} is no text`);
  return value;
}

/**
 * A group of fields, each read by its own reader; null unless it is there with all that it must have.
 * @template T
 * @param {any} value
 * @param {Record<string, (value: any) => any>} readers
 * @param {string[]} [needed]
 * @returns {?T}
 */
export function group(value, readers, needed = []) {
  if (!isRecord(value)) return null;
  const read = Object.fromEntries(
    Object.entries(readers).map(([name, reader]) => [name, reader(value[name])]),
  );
  return needed.some((name) => read[name] === null) ? null : /** @type {any} */ (read);
}

const SPEED = { measured: number, target: number, setpoint: number, cap: number };
const INCLINE = { measured: number, target: number, cap: number };
const SCRIPT = { elapsed: number, remaining: number };
const STEP = { index: number, count: number, name: text, effort: text, facing: text, remaining: number };
const NEXT = { in_s: number, speed: number, facing: text, cue: text };
const CUE = { number, kind: text, text, language: text };
const HEART = { source: text, ceiling: number };
const COST = { kcal: number, low: number, high: number };
const RANGE = { minimum: number, maximum: number, increment: number };
const LIMIT = { value: number, unit: text, layer: text, reason: text };

/** @param {any} note @returns {State} */
export function readState(note) {
  const from = record(note, "state");
  return {
    v: number(from.v) ?? 1,
    boot: word(from.boot, "boot"),
    seq: number(from.seq) ?? 0,
    time: text(from.time) ?? "",
    phase: word(from.phase, "phase"),
    stage: text(from.stage),
    sentence: text(from.sentence) ?? "",
    program: text(from.program),
    program_name: text(from.program_name),
    speed: group(from.speed ?? {}, SPEED) ?? { measured: null, target: null, setpoint: null, cap: null },
    incline: group(from.incline ?? {}, INCLINE) ?? { measured: null, target: null, cap: null },
    age: number(from.age),
    script: group(from.script, SCRIPT, ["elapsed", "remaining"]),
    step: group(from.step, STEP, ["index", "count", "effort", "facing", "remaining"]),
    next: group(from.next, NEXT, ["in_s"]),
    cue: group(from.cue, CUE, ["number", "kind", "text"]),
    alarm:
      isRecord(from.alarm) && text(from.alarm.sentence) !== null
        ? {
            cause: text(from.alarm.cause) ?? "",
            sentence: from.alarm.sentence,
            latched: from.alarm.latched === true,
          }
        : null,
    holding: Array.isArray(from.holding)
      ? from.holding.filter((/** @type {any} */ one) => text(one) !== null)
      : [],
    distance: number(from.distance),
    elapsed: number(from.elapsed),
    heart_rate: number(from.heart_rate),
    heart: isRecord(from.heart)
      ? { .../** @type {any} */ (group(from.heart, HEART)), over: from.heart.over === true }
      : null,
    energy: number(from.energy),
    cost: group(from.cost, COST, ["kcal", "low", "high"]),
    link: from.link === true,
    machine: text(from.machine),
    ...(typeof from.voice === "boolean" ? { voice: from.voice } : {}),
  };
}

/** @param {any} note @returns {{programs: Program[], selected: ?string}} */
export function readPrograms(note) {
  const from = record(note, "programs");
  const programs = list(from.programs)
    .filter((one) => text(one.id) !== null && text(one.name) !== null)
    .map(readProgram);
  return { programs, selected: text(from.selected) };
}

/** @param {any} from @returns {Program} */
function readProgram(from) {
  return {
    id: from.id,
    name: from.name,
    goal: text(from.goal) ?? "",
    level: text(from.level) ?? "",
    duration: number(from.duration) ?? 0,
    backward: number(from.backward),
    top_speed: number(from.top_speed),
    top_incline: number(from.top_incline),
    refusal: text(from.refusal),
    steps: list(from.steps)
      .slice(0, STEPS)
      .map(readStep)
      .filter((step) => step !== null),
  };
}

/** @param {any} from @returns {?Step} */
function readStep(from) {
  const seconds = number(from.seconds);
  const speed = number(from.speed);
  if (seconds === null || seconds < 0 || speed === null) return null;
  return {
    name: text(from.name) ?? "",
    seconds,
    speed,
    from_speed: number(from.from_speed) ?? speed,
    incline: Math.max(number(from.incline) ?? 0, 0),
    effort: text(from.effort) ?? "",
    facing: text(from.facing) ?? "",
    cue: text(from.cue),
  };
}

/**
 * @typedef {{boot: string, capabilities: string[], machine: ?{speed: {minimum: number, maximum: number, increment: number}},
 *   limits: {speed: ?{value: number, unit: ?string, layer: ?string, reason: ?string}}}} Info as far as the page needs it
 */

/** @param {any} note @returns {Info} */
export function readInfo(note) {
  const from = record(note, "info");
  const speed = group(from.machine?.speed, RANGE, ["minimum", "maximum", "increment"]);
  return {
    boot: word(from.boot, "boot"),
    capabilities: Array.isArray(from.capabilities)
      ? from.capabilities.filter((/** @type {any} */ one) => text(one) !== null)
      : [],
    machine: speed === null ? null : { speed: /** @type {any} */ (speed) },
    limits: { speed: group(from.limits?.speed, LIMIT, ["value"]) },
  };
}

/**
 * @typedef {{program_name: string, ended: ?string, outcome: ?string, walked: ?number, backward: ?number, distance: ?number,
 *   top_speed: ?number, cost: ?{kcal: number, low: number, high: number}}} Summary
 */

/** @param {any} note @returns {Summary} */
export function readSummary(note) {
  const from = record(note, "session");
  return {
    program_name: text(from.program_name) ?? "",
    ended: text(from.ended),
    outcome: text(from.outcome),
    walked: number(from.walked),
    backward: number(from.backward),
    distance: number(from.distance),
    top_speed: number(from.top_speed),
    cost: group(from.cost, COST, ["kcal", "low", "high"]),
  };
}

/** @param {any} note @returns {CueNote} */
export function readCue(note) {
  const from = record(note, "cue");
  return {
    number: number(from.number) ?? 0,
    kind: word(from.kind, "kind"),
    text: word(from.text, "text"),
    speech: text(from.speech) ?? word(from.text, "text"),
    language: text(from.language) ?? "en",
    urgency: number(from.urgency) ?? 0,
    speed: number(from.speed),
    within: number(from.within),
    voice: from.voice !== false,
  };
}

/** @param {any} note @returns {{id: ?string, reply: string, code: string, sentence: string}} */
export function readResponse(note) {
  const from = record(note, "response");
  return {
    id: text(from.id),
    reply: word(from.reply, "reply"),
    code: text(from.code) ?? "",
    sentence: text(from.sentence) ?? "",
  };
}
