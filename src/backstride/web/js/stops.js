/**
 * Stops that were pressed and are not confirmed yet. Pure.
 *
 * A Stop is the one command that is kept: it is published at once, again every second until the
 * treadmill's phase confirms it, and after a lost connection as soon as there is one again. But not
 * for ever: a Stop that nobody remembers must not end the next person's session. It is given up,
 * visibly, when there was no connection for `KEPT`. Nor is there one while nobody looks: a phone that
 * slept wakes with what it had in hand, and takes the connection for whole.
 */

import { confirmsStop } from "./phases.js";

/** ms between two publications of the same Stop. */
export const AGAIN = 1_000;
/** ms for which a Stop waits for a connection. */
export const KEPT = 30_000;
/** ms after which an unconfirmed Stop tells people to pull the clip. */
export const LATE = 5_000;
/** ms for which a confirmed Stop is shown. */
export const SHOWN = 4_000;

/**
 * @typedef {{treadmill: string, id: string, pressedAt: number, reachedAt: number, sentAt: ?number, times: number,
 *   answered: boolean, sentence: ?string, settledAt: ?number, outcome: "waiting" | "done" | "failed" | "forbidden"}} Stop
 *   `reachedAt`: when there last was a connection for it, or when it was pressed
 * @typedef {Readonly<Record<string, Stop>>} Stops by treadmill
 */

/**
 * @param {Stops} stops
 * @param {string} treadmill
 * @param {string} id of the command
 * @param {number} now
 * @returns {Stops} a second press goes on with the first one's id, and out at once
 */
export function press(stops, treadmill, id, now) {
  const before = stops[treadmill];
  const waits = before?.outcome === "waiting";
  const stop = {
    treadmill,
    id: waits ? before.id : id,
    pressedAt: now,
    reachedAt: now,
    sentAt: null,
    times: waits ? before.times : 0,
    answered: false,
    sentence: null,
    settledAt: null,
    outcome: /** @type {const} */ ("waiting"),
  };
  return { ...stops, [treadmill]: stop };
}

/**
 * The Stops to publish now.
 * @param {Stops} stops
 * @param {number} now
 * @returns {Stop[]}
 */
export function due(stops, now) {
  return Object.values(stops).filter(
    (stop) => stop.outcome === "waiting" && (stop.sentAt === null || now - stop.sentAt >= AGAIN),
  );
}

/** @param {Stops} stops @param {string} treadmill @param {number} now @returns {Stops} */
export function sent(stops, treadmill, now) {
  const stop = stops[treadmill];
  if (stop === undefined) return stops;
  return { ...stops, [treadmill]: { ...stop, sentAt: now, times: stop.times + 1 } };
}

/**
 * The daemon answered.
 * @param {Stops} stops
 * @param {string} id of the command
 * @param {{reply: string, sentence: string}} note
 * @returns {Stops}
 */
export function answered(stops, id, note) {
  const stop = Object.values(stops).find((one) => one.id === id);
  if (stop === undefined) return stops;
  const after = { ...stop, answered: note.reply === "ok", sentence: note.sentence };
  return { ...stops, [stop.treadmill]: after };
}

/**
 * A live state came: does it confirm the Stop?
 * @param {Stops} stops
 * @param {string} treadmill
 * @param {import("./store.js").State} state
 * @param {number} now
 * @returns {Stops}
 */
export function observe(stops, treadmill, state, now) {
  const stop = stops[treadmill];
  if (stop === undefined || stop.outcome === "done" || !confirmsStop(state, stop.answered)) return stops;
  // Nothing of ours stopped it, but it stands: there is nothing left to warn of.
  if (stop.outcome !== "waiting") return without(stops, treadmill);
  if (stop.times === 0) return stops;
  return { ...stops, [treadmill]: { ...stop, outcome: "done", settledAt: now } };
}

/**
 * The broker refused it: this login may look, but not command. To repeat it would only hide that.
 * @param {Stops} stops
 * @param {string} treadmill
 * @param {number} now
 * @returns {Stops}
 */
export function forbid(stops, treadmill, now) {
  const stop = stops[treadmill];
  if (stop?.outcome !== "waiting") return stops;
  return { ...stops, [treadmill]: { ...stop, outcome: "forbidden", settledAt: now } };
}

/** @param {Stops} stops @param {string} treadmill @returns {Stops} */
function without(stops, treadmill) {
  return Object.fromEntries(Object.entries(stops).filter(([id]) => id !== treadmill));
}

/**
 * Give up what has waited too long for a connection, and forget what was shown long enough. To be called often, and
 * always before what is due goes out.
 * @param {Stops} stops
 * @param {number} now
 * @param {boolean} connected
 * @returns {Stops}
 */
export function expire(stops, now, connected) {
  let after = stops;
  for (const stop of Object.values(stops)) {
    if (stop.outcome === "done" && now - (stop.settledAt ?? now) > SHOWN) {
      after = without(after, stop.treadmill);
    } else if (stop.outcome === "waiting" && now - stop.reachedAt > KEPT) {
      after = { ...after, [stop.treadmill]: { ...stop, outcome: "failed", settledAt: now } };
    } else if (stop.outcome === "waiting" && connected) {
      after = { ...after, [stop.treadmill]: { ...stop, reachedAt: now } };
    }
  }
  return after;
}
