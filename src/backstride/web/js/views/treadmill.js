/**
 * One treadmill: what is shown follows the phase.
 */

import { duration, range } from "../format.js";
import { language, t } from "../i18n.js";
import { ACTIVE, LIVE } from "../phases.js";
import { View, html, nothing } from "./base.js";
import { alarmBox, kmh, messageRow, staleRow } from "./parts.js";
import { countdownOf } from "./wall.js";

class Treadmill extends View {
  render() {
    const page = this.page;
    const id = page.view.treadmill;
    const state = this.sight?.state;
    const stale = page.stale(id);
    return html`<section
      class="treadmill"
      data-testid="treadmill"
      data-treadmill=${id ?? ""}
      data-phase=${state?.phase ?? ""}
      data-stage=${state?.stage ?? ""}
      data-seq=${state?.seq ?? ""}
      data-stale=${stale !== null}
    >
      ${staleRow(page, id)}${alarmBox(page, this.sight)}
      <div class="stage">${this.stage()}</div>
      ${messageRow(page, id)}
    </section>`;
  }

  stage() {
    const sight = this.sight;
    const state = sight?.state;
    if (sight === undefined || state == null) {
      return html`<div class="empty">
        <h2>${t("phase.unknown")}</h2>
        <p>${t(this.page.connected ? "gym.none_hint" : "gym.waiting_hint")}</p>
      </div>`;
    }
    if (state.phase === "armed")
      return html`<bs-armed .page=${this.page} .sight=${sight} .now=${this.now}></bs-armed>`;
    if (state.phase === "countdown" || state.phase === "starting") return this.countdown(sight);
    if (LIVE.has(state.phase)) {
      return html`<bs-live .page=${this.page} .sight=${sight} .now=${this.now}></bs-live>`;
    }
    if (state.phase === "faulted") return this.fault(state);
    // A fault is said by its alarm, an end by its summary; what is left is a lost treadmill.
    return html`${this.summary()}
      <bs-feedback .page=${this.page} .sight=${sight} .now=${this.now}></bs-feedback>
      <bs-today .page=${this.page} .sight=${sight} .now=${this.now}></bs-today>
      ${state.phase === "offline" ? html`<p class="sentence" data-testid="sentence" lang="en">${state.sentence}</p>` : nothing}
      <bs-programs .page=${this.page} .sight=${sight} .now=${this.now}></bs-programs>`;
  }

  /** Nothing else until a person has looked. @param {import("../store.js").State} state */
  fault(state) {
    return html`<div class="count">
      <p class="fault-word">${t("phase.faulted")}</p>
      <p class="count-say">${t("fault.look")}</p>
      <p class="count-hint" data-testid="sentence" lang="en">${state.sentence}</p>
    </div>`;
  }

  /** @param {import("../store.js").Sight} sight */
  countdown(sight) {
    const seconds = countdownOf(sight);
    return html`<div class="count">
      <p class="count-digits" data-testid="countdown" data-value=${seconds ?? ""}>${seconds ?? "…"}</p>
      <p class="count-say" data-testid="sentence" lang="en">${sight.state?.sentence}</p>
      <p class="count-hint">${t("count.rails")}</p>
    </div>`;
  }

  /** The last session, until the next one begins. */
  summary() {
    const sight = this.sight;
    const done = sight?.summary;
    if (done == null || done.ended === null || sight?.state == null || ACTIVE.has(sight.state.phase))
      return nothing;
    if (sight.state.phase !== "finished") return nothing;
    return html`<div class="summary" data-testid="summary">
      <p>
        <b>${t("summary.title")}</b>
        <span lang="en">${done.program_name}${done.outcome ? `: ${done.outcome}` : ""}</span>
      </p>
      <dl class="totals">
        <div>
          <dt>${t("total.elapsed")}</dt>
          <dd>${duration(done.walked)}</dd>
        </div>
        <div>
          <dt>${t("facts.backward")}</dt>
          <dd>${duration(done.backward)}</dd>
        </div>
        <div>
          <dt>${t("total.distance")}</dt>
          <dd>${done.distance ?? "–"}<small> m</small></dd>
        </div>
        <div>
          <dt>${t("facts.top")}</dt>
          <dd>${kmh(done.top_speed)}<small> km/h</small></dd>
        </div>
        ${
          done.cost === null
            ? nothing
            : html`<div>
                <dt>${t("total.cost")}</dt>
                <dd>${range(done.cost, language())}<small> kcal</small></dd>
              </div>`
        }
      </dl>
    </div>`;
  }
}

customElements.define("bs-treadmill", Treadmill);
