/**
 * What one person prefers on one device, and what the page and its keys are.
 */

import { LANGUAGES, language, t } from "../i18n.js";
import { live } from "../../vendor/lit/directives/live.js";
import { View, html, nothing } from "./base.js";
import { messageRow } from "./parts.js";

const THEMES = /** @type {const} */ (["auto", "light", "dark"]);
const KEYS = [
  ["s, Esc", "stop.label"],
  ["a", "ask.start"],
  ["c", "keys.confirm"],
  ["␣", "keys.pause"],
  ["n", "ask.skip"],
  ["+ −", "keys.speed"],
  ["f", "ask.finish"],
  ["k", "ask.acknowledge"],
  ["y", "ask.present"],
];

class Settings extends View {
  /** @param {"voice" | "vibrate" | "keys" | "awake"} name */
  toggle(name) {
    const on = this.page.prefs[name];
    return html`<label class="switch"
      ><span>${t(`set.${name}`)}<small>${t(`set.${name}_hint`)}</small></span>
      <input
        type="checkbox"
        role="switch"
        data-testid=${`set-${name}`}
        .checked=${on}
        @change=${() => this.page.prefer({ [name]: !on })}
    /></label>`;
  }

  /** The session's own switch: the daemon marks its cues to be spoken or only shown. */
  daemonVoice() {
    const id = this.page.view.treadmill;
    const sight = this.page.sight(id);
    if (id === null || sight?.state?.voice === undefined) return nothing;
    const on = sight.state.voice;
    return html`<label class="switch"
        ><span>${t("set.daemon_voice")}<small>${t("set.daemon_voice_hint")}</small></span>
        <input
          type="checkbox"
          role="switch"
          data-testid="voice"
          .checked=${live(on)}
          ?disabled=${this.page.stale(id) !== null}
          @change=${() => this.page.ask(id, "voice", { on: !on })} /></label
      >${messageRow(this.page, id)}`;
  }

  render() {
    const page = this.page;
    return html`<section class="panel settings" data-testid="settings">
      <h2>${t("nav.settings")}</h2>
      <fieldset>
        <legend>${t("set.theme")}</legend>
        <div class="choice" data-testid="set-theme">
          ${THEMES.map(
            (theme) =>
              html`<label
                ><input
                  type="radio"
                  name="theme"
                  value=${theme}
                  .checked=${page.prefs.theme === theme}
                  @change=${() => page.prefer({ theme })}
                /><span>${t(`set.${theme}`)}</span></label
              >`,
          )}
        </div>
      </fieldset>
      <label class="field"
        >${t("set.language")}<select
          data-testid="set-language"
          @change=${(/** @type {any} */ event) => page.prefer({ language: event.target.value })}
        >
          ${Object.entries(LANGUAGES).map(
            ([code, name]) =>
              html`<option value=${code} lang=${code} ?selected=${code === language()}>${name}</option>`,
          )}
        </select></label
      >
      ${page.canSpeak ? this.toggle("voice") : nothing}${this.toggle("vibrate")}${this.toggle("awake")}${this.toggle("keys")}
      ${this.daemonVoice()}
      <h3>${t("keys.title")}</h3>
      <dl class="keys">
        ${KEYS.map(
          ([key, name]) =>
            html`<div>
              <dt><kbd>${key}</kbd></dt>
              <dd>${t(name)}</dd>
            </div>`,
        )}
      </dl>
      <h3>${t("set.broker")}</h3>
      <p class="mono">${page.config.url} · ${page.config.prefix}/…</p>
      ${
        page.broker.login !== null
          ? html`<p>${t("login.as", { user: page.broker.login.user })}</p>
              <button data-testid="forget-login" @click=${() => page.forgetLogin()}>
                ${t("login.forget")}
              </button>`
          : nothing
      }
      <p class="fine">${t("about.clip")}</p>
    </section>`;
  }
}

customElements.define("bs-settings", Settings);
