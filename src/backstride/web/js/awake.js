/**
 * Keeps the screen on while somebody walks, where the browser allows it (https or localhost).
 */
export class Awake {
  /** @type {any} */
  #lock = null;
  #wanted = false;

  constructor() {
    // A hidden page loses its lock; take it again when it comes back.
    document.addEventListener("visibilitychange", () => this.#take());
  }

  /** @param {boolean} wanted */
  want(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) this.#take();
    else {
      this.#lock?.release().catch(() => undefined);
      this.#lock = null;
    }
  }

  async #take() {
    if (!this.#wanted || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    try {
      this.#lock = await navigator.wakeLock.request("screen");
    } catch {
      // A low battery or a policy; the screen goes dark as usual.
    }
  }
}
