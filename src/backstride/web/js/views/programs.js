/**
 * Choose a program: its plot, what it will do, and the first of the two steps to a start.
 */

import { duration, minutes, number } from "../format.js";
import { language, t } from "../i18n.js";
import { stretches, turns } from "../plan.js";
import { isOffered } from "../commands.js";
import { todayOf } from "../people.js";
import { View, html, nothing } from "./base.js";
import { legend } from "./chart.js";
import { kmh } from "./parts.js";

/** @typedef {import("../store.js").Program} Program */

/** The gentlest first. */
const LEVELS = ["beginner", "cautious", "regular", "advanced", "locked"];

class Programs extends View {
  static properties = {
    ...View.properties,
    shown: { state: true },
    listed: { state: true },
    pin: { state: true },
  };

  constructor() {
    super();
    /** @type {?string} what the person looks at; today's session or the daemon's selection until they choose */
    this.shown = null;
    this.listed = false;
    this.pin = "";
    /** @type {?string | undefined} */
    this.selected = undefined;
    /** @type {?string} */
    this.today = null;
  }

  willUpdate() {
    const selected = this.sight?.programs?.selected;
    // Somebody selected another one elsewhere: follow, so that all dashboards show the same.
    if (selected !== this.selected) {
      this.shown = this.selected === undefined ? null : (selected ?? null);
      this.selected = selected;
    }
    const today = todayOf(this.sight);
    if (today !== this.today) {
      this.today = today;
      this.shown = null;
    }
  }

  /** @returns {Program[]} */
  get programs() {
    const offered = this.sight?.programs?.programs ?? [];
    const planned = this.sight?.plan?.program;
    const rank = (/** @type {Program} */ one) => (one.id === planned ? -1 : LEVELS.indexOf(one.level));
    return offered.toSorted((one, other) => rank(one) - rank(other));
  }

  /** @returns {Program | undefined} */
  get program() {
    const id = this.shown ?? this.today ?? this.selected;
    return (
      this.programs.find((one) => one.id === id) ??
      this.programs.find((one) => one.refusal == null) ??
      this.programs[0]
    );
  }

  /** @param {Program} program */
  choose(program) {
    this.shown = program.id;
    this.listed = false;
    if (this.sight && program.refusal == null && this.ready)
      this.page.ask(this.sight.id, "select", { program: program.id });
  }

  get ready() {
    return this.sight !== undefined && this.page.stale(this.sight.id) === null;
  }

  /** Arm: the first step to a start; moves nothing. */
  async arm() {
    const program = this.program;
    if (this.sight === undefined || program === undefined) return;
    const walker = this.sight.people?.selected;
    const more = {
      program: program.id,
      ...(this.wantsPin ? { pin: this.pin } : {}),
      // For whom the person saw it; another may be chosen while this is on its way.
      ...(walker == null ? {} : { walker }),
    };
    this.pin = "";
    await this.page.ask(this.sight.id, "start", more);
  }

  get wantsPin() {
    return this.sight?.info?.capabilities?.includes("pin") ?? false;
  }

  get canArm() {
    const fits = this.program !== undefined && this.program.refusal == null;
    return this.ready && fits && isOffered(this.sight, "start") && (!this.wantsPin || this.pin !== "");
  }

  render() {
    const program = this.program;
    if (program === undefined) {
      return html`<section class="empty">
        <h2>${t("programs.none")}</h2>
        <p>${t("programs.none_hint")}</p>
      </section>`;
    }
    return html`<div class="choose" data-listed=${this.listed}>
      <nav class="program-list" aria-label=${t("programs.title")}>
        <h2>${t("programs.title")}</h2>
        ${this.programs.map((one) => this.row(one, one === program))}
      </nav>
      ${this.detail(program)}
    </div>`;
  }

