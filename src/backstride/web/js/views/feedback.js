/**
 * How hard was it, and did anything hurt? Asked of whoever walked last, once, and nobody has to answer.
 */

import { isOffered } from "../commands.js";
import { day } from "../format.js";
import { language, t } from "../i18n.js";
import { EFFORTS, PAINS, effortWord, nameOf, painWord, questionOf } from "../people.js";
import { View, html, nothing } from "./base.js";

class Feedback extends View {
  static properties = {
    ...View.properties,
    effort: { state: true },
    pain: { state: true },
    sent: { state: true },
  };

  constructor() {
    super();
    /** @type {?number} Borg's scale */
    this.effort = null;
    /** @type {?number} */
    this.pain = null;
    /** @type {?string} the session that was answered for from here */
    this.sent = null;
    /** @type {?string} */
    this.asked = null;
  }

  willUpdate() {
    const id = questionOf(this.sight)?.id ?? null;
    if (id === this.asked) return;
    // Another session: what was chosen for the one before does not count.
    this.asked = id;
    this.effort = null;
    this.pain = null;
  }

  async send() {
    const { effort, pain, asked } = this;
    if (this.sight === undefined || effort === null) return;
    const more = pain === null ? { effort } : { effort, pain };
    if (await this.page.ask(this.sight.id, "feedback", more)) this.sent = asked;
  }

  render() {
    const walk = questionOf(this.sight);
    if (walk === null || walk.id === this.sent || walk.id === this.page.prefs.skipped) return nothing;
    const name = nameOf(this.sight, walk.walker);
    const fresh =
      this.sight !== undefined && this.page.stale(this.sight.id) === null && isOffered(this.sight, "feedback");
    return html`<section class="feedback" data-testid="feedback" aria-labelledby="feedback-title">
      <div>
        <h2 id="feedback-title">${name === null ? t("feedback.title") : t("feedback.of", { name })}</h2>
        <p class="goal"><span lang="en">${walk.program_name}</span> · ${day(walk.started, language())}</p>
      </div>
      ${this.scale("effort", EFFORTS, this.effort, effortWord)}
      ${this.scale("pain", PAINS, this.pain, painWord)}
      <div class="row">
        <button
          class="quiet"
          data-testid="feedback-skip"
          @click=${() => this.page.prefer({ skipped: walk.id })}
        >
          ${t("feedback.skip")}
        </button>
        <button
          class="primary"
          data-testid="feedback-send"
          ?disabled=${!fresh || this.effort === null}
          @click=${this.send}
        >
          ${t("feedback.send")}
        </button>
      </div>
    </section>`;
  }

  /**
   * @param {"effort" | "pain"} kind @param {number[]} values @param {?number} chosen
   * @param {(value: number) => string} wordOf
   */
  scale(kind, values, chosen, wordOf) {
    return html`<fieldset class="scale" data-scale=${kind}>
      <legend>${t(`feedback.${kind}`)}</legend>
      <div class="scale-row">
        ${values.map(
          (value) =>
            html`<label
              ><input
                type="radio"
                name=${kind}
                data-testid=${kind}
                data-number=${value}
                aria-label=${`${value}, ${t(wordOf(value))}`}
                .checked=${chosen === value}
                @change=${() => (this[kind] = value)}
              /><span>${value}</span></label
            >`,
        )}
      </div>
      <p class="scale-word" aria-hidden="true" data-testid=${`${kind}-word`}>
        ${chosen === null ? `${values[0]} ${t(wordOf(values[0]))} … ${values.at(-1)} ${t(wordOf(values.at(-1) ?? 0))}` : `${chosen} · ${t(wordOf(chosen))}`}
      </p>
    </fieldset>`;
  }
}

customElements.define("bs-feedback", Feedback);
