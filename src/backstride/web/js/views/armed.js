/**
 * The second step to a start: what a person must have seen to before the belt may move.
 */

import { minutes, number } from "../format.js";
import { language, t } from "../i18n.js";
import { stretches } from "../plan.js";
import { presentProgram, stateAge } from "../store.js";
import { View, html, nothing } from "./base.js";
import { legend } from "./chart.js";
import { icon, kmh } from "./parts.js";

const CHECKS = /** @type {const} */ (["clip", "rails", "facing", "clear"]);
/** ms: the daemon's window for a confirm. */
const WINDOW = 45_000;

class Armed extends View {
  static properties = { ...View.properties, ticked: { state: true } };

  constructor() {
    super();
    /** @type {Set<string>} */
    this.ticked = new Set();
    this.armed = "";
    this.since = 0;
  }

  willUpdate() {
    const state = this.sight?.state;
    const armed = `${state?.boot}/${state?.program}`;
    // What was ticked was ticked for another program, or for another life of the daemon.
    if (armed !== this.armed) {
      this.armed = armed;
      this.ticked = new Set();
      this.since = this.page.now - (this.sight ? (stateAge(this.sight, this.page.now) ?? 0) : 0);
    }
  }

  /** @param {string} check */
  tick(check) {
    const ticked = new Set(this.ticked);
    if (!ticked.delete(check)) ticked.add(check);
    this.ticked = ticked;
  }

  render() {
    const sight = this.sight;
    if (!sight?.state) return nothing;
    const program = presentProgram(sight);
    const facing = stretches(program?.steps)[0]?.facing ?? sight.state.step?.facing ?? "backward";
    const complete = this.ticked.size === CHECKS.length;
    const ready = complete && this.page.stale(sight.id) === null;
    const left = Math.max(Math.ceil((WINDOW - (this.page.now - this.since)) / 1_000), 0);
    return html`<div class="armed">
      <fieldset class="checks">
        <legend>${t("armed.title")} <span class="left">${t("armed.left", { left })}</span></legend>
        ${
          program
            ? html`<p class="armed-sum">
                <b lang="en">${program.name}</b>
                ${t("programs.sum", { time: minutes(program.duration, language()), speed: kmh(program.top_speed) })}
                ·
                ${(program.top_incline ?? 0) > 0 ? t("armed.steep", { incline: number(program.top_incline, language(), 0) }) : t("facts.flat")}
              </p>`
            : nothing
        }
        ${CHECKS.map(
          (check, i) =>
            html`<label class="check">
              <input
                type="checkbox"
                data-testid=${`check-${check}`}
                .checked=${this.ticked.has(check)}
                @change=${() => this.tick(check)}
              />
              <span class="check-box" aria-hidden="true">${icon("check")}</span>
              <span
                ><b>${t(check === "facing" ? `armed.facing_${facing}` : `armed.${check}`)}</b>
                <small>${t(`armed.${check}_hint`)}</small></span
              ></label
            >`,
        )}
        <bs-hold
          testid="confirm"
          label=${t(complete ? "armed.confirm" : "armed.tick")}
          subject=${this.armed}
          ?disabled=${!ready}
          @held=${() => this.page.ask(sight.id, "confirm")}
        ></bs-hold>
      </fieldset>
      <div class="armed-plan">
        <h2 lang="en">${sight.state.program_name}</h2>
        <p class="statement" data-testid="statement" lang="en">
          ${sight.state.cue?.kind === "armed" ? sight.state.cue.text : sight.state.sentence}
        </p>
        <bs-chart class="chart" .program=${program} .theme=${this.page.theme}></bs-chart
        >${legend(program, false)}
      </div>
    </div>`;
  }
}

customElements.define("bs-armed", Armed);