  /** @param {Program} program @param {boolean} chosen */
  row(program, chosen) {
    return html`<button
      class="program"
      data-testid="program"
      data-program=${program.id}
      data-selected=${chosen}
      aria-pressed=${chosen}
      data-refused=${program.refusal != null}
      @click=${() => this.choose(program)}
    >
      <span class="program-title">${program.name}</span>
      <span class="program-sum"
        >${t("programs.sum", { time: minutes(program.duration, language()), speed: kmh(program.top_speed) })}</span
      >
    </button>`;
  }

  /** @param {Program} program */
  detail(program) {
    return html`<article class="program-detail">
      <div class="program-head">
        <div>
          <h2 data-testid="program-name" lang="en">${program.name}</h2>
          <p class="goal" lang="en">${program.goal}</p>
        </div>
        <button class="quiet more" @click=${() => (this.listed = !this.listed)} aria-expanded=${this.listed}>
          ${t("programs.other")}
        </button>
      </div>
      ${program.refusal == null ? nothing : html`<p class="problem" data-testid="program-refusal" lang="en">${program.refusal}</p>`}
      <bs-chart class="chart" .program=${program} .theme=${this.page.theme}></bs-chart>
      ${legend(program, false)} ${this.facts(program)} ${this.steps(program)}
      <div class="arm-row">
        ${
          this.wantsPin
            ? html`<label class="pin"
                >${t("programs.pin")}<input
                  type="password"
                  inputmode="numeric"
                  autocomplete="off"
                  data-testid="pin"
                  .value=${this.pin}
                  @input=${(/** @type {any} */ event) => (this.pin = event.target.value)}
              /></label>`
            : nothing
        }
        <button class="primary arm" data-testid="arm" ?disabled=${!this.canArm} @click=${this.arm}>
          ${t("ask.start")}<small>${t("programs.arm_hint")}</small>
        </button>
      </div>
    </article>`;
  }

  /** What it will do. @param {Program} program */
  facts(program) {
    const plan = stretches(program.steps);
    const limit = this.sight?.info?.limits?.speed;
    const steep = program.top_incline ?? 0;
    return html`<dl class="facts" data-testid="program-facts">
        <div>
          <dt>${t("facts.time")}</dt>
          <dd>${minutes(program.duration, language())}<small> min</small></dd>
        </div>
        <div>
          <dt>${t("facts.backward")}</dt>
          <dd>${minutes(program.backward, language())}<small> min</small></dd>
        </div>
        <div>
          <dt>${t("facts.top")}</dt>
          <dd>${kmh(program.top_speed)}<small> km/h</small></dd>
        </div>
        <div>
          <dt>${t("live.incline")}</dt>
          <dd>${steep > 0 ? html`${number(steep, language(), 0)}<small> %</small>` : t("facts.flat")}</dd>
        </div>
        <div>
          <dt>${t("facts.turns")}</dt>
          <dd>${turns(plan).length}</dd>
        </div>
        <div>
          <dt>${t("facts.level")}</dt>
          <dd class="word">${t(`level.${program.level}`)}</dd>
        </div>
      </dl>
      ${
        limit
          ? html`<p class="fine" data-testid="program-limits">
              ${t("facts.limit", { speed: kmh(limit.value) })}
              <span lang="en">(${limit.layer}: ${limit.reason})</span>
            </p>`
          : nothing
      }`;
  }

  /** The script in words, step by step. @param {Program} program */
  steps(program) {
    const plan = stretches(program.steps);
    if (plan.length === 0) return nothing;
    return html`<details class="steps">
      <summary>${t("programs.steps", { count: plan.length })}</summary>
      <ol>
        ${plan.map(
          (step) =>
            html`<li data-facing=${step.facing}>
              <span>${t(`effort.${step.effort}`)} · ${t(`facing.${step.facing}`)}</span>
              <span>${duration(step.end - step.start)}</span>
              <span
                >${step.from === step.to ? kmh(step.to) : `${kmh(step.from)} → ${kmh(step.to)}`}
                km/h${step.incline > 0 ? ` · ${number(step.incline, language(), 1)} %` : ""}</span
              >
            </li>`,
        )}
      </ol>
    </details>`;
  }
}

customElements.define("bs-programs", Programs);
