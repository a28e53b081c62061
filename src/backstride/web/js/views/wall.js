/**
 * The screen on the wall behind the treadmill, which a backward walker faces: read from 3 m.
 *
 * Nothing here commands but Stop: who stands on the belt cannot reach it, and who passes should not.
 */

import { cueNow } from "../cues.js";
import { duration, number } from "../format.js";
import { language, t } from "../i18n.js";
import { LIVE } from "../phases.js";
import { carryOn, presentProgram } from "../store.js";
import { View, html, nothing } from "./base.js";
import { nextWords, scriptNow, stepNow } from "./live.js";
import { facingBadge, kmh, ring } from "./parts.js";

/** Seconds until the belt starts, from the newest cue or sentence. @param {import("../store.js").Sight} sight */
export function countdownOf(sight) {
  const state = sight.state;
  if (state?.phase !== "countdown") return null;
  const cue = state.cue?.kind === "countdown" ? state.cue.text : (/\d+/.exec(state.sentence)?.[0] ?? "");
  return /^\d+$/.test(cue) ? Number(cue) : null;
}

class Wall extends View {
  render() {
    const sight = this.sight;
    const state = sight?.state;
    if (sight === undefined || state == null) {
      return html`<section class="wall" data-testid="wall">
        <p class="wall-word">${t("phase.unknown")}</p>
      </section>`;
    }
    const body = LIVE.has(state.phase) ? this.walking(sight) : this.waiting(sight);
    return html`<section class="wall" data-testid="wall" data-phase=${state.phase} data-seq=${state.seq}>
      ${body}
    </section>`;
  }

  /** @param {import("../store.js").Sight} sight */
  waiting(sight) {
    const state = sight.state;
    if (state === null) return nothing;
    const seconds = countdownOf(sight);
    if (state.phase === "countdown" || state.phase === "starting") {
      return html`<p class="wall-count" data-testid="countdown" data-value=${seconds ?? ""}>
          ${seconds ?? t("phase.starting")}
        </p>
        <p class="wall-say">${t("count.rails")}</p>`;
    }
    const program = presentProgram(sight);
    return html`<p class="wall-word" data-phase=${state.phase}>${t(`phase.${state.phase}`)}</p>
      <p class="wall-say" data-testid="sentence">
        ${state.phase === "idle" ? (program?.name ?? t("wall.choose")) : (state.alarm?.sentence ?? state.sentence)}
      </p>
      ${
        program && state.phase !== "faulted"
          ? html`<bs-chart
              class="chart"
              .program=${program}
              .trail=${state.phase === "finished" ? sight.trail : []}
              .theme=${this.page.theme}
              .scale=${2}
            ></bs-chart>`
          : nothing
      }`;
  }

  /** @param {import("../store.js").Sight} sight */
  walking(sight) {
    const state = sight.state;
    if (state === null) return nothing;
    const step = stepNow(sight, this.now);
    const cue = cueNow(sight, this.now);
    const wanted = state.speed.setpoint ?? state.speed.target;
    return html`<div class="wall-main">
        <p class="wall-speed">
          <span class="digits" data-testid="speed" data-value=${state.speed.measured ?? ""}
            >${kmh(state.speed.measured)}</span
          >
          <span class="unit">km/h</span>
        </p>
        <div class="wall-side">
          ${step === null ? nothing : ring(step.left, step.whole, t("live.step_left"))}
          <p class="wall-next" data-testid="next">
            <span class="next-label">${t("live.next")}</span>${nextWords(sight)}
          </p>
        </div>
      </div>
      <p class="wall-facts">
        ${facingBadge(state.step?.facing)}
        <span
          >${t("live.setpoint")} <b data-testid="setpoint" data-value=${wanted ?? ""}>${kmh(wanted)}</b></span
        >
        ${(state.incline.measured ?? 0) > 0 ? html`<span>${t("live.incline")} <b>${number(state.incline.measured, language(), 1)} %</b></span>` : nothing}
        ${state.script ? html`<span>${t("total.remaining")} <b data-testid="remaining">${duration(carryOn(sight, state.script.remaining, this.now))}</b></span>` : nothing}
        ${state.heart_rate === null ? nothing : html`<span>♥ <b>${state.heart_rate}</b></span>`}
      </p>
      <p class="cue wall-cue" data-testid="cue" data-kind=${cue.kind} data-fresh=${cue.fresh} lang=${cue.language}>
        <span>${cue.text}</span>
      </p>
      <bs-chart
        class="chart"
        testid="script-chart"
        .program=${presentProgram(sight)}
        .trail=${sight.trail}
        .elapsed=${scriptNow(sight, this.now)}
        .theme=${this.page.theme}
        .scale=${2}
      ></bs-chart>`;
  }
}

customElements.define("bs-wall", Wall);
