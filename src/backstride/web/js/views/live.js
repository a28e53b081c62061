/**
 * The session while it is walked: on a phone everything stands in one view, without a scroll.
 */

import { isOffered, speedRange, stepSpeed } from "../commands.js";
import { cueNow } from "../cues.js";
import { duration, number, range } from "../format.js";
import { language, t } from "../i18n.js";
import { carryOn, isAsked, presentProgram } from "../store.js";
import { View, html, nothing } from "./base.js";
import { facingBadge, icon, kmh, ring } from "./parts.js";

/** @typedef {import("../store.js").Sight} Sight */

/** The program's own clock now, s. @param {Sight} sight @param {number} now @returns {?number} */
export function scriptNow(sight, now) {
  const script = sight.state?.script;
  if (script == null) return null;
  return script.elapsed + script.remaining - carryOn(sight, script.remaining, now);
}

/** Seconds of the present step: what is left, and how long it is. @param {Sight} sight @param {number} now */
export function stepNow(sight, now) {
  const step = sight.state?.step;
  if (step == null) return null;
  const left = carryOn(sight, step.remaining, now);
  const planned = presentProgram(sight)?.steps?.[step.index - 1]?.seconds;
  return { left, whole: Math.max(planned ?? 0, step.remaining) };
}

/** What comes after this step, in words. @param {Sight} sight */
export function nextWords(sight) {
  const state = sight.state;
  if (state?.next == null) return state?.step == null ? nothing : html`<b>${t("live.last")}</b>`;
  const turns = state.step != null && state.next.facing != null && state.next.facing !== state.step.facing;
  return html`<b
      >${turns ? t(`live.turn_${state.next.facing}`) : html`${kmh(state.next.speed)} <small>km/h</small>`}</b
    >
    ${state.next.cue ? html`<span lang="en">${state.next.cue}</span>` : turns ? html`<span>${kmh(state.next.speed)} km/h</span>` : nothing}`;
}

class Live extends View {
  static properties = { ...View.properties, wished: { state: true }, thanked: { state: true } };

  constructor() {
    super();
    /** @type {?number} km/h while the speed is being chosen */
    this.wished = null;
    /** the check-in that was answered from here */
    this.thanked = -1;
  }

  /** @param {string} ask @param {object} [more] */
  ask(ask, more) {
    return this.sight ? this.page.ask(this.sight.id, ask, more) : Promise.resolve(false);
  }

  render() {
    const sight = this.sight;
    const state = sight?.state;
    if (sight === undefined || state == null) return nothing;
    const elapsed = scriptNow(sight, this.now);
    const ending = state.phase === "stopping" || state.phase === "slowing" || state.phase === "handed_over";
    return html`<div class="live">
      ${this.strip(state)} ${this.hero(state)} ${ending ? nothing : this.next(sight)} ${this.cue(sight)}
      <bs-chart
        class="chart"
        testid="script-chart"
        .program=${presentProgram(sight)}
        .trail=${sight.trail}
        .elapsed=${elapsed}
        .theme=${this.page.theme}
      ></bs-chart>
      ${this.totals(sight)}
      ${ending ? nothing : html`<div class="actions">${this.wished === null ? this.actions(sight) : this.speedChoice(sight)}</div>`}
    </div>`;
  }

  /** @param {import("../store.js").State} state */
  strip(state) {
    // What is going on in words, where the numbers do not say it.
    const plain = state.phase === "running" || state.phase === "turning";
    return html`<p class="strip">
      <span
        class="strip-name"
        lang="en"
        data-testid=${plain ? "program-name" : "sentence"}
        data-phase=${state.phase}
        >${plain ? (state.program_name ?? "") : state.sentence}</span
      >
      ${
        state.step
          ? html`<span data-testid="step"
              >${t("live.step", { index: state.step.index, count: state.step.count })} ·
              ${t(`effort.${state.step.effort}`)}</span
            >`
          : nothing
      }
    </p>`;
  }

  /** @param {import("../store.js").State} state */
  hero(state) {
    const { measured, setpoint, target, cap } = state.speed;
    const wanted = setpoint ?? target;
    return html`<div class="hero">
      <p class="speed">
        <span class="digits" data-testid="speed" data-value=${measured ?? ""}>${kmh(measured)}</span>
        <span class="unit">km/h</span>
      </p>
      <div class="hero-side">
        ${facingBadge(state.step?.facing)}
        <dl class="wanted">
          <div class="wanted-first">
            <dt>${t("live.setpoint")}</dt>
            <dd data-testid="setpoint" data-value=${wanted ?? ""}>${kmh(wanted)}</dd>
          </div>
          <div>
            <dt>${t("live.cap")}</dt>
            <dd data-testid="cap" data-value=${cap ?? ""}>${kmh(cap)}</dd>
          </div>
          <div>
            <dt>${t("live.incline")}</dt>
            <dd data-testid="incline" data-value=${state.incline.measured ?? ""}>
              ${number(state.incline.measured, language(), 1)}<small> %</small>
            </dd>
          </div>
        </dl>
      </div>
    </div>`;
  }

  /** @param {Sight} sight */
  next(sight) {
    const step = stepNow(sight, this.now);
    return html`<div class="next">
      ${step === null ? nothing : ring(step.left, step.whole, t("live.step_left"))}
      <p data-testid="next"><span class="next-label">${t("live.next")}</span>${nextWords(sight)}</p>
    </div>`;
  }

