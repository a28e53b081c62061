/**
 * A button that must be held: what sets a belt in motion must not happen by a stray touch.
 *
 * Pointer, or Enter and Space held down. A screen reader can only click: it clicks twice, and is
 * told so. Fires `held` once; letting go, leaving or losing the reason (`subject` changes) cancels.
 */

import { t } from "../i18n.js";
import { View, html } from "./base.js";

/** ms */
export const HOLD = 1_500;
/** ms within which the second click of a screen reader counts. */
const SECOND_CLICK = 8_000;

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
    this.since = 0;
    this.frame = 0;
    this.clickedAt = -Infinity;
  }

  /** @param {Map<string, any>} changed */
  willUpdate(changed) {
    if (changed.has("subject") || (changed.has("disabled") && this.disabled)) this.release();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.release();
  }

  press() {
    if (this.disabled || this.frame !== 0) return;
    this.hint = "";
    this.since = performance.now();
    this.draw();
  }

  draw() {
    const part = Math.min((performance.now() - this.since) / HOLD, 1);
    this.show(part);
    if (part === 1) this.complete();
    else this.frame = requestAnimationFrame(() => this.draw());
  }

  /** @param {number} part */
  show(part) {
    const fill = this.querySelector(".hold-fill");
    if (fill instanceof HTMLElement) fill.style.transform = `scaleX(${part})`;
    const arc = this.querySelector(".hold-arc");
    arc?.setAttribute("stroke-dashoffset", String(100 - 100 * part));
  }

  release() {
    if (this.frame === 0) return;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.hint = t("hold.longer");
    this.show(0);
  }

  complete() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.clickedAt = -Infinity;
    this.hint = "";
    this.show(0);
    navigator.vibrate?.(120);
    this.dispatchEvent(new CustomEvent("held", { bubbles: true }));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (event.type === "keyup") this.release();
    else if (!event.repeat) this.press();
  }

  /** @param {PointerEvent} event */
  point(event) {
    if (event.button !== 0) return;
    if (event.target instanceof Element) event.target.setPointerCapture(event.pointerId);
    this.press();
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    if (event.detail !== 0 || this.disabled) return;
    const now = performance.now();
    if (now - this.clickedAt < SECOND_CLICK) {
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
        @pointerup=${this.release}
        @pointercancel=${this.release}
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
