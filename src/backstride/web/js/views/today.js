/**
 * Who walks, and what their plan has for today. Shown is what the daemon says, never what was asked for.
 */

import { live } from "../../vendor/lit/directives/live.js";
import { isOffered } from "../commands.js";
import { day } from "../format.js";
import { language, t } from "../i18n.js";
import { nameOf, todayOf } from "../people.js";
import { href } from "../router.js";
import { View, html, nothing } from "./base.js";

/** What a choice of nobody has for its value; no walker has it for an id. */
const NOBODY = "";

class Today extends View {
  /** @param {?string} walker */
  async choose(walker) {
    if (this.sight === undefined) return;
    this.page.prefer({ walker });
    await this.page.ask(this.sight.id, "walker", { walker });
    // Where it was refused, the list shows again who is chosen.
    this.requestUpdate();
  }

  get usable() {
    return (
      this.sight !== undefined && this.page.stale(this.sight.id) === null && isOffered(this.sight, "walker")
    );
  }

  render() {
    const sight = this.sight;
    const people = sight?.people?.walkers ?? [];
    const walked = (sight?.history?.sessions.length ?? 0) > 0;
    if (sight === undefined || (people.length === 0 && !walked)) return nothing;
    return html`<section class="today" data-testid="today" aria-label=${t("today.title")}>
      ${people.length === 0 ? nothing : this.chooser(people)}
      <nav class="today-links" aria-label=${t("nav.training")}>
        ${sight.plan?.walker == null ? nothing : html`<a data-testid="nav-plan" href=${href({ name: "plan", treadmill: sight.id })}>${t("nav.plan")}</a>`}
        ${walked ? html`<a data-testid="nav-history" href=${href({ name: "history", treadmill: sight.id })}>${t("nav.history")}</a>` : nothing}
      </nav>
      ${this.plan(sight)}
    </section>`;
  }

  /** @param {{id: string, name: string}[]} people */
  chooser(people) {
    const selected = this.sight?.people?.selected ?? NOBODY;
    const mine = this.page.prefs.walker;
    const name = nameOf(this.sight, mine);
    return html`<label class="field who"
        >${t("who.label")}<select
          data-testid="who"
          .value=${live(selected)}
          ?disabled=${!this.usable}
          @change=${(/** @type {any} */ event) => this.choose(event.target.value || null)}
        >
          <option value=${NOBODY} ?selected=${selected === NOBODY}>${t("who.nobody")}</option>
          ${people.map(
            (one) => html`<option value=${one.id} ?selected=${one.id === selected}>${one.name}</option>`,
          )}
        </select></label
      >
      ${
        // It is asked for by a person, never by a page that was merely opened.
        name === null || mine === selected
          ? nothing
          : html`<button data-testid="who-me" ?disabled=${!this.usable} @click=${() => this.choose(mine)}>
              ${t("who.me", { name })}
            </button>`
      }`;
  }

  /** @param {import("../store.js").Sight} sight */
  plan(sight) {
    const plan = sight.plan;
    if (plan == null || plan.walker === null || plan.week === null) return nothing;
    const due = todayOf(sight) !== null;
    return html`<div class="today-plan" data-testid="today-plan" data-program=${plan.program} data-due=${due}>
      <h2>${t(due ? "today.title" : "today.next")}</h2>
      <p class="today-name" data-testid="today-name">
        ${t("today.place", { week: plan.week, session: plan.session ?? 1 })}${due || plan.due === null ? "" : ` · ${day(plan.due, language())}`}
      </p>
      ${plan.decision === null ? nothing : html`<p data-testid="today-why">${t(`decision.${plan.decision}`)}</p>`}
      ${plan.refusal === null ? nothing : html`<p class="fine" data-testid="today-refusal" lang="en">${plan.refusal}</p>`}
    </div>`;
  }
}

customElements.define("bs-today", Today);
