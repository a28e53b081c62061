/**
 * A chart of a program in the page, with the same told in words for those who do not see it.
 */

import { Chart } from "../chart.js";
import { minutes, number } from "../format.js";
import { language, t } from "../i18n.js";
import { stretches, turns } from "../plan.js";
import { View, html } from "./base.js";

class PlanChart extends View {
  static properties = {
    ...View.properties,
    program: { attribute: false },
    trail: { attribute: false },
    elapsed: { attribute: false },
    bare: { type: Boolean },
    scale: { type: Number },
    theme: {},
    testid: {},
  };

  constructor() {
    super();
    /** @type {import("../store.js").Program | undefined} */
    this.program = undefined;
    /** @type {import("../store.js").Point[]} */
    this.trail = [];
    /** @type {?number} */
    this.elapsed = null;
    this.bare = false;
    this.scale = 1;
    this.theme = "";
    this.testid = "program-chart";
    /** @type {?Chart} */
    this.chart = null;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.chart?.destroy();
    this.chart = null;
  }

  /** What the chart says, in one sentence. */
  get words() {
    const program = this.program;
    if (program === undefined) return t("chart.none");
    const plan = stretches(program.steps);
    return t("chart.words", {
      minutes: minutes(program.duration, language()),
      backward: minutes(program.backward, language()),
      steps: plan.length,
      turns: turns(plan).length,
      speed: number(program.top_speed, language()),
    });
  }

  updated() {
    const element = this.querySelector(".plot");
    if (!(element instanceof HTMLElement)) return;
    this.chart ??= new Chart(element);
    this.chart.show({
      plan: stretches(this.program?.steps),
      trail: this.trail,
      elapsed: this.elapsed,
      cap: null,
      turn: t("live.turn"),
      bare: this.bare,
      scale: this.scale,
    });
  }

  render() {
    return html`<div
      class="plot"
      role="img"
      aria-label=${this.words}
      data-testid=${this.testid}
      data-elapsed=${this.elapsed ?? ""}
    ></div>`;
  }
}

customElements.define("bs-chart", PlanChart);

/** What the colours mean. @param {import("../store.js").Program | undefined} program @param {boolean} belt */
export function legend(program, belt) {
  const steps = program?.steps ?? [];
  const facings = ["forward", "backward"].filter((facing) => steps.some((step) => step.facing === facing));
  return html`<ul class="legend" aria-hidden="true">
    ${facings.map((facing) => html`<li data-key=${facing}>${t(`facing.${facing}`)}</li>`)}
    ${steps.some((step) => step.incline > 0) ? html`<li data-key="incline">${t("live.incline")}</li>` : ""}
    ${facings.length > 1 ? html`<li data-key="turn">${t("live.turn")}</li>` : ""}
    ${belt ? html`<li data-key="belt">${t("chart.belt")}</li>` : ""}
    <li class="legend-unit">${t("chart.unit")}</li>
  </ul>`;
}