  /** @param {Sight} sight */
  cue(sight) {
    const number = sight.state?.cue?.number ?? -1;
    if (isAsked(sight) && this.thanked !== number) {
      return html`<button
        class="present"
        data-testid="present"
        @click=${async () => {
          if (await this.ask("present")) this.thanked = number;
        }}
      >
        ${t("ask.present")}<small>${t("live.check_in")}</small>
      </button>`;
    }
    const cue = cueNow(sight, this.now);
    return html`<p class="cue" data-testid="cue" data-kind=${cue.kind} data-fresh=${cue.fresh} lang="en">
      <span>${cue.text}</span>
    </p>`;
  }

  /** @param {Sight} sight */
  totals(sight) {
    const state = sight.state;
    if (state === null) return nothing;
    const script = state.script;
    const most = state.heart?.ceiling;
    /** @type {[string, any, boolean][]} */
    const rows = [
      ["elapsed", duration(state.elapsed), true],
      ["remaining", script ? duration(carryOn(sight, script.remaining, this.now)) : duration(null), true],
      ["distance", html`${state.distance ?? "–"}<small> m</small>`, true],
      ["cost", html`${state.cost && range(state.cost, language())}<small> kcal</small>`, state.cost !== null],
      ["energy", html`${number(state.energy, language(), 0)}<small> kcal</small>`, state.energy !== null && state.cost === null],
      [
        "heart-rate",
        html`<span data-over=${state.heart?.over ?? false}>${state.heart_rate}</span><small> /min</small>`,
        state.heart_rate !== null,
      ],
    ];
    return html`<dl class="totals">
      ${rows
        .filter((row) => row[2])
        .map(
          ([name, value]) =>
            html`<div>
              <dt>${name === "heart-rate" && most != null ? t("heart.most", { most }) : t(`total.${name}`)}</dt>
              <dd data-testid=${name}>${value}</dd>
            </div>`,
        )}
    </dl>`;
  }

  /** @param {string} ask @param {Parameters<typeof icon>[0]} sign @param {string} [look] */
  button(ask, sign, look = "") {
    const usable =
      this.sight !== undefined && this.page.stale(this.sight.id) === null && isOffered(this.sight, ask);
    return html`<button class=${look} data-testid=${ask} ?disabled=${!usable} @click=${() => this.ask(ask)}>
      ${icon(sign)}<span>${t(`ask.${ask}`)}</span>
    </button>`;
  }

  /** @param {Sight} sight */
  actions(sight) {
    const fresh = this.page.stale(sight.id) === null;
    const waits = isOffered(sight, "confirm") ? "confirm" : isOffered(sight, "continue") ? "continue" : null;
    if (waits !== null) {
      const facing = sight.state?.step?.facing ?? "backward";
      return html`<bs-hold
          testid=${waits}
          label=${t(waits === "confirm" ? `live.turned_${facing}` : "ask.continue")}
          subject=${`${sight.state?.boot}/${sight.state?.phase}`}
          ?disabled=${!fresh}
          @held=${() => this.ask(waits)}
        ></bs-hold>
        <div class="row">${this.button("finish", "finish")}</div>`;
    }
    const speeds = speedRange(sight);
    const speed = sight.state?.speed.setpoint ?? sight.state?.speed.target;
    return html`<div class="row">
        ${this.button("slower", "down", "big")}
        <button
          class="set-speed"
          data-testid="speed-open"
          ?disabled=${!fresh || speeds === null || speed == null || !isOffered(sight, "speed")}
          @click=${() => (this.wished = speed ?? null)}
        >
          <b>${kmh(speed)}</b><small>${t("ask.speed")}</small>
        </button>
        ${this.button("faster", "up", "big")}
      </div>
      <div class="row">
        ${this.button("pause", "pause")}${this.button("skip", "skip")}${this.button("finish", "finish")}
      </div>`;
  }

  /** A speed of one's own for this step: chosen first, sent once. @param {Sight} sight */
  speedChoice(sight) {
    const speeds = speedRange(sight);
    const wished = this.wished;
    if (speeds === null || wished === null || !isOffered(sight, "speed")) {
      this.wished = null;
      return nothing;
    }
    const move = (/** @type {number} */ direction) => (this.wished = stepSpeed(speeds, wished, direction));
    return html`<div class="row" role="group" aria-label=${t("ask.speed")}>
        <button
          class="big"
          data-testid="speed-less"
          aria-label=${t("ask.slower")}
          ?disabled=${wished <= speeds.low}
          @click=${() => move(-1)}
        >
          ${icon("down")}
        </button>
        <output class="wished" data-testid="speed-value" data-value=${wished} aria-live="polite"
          >${kmh(wished)} <small>km/h</small></output
        >
        <button
          class="big"
          data-testid="speed-more"
          aria-label=${t("ask.faster")}
          ?disabled=${wished >= speeds.high}
          @click=${() => move(1)}
        >
          ${icon("up")}
        </button>
      </div>
      <div class="row">
        <button class="quiet" data-testid="speed-cancel" @click=${() => (this.wished = null)}>
          ${t("cancel")}
        </button>
        <button
          class="primary"
          data-testid="speed-set"
          ?disabled=${this.page.stale(sight.id) !== null}
          @click=${() => {
            this.wished = null;
            this.ask("speed", { speed: wished });
          }}
        >
          ${t("live.set", { speed: kmh(wished) })}
        </button>
      </div>`;
  }
}

customElements.define("bs-live", Live);
