/**
 * The plan of whoever walks: its weeks, where they stand, and what comes next.
 */

import { minutes, number } from "../format.js";
import { language, t } from "../i18n.js";
import { nameOf } from "../people.js";
import { View, html, nothing } from "./base.js";
import { kmh, staleRow } from "./parts.js";

/** @typedef {import("../people.js").PlanWeek} PlanWeek */

/** @param {PlanWeek} week @param {import("../people.js").Plan} plan @returns {"done" | "next" | "planned"} */
export function stageOf(week, plan) {
  if (week.week === plan.week) return "next";
  return week.done >= week.sessions ? "done" : "planned";
}

class Training extends View {
  render() {
    const { page, sight } = this;
    const plan = sight?.plan;
    return html`<section class="panel past" data-testid="plan">
      ${staleRow(page, page.view.treadmill)}
      <h2>${t("nav.plan")}${plan?.walker == null ? "" : ` · ${nameOf(sight, plan.walker) ?? plan.walker}`}</h2>
      ${plan?.walker == null ? html`<p data-testid="plan-nobody">${t("plan.nobody")}</p>` : this.weeks(plan)}
    </section>`;
  }

  /** @param {import("../people.js").Plan} plan */
  weeks(plan) {
    return html`<p>
        <b>${t("today.place", { week: plan.week ?? 1, session: plan.session ?? 1 })}</b>${plan.decision === null ? "" : `: ${t(`decision.${plan.decision}`)}`}
      </p>
      ${plan.refusal === null ? nothing : html`<p class="problem" lang="en">${plan.refusal}</p>`}
      <table class="weeks plan-weeks">
        <caption class="unseen">
          ${t("nav.plan")}
        </caption>
        <thead>
          <tr>
            <th scope="col">${t("plan.week")}</th>
            <th scope="col">km/h</th>
            <th scope="col">${t("plan.minutes")}</th>
            <th scope="col">${t("live.incline")}</th>
            <th scope="col">${t("history.sessions")}</th>
          </tr>
        </thead>
        <tbody>
          ${plan.weeks.map((week) => this.week(week, stageOf(week, plan)))}
        </tbody>
      </table>
      <p class="fine">${t("plan.rule")}</p>`;
  }

  /** @param {PlanWeek} week @param {"done" | "next" | "planned"} stage */
  week(week, stage) {
    return html`<tr data-testid="plan-week" data-stage=${stage} aria-current=${stage === "next" ? "step" : "false"}>
      <th scope="row">${week.week} <small>${t(`plan.${stage}`)}</small></th>
      <td>${kmh(week.speed)}</td>
      <td>${minutes(week.minutes * 60, language())}</td>
      <td>${week.incline > 0 ? html`${number(week.incline, language(), 0)} %` : t("facts.flat")}</td>
      <td>
        <span class="dots" aria-hidden="true"
          >${"●".repeat(Math.min(week.done, 9))}${"○".repeat(Math.min(Math.max(week.sessions - week.done, 0), 9))}</span
        ><span class="unseen">${t("plan.of", { done: week.done, sessions: week.sessions })}</span>
      </td>
    </tr>`;
  }
}

customElements.define("bs-plan", Training);
