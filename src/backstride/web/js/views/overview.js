/**
 * Several treadmills: one glance each, with a Stop each.
 */

import { duration, titleOf } from "../format.js";
import { t } from "../i18n.js";
import { ACTIVE } from "../phases.js";
import { href } from "../router.js";
import { carryOn } from "../store.js";
import { View, html, nothing } from "./base.js";
import { ageText, alarmBox, facingBadge, kmh, messageRow, phasePill } from "./parts.js";
import { stopButton } from "./stopbar.js";

class Overview extends View {
  render() {
    const ids = this.page.treadmills;
    if (ids.length === 0) {
      return html`<section class="empty" data-testid="gym">
        <h2>${t(this.page.connected ? "gym.none" : "gym.waiting")}</h2>
        <p>${t(this.page.connected ? "gym.none_hint" : "gym.waiting_hint")}</p>
      </section>`;
    }
    return html`<section class="gym" data-testid="gym" aria-label=${t("nav.gym")}>
      ${ids.map((id) => this.card(id))}
    </section>`;
  }

  /** @param {string} id */
  card(id) {
    const page = this.page;
    const sight = page.sights[id];
    const state = sight.state;
    const stale = page.stale(id);
    const active = state !== null && ACTIVE.has(state.phase);
    return html`<article
      class="card"
      data-testid="card"
      data-treadmill=${id}
      data-phase=${state?.phase ?? ""}
      data-stale=${stale !== null}
      aria-label=${titleOf(id)}
    >
      <a class="card-open" data-testid="card-open" href=${href({ name: "treadmill", treadmill: id })}>
        <header>
          <h2>${titleOf(id)}</h2>
          <span data-testid="card-phase">${phasePill(state?.phase)}</span>
        </header>
        <p class="card-speed">
          <span class="digits" data-testid="card-speed" data-value=${state?.speed.measured ?? ""}
            >${kmh(state?.speed.measured)}</span
          >
          <span class="unit">km/h</span>
        </p>
        <p class="card-what">
          <span lang="en">${state?.program_name ?? state?.sentence ?? ""}</span>
          ${active ? facingBadge(state?.step?.facing) : nothing}
        </p>
        ${
          active && state?.script
            ? html`<progress
                max=${state.script.elapsed + state.script.remaining}
                value=${state.script.elapsed}
                aria-label=${t("live.progress")}
              ></progress>`
            : state?.program_name && state.alarm === null
              ? html`<p class="card-next" lang="en">${state.sentence}</p>`
              : nothing
        }
        <p class="card-foot">
          <span
            >${active && state?.script ? t("live.left", { time: duration(carryOn(sight, state.script.remaining, page.now)) }) : ""}</span
          >
          <span data-testid="age"
            >${ageText(sight, page.now, stale)}${stale === null ? "" : ` · ${t(`stale.short.${stale}`)}`}</span
          >
        </p>
      </a>
      ${alarmBox(page, sight)}${messageRow(page, id)}${stopButton(page, id, { named: true, small: true })}
    </article>`;
  }
}

customElements.define("bs-overview", Overview);
