/**
 * A button that must be held: what sets a belt in motion must not happen by a stray touch.
 *
 * Pointer, or Enter and Space held down. A screen reader can only click: it clicks twice, and is
 * told so. Fires `held` once; letting go, leaving or losing the reason (`subject` changes) cancels.
 *
 * A key need not say that it was let go: not to a window that lost the focus, not on a Mac beside Cmd,
 * and "c" comes up as "C" with Shift. So whatever else happens cancels, too, wherever it happens.
 */

import { Grip } from "../grip.js";
import { t } from "../i18n.js";
import { View, html } from "./base.js";

/** Whichever comes to the window while something is held ends it. */
const ENDS = ["keyup", "pointerup", "pointercancel", "lostpointercapture", "blur", "visibilitychange"];
/** ms within which the second click of a screen reader counts. */
const SECOND_CLICK = 8_000;
/** ms within which a second click is the first one's echo: a switch that bounces, a hand that shakes. */
const ECHO = 400;

class HoldButton extends View {
  static properties = {
    ...View.properties,
    label: {},
    testid: {},
    disabled: { type: Boolean },
    subject: {},
    hint: { state: true },
  };

  constructor() {
    super();
    this.label = "";
    this.testid = "";
    this.disabled = false;
    this.subject = "";
    this.hint = "";
    /** @type {?Grip} while it is held */
    this.grip = null;
    this.watch = new AbortController();
    this.clickedAt = -Infinity;
  }

  /** @param {Map<string, any>} changed */
  willUpdate(changed) {
    if (!changed.has("subject") && !(changed.has("disabled") && this.disabled)) return;
    this.release();
    // The first of two clicks was for what is no longer asked, too.
    this.clickedAt = -Infinity;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.release();
  }

  press() {
    if (this.disabled || this.grip !== null) return;
    this.hint = "";
    this.grip = new Grip(performance.now());
    this.watch = new AbortController();
    const { signal } = this.watch;
    for (const end of ENDS) addEventListener(end, () => this.release(), { signal });
    // A second finger or key. The press that began this has gone past the window's capture phase already.
    addEventListener("pointerdown", () => this.release(), { signal, capture: true });
    addEventListener("keydown", (event) => event.repeat || this.release(), { signal, capture: true });
    this.draw(this.grip);
  }

  /** @param {Grip} grip */
  draw(grip) {
    if (grip !== this.grip) return;
    const part = grip.look(performance.now());
    if (part === null) this.release();
    else if (part === 1) this.complete();
    else {
      this.show(part);
      requestAnimationFrame(() => this.draw(grip));
    }
  }

  /** @param {number} part */
  show(part) {
    const fill = this.querySelector(".hold-fill");
    if (fill instanceof HTMLElement) fill.style.transform = `scaleX(${part})`;
    const arc = this.querySelector(".hold-arc");
    arc?.setAttribute("stroke-dashoffset", String(100 - 100 * part));
  }

  release() {
    if (this.grip === null) return;
    this.letGo();
    this.hint = t("hold.longer");
  }

  letGo() {
    this.grip = null;
    this.watch.abort();
    this.show(0);
  }

  complete() {
    this.letGo();
    this.clickedAt = -Infinity;
    this.hint = "";
    navigator.vibrate?.(120);
    this.dispatchEvent(new CustomEvent("held", { bubbles: true }));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (event.type === "keydown" && !event.repeat) this.press();
  }

  /** @param {PointerEvent} event */
  point(event) {
    if (event.button !== 0) return;
    if (event.target instanceof Element) event.target.setPointerCapture(event.pointerId);
    this.press();
  }

  /** A mouse says no `pointerup` while another of its buttons is down. @param {PointerEvent} event */
  slide(event) {
    if (event.buttons !== 0 && (event.buttons & 1) === 0) this.release();
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    if (event.detail !== 0 || this.disabled) return;
    const now = performance.now();
    const since = now - this.clickedAt;
    if (since < ECHO) return;
    if (since < SECOND_CLICK) {
      this.complete();
      return;
    }
    this.clickedAt = now;
    this.hint = t("hold.again");
  }

  render() {
    return html` <button
        class="hold"
        data-testid=${this.testid}
        ?disabled=${this.disabled}
        aria-describedby="hold-hint"
        @pointerdown=${this.point}
        @pointermove=${this.slide}
        @keydown=${this.key}
        @keyup=${this.key}
        @blur=${this.release}
        @click=${this.clicked}
        @contextmenu=${(/** @type {Event} */ event) => event.preventDefault()}
      >
        <span class="hold-fill" aria-hidden="true"></span>
        <svg class="hold-ring" viewBox="0 0 36 36" aria-hidden="true">
          <circle class="hold-track" cx="18" cy="18" r="15"></circle>
          <circle
            class="hold-arc"
            cx="18"
            cy="18"
            r="15"
            pathLength="100"
            stroke-dasharray="100"
            stroke-dashoffset="100"
            transform="rotate(-90 18 18)"
          ></circle>
        </svg>
        <span class="hold-label">${this.label}</span>
      </button>
      <p class="hold-hint" id="hold-hint" aria-live="polite">${this.hint || t("hold.hint")}</p>`;
  }
}

customElements.define("bs-hold", HoldButton);
