/**
 * How long something has been held. Pure.
 *
 * Only time that was watched counts. A page that slept, or was too busy to hear that the button was
 * let go, must not find at its next look that it was held all the while.
 */

/** ms to hold. */
export const HOLD = 1_500;
/** ms between two looks, after which nobody knows what happened in between. */
export const UNSEEN = 250;

export class Grip {
  #since;
  #seen;

  /** @param {number} now ms */
  constructor(now) {
    this.#since = now;
    this.#seen = now;
  }

  /**
   * Look again.
   * @param {number} now ms
   * @returns {?number} the part of the hold that is done, 1 for all of it; null when it was lost from sight
   */
  look(now) {
    if (now - this.#seen > UNSEEN) return null;
    this.#seen = now;
    return Math.min((now - this.#since) / HOLD, 1);
  }
}
