/**
 * What was walked on this treadmill: the last sessions, drawn and listed, and the weeks.
 */

import { day, duration, minutes, number } from "../format.js";
import { language, t } from "../i18n.js";
import { effortWord, nameOf } from "../people.js";
import { View, html, nothing, svg } from "./base.js";
import { kmh, staleRow } from "./parts.js";

/** @typedef {import("../people.js").Walk} Walk */

/** Of the drawing, in its own units. */
const HEIGHT = 100;
const PITCH = 40;
const BAR = 26;
/** Above the bars, for their minutes. */
const HEAD = 16;

class History extends View {
  render() {
    const { page, sight } = this;
    const history = sight?.history;
    const sessions = history?.sessions ?? [];
    return html`<section class="panel past" data-testid="history">
      ${staleRow(page, page.view.treadmill)}
      <h2>${t("nav.history")}</h2>
      ${
        sessions.length === 0
          ? html`<p data-testid="history-none">${t("history.none")}</p>`
          : html`${this.chart(sessions)}
              <ol class="walks">
                ${sessions.map((one) => this.walk(one))}
              </ol>
              ${this.weeks(history?.weeks ?? [])}`
      }
    </section>`;
  }

  /** The oldest on the left. @param {Walk[]} sessions */
  chart(sessions) {
    const bars = sessions.toReversed();
    const longest = Math.max(60, ...bars.map((one) => one.walked));
    const tall = (/** @type {number} */ seconds) => (HEIGHT * Math.max(seconds, 0)) / longest;
    const words = t("history.chart", {
      count: bars.length,
      minutes: bars.map((one) => minutes(one.backward, language())).join(", "),
    });
    return html`<svg
        class="bars"
        role="img"
        aria-label=${words}
        data-testid="history-chart"
        viewBox=${`0 0 ${PITCH * Math.max(bars.length, 6)} ${HEIGHT + HEAD}`}
      >
        ${bars.map(
          (one, i) =>
            svg`<g transform=${`translate(${i * PITCH + (PITCH - BAR) / 2} ${HEIGHT + HEAD})`}>
              <rect class="bar-all" width=${BAR} y=${-tall(one.walked)} height=${tall(one.walked)} rx="3"></rect>
              <rect class="bar-back" width=${BAR} y=${-tall(one.backward)} height=${tall(one.backward)} rx="3"></rect>
              <text x=${BAR / 2} y=${-tall(one.walked) - 4} text-anchor="middle">${number(one.walked / 60, language(), 0)}</text>
            </g>`,
        )}
      </svg>
      <ul class="legend" aria-hidden="true">
        <li data-key="forward">${t("history.walked")}</li>
        <li data-key="backward">${t("facts.backward")}</li>
        <li class="legend-unit">min</li>
      </ul>`;
  }

  /** @param {Walk} walk */
  walk(walk) {
    const name = nameOf(this.sight, walk.walker);
    const alarms = walk.alarms ?? 0;
    return html`<li data-testid="walk" data-id=${walk.id} data-completed=${walk.completed}>
      <p class="walk-head">
        <b lang="en">${walk.program_name}</b><span>${day(walk.started, language())}${name === null ? "" : ` · ${name}`}</span>
      </p>
      <p class="walk-facts">
        ${duration(walk.walked)} · ${t("history.backward", { time: duration(walk.backward) })} ·
        ${kmh(walk.top_speed)} km/h${walk.distance === null ? "" : ` · ${walk.distance} m`}${walk.energy === null ? "" : ` · ≈\u00a0${number(walk.energy, language(), 0)}\u00a0kcal`}
      </p>
      <p class="walk-end" data-clean=${walk.completed && alarms === 0}>
        ${walk.completed ? t("history.completed") : html`${t("history.early")}${walk.outcome === null ? nothing : html`: <span lang="en">${walk.outcome}</span>`}`}${alarms > 0 ? ` · ${t("history.alarms", { count: alarms })}` : ""}${walk.effort === null ? "" : ` · ${t("history.effort", { effort: walk.effort, word: t(effortWord(walk.effort)) })}`}
      </p>
    </li>`;
  }

  /** @param {import("../people.js").Week[]} weeks */
  weeks(weeks) {
    if (weeks.length === 0) return nothing;
    return html`<table class="weeks" data-testid="weeks">
      <caption>
        ${t("history.weeks")}
      </caption>
      <thead>
        <tr>
          <th scope="col">${t("history.from")}</th>
          <th scope="col">${t("history.sessions")}</th>
          <th scope="col">${t("history.walked")}</th>
          <th scope="col">${t("facts.backward")}</th>
        </tr>
      </thead>
      <tbody>
        ${weeks.map(
          (week) =>
            html`<tr>
              <th scope="row">${day(week.monday, language())}</th>
              <td>${week.sessions}</td>
              <td>${duration(week.walked)}</td>
              <td>${duration(week.backward)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
  }
}

customElements.define("bs-history", History);
