/**
 * The page's clock, and what it knows of the daemon's.
 */

/**
 * ms that never run slower than the wall or the monotonic clock: a phone that slept, or was
 * suspended with its monotonic clock, must not take old numbers for fresh ones.
 */
export class Clock {
  #monotonic = performance.now();
  #wall = Date.now();
  #now = 0;

  now() {
    const monotonic = performance.now();
    const wall = Date.now();
    this.#now += Math.max(monotonic - this.#monotonic, wall - this.#wall, 0);
    this.#monotonic = monotonic;
    this.#wall = wall;
    return this.#now;
  }
}

/**
 * The daemon's time of day, ms since 1970: a phone's own may be minutes off, and the daemon refuses
 * what seems more than 10 s old. A command gets the time of the newest live state plus what has
 * passed here since; a delay on the way only makes it look older.
 */
export class DaemonTime {
  /** @type {?number} */
  #offset = null;

  /** @param {string} time of a live state @param {number} at on the page's clock */
  learn(time, at) {
    const wall = Date.parse(time);
    if (!Number.isNaN(wall)) this.#offset = wall - at;
  }

  /** @param {number} now on the page's clock */
  at(now) {
    return this.#offset === null ? Date.now() : this.#offset + now;
  }
}
