/**
 * The frame around every view: where one is, how fresh it is, and Stop.
 */

import { cueNow } from "../cues.js";
import { titleOf } from "../format.js";
import { t } from "../i18n.js";
import { isOffered } from "../commands.js";
import { meaning } from "../keys.js";
import { href } from "../router.js";
import { View, html, nothing } from "./base.js";
import { ageText, icon, phasePill, staleRow } from "./parts.js";
import { stopBar } from "./stopbar.js";

const CONTROLS = "button, a, input, select, summary, textarea";
const EDITORS = 'input:not([type="checkbox"]):not([type="radio"]), textarea, select';

/** Views with nothing to focus on: the arrow keys scroll them. */
const READ = new Set(["history", "plan"]);

class App extends View {
  connectedCallback() {
    super.connectedCallback();
    this.page.addEventListener("change", () => (this.now = this.page.now));
    addEventListener("keydown", (event) => this.key(event));
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.requestUpdate());
  }

  get holder() {
    return /** @type {any} */ (this.querySelector("bs-hold"));
  }

  willUpdate() {
    const { theme } = this.page.prefs;
    const wanted = this.page.config.theme ?? theme;
    const dark =
      wanted === "dark" || (wanted !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    this.page.theme = dark ? "dark" : "light";
    document.documentElement.dataset.theme = this.page.theme;
    document.documentElement.lang = t("lang");
    const { treadmill } = this.page.view;
    document.title =
      treadmill === null ? this.page.config.title : `${titleOf(treadmill)} · ${this.page.config.title}`;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = event.target instanceof Element ? event.target : null;
    const where = {
      editing: target?.closest(EDITORS) != null,
      onControl: target?.closest(CONTROLS) != null,
      letters: this.page.prefs.keys,
    };
    const what = meaning(event, where);
    if (what === null || (event.repeat && what !== "stop" && what !== "confirm")) return;
    event.preventDefault();
    if (event.repeat) return;
    const id = this.meant(target);
    if (id === null) return;
    if (what === "stop") this.page.stop(id);
    else if (what === "confirm") this.holder?.press();
    else if (what === "arm") /** @type {any} */ (this.querySelector('[data-testid="arm"]'))?.click();
    else if (what === "pause" && isOffered(this.page.sight(id), "continue")) this.holder?.press();
    else if (this.page.stale(id) === null) this.page.ask(id, what);
  }

  /** The treadmill that a key is meant for: the one shown, the card with the focus, or the only one. @param {?Element} target */
  meant(target) {
    const { treadmill } = this.page.view;
    if (treadmill !== null) return treadmill;
    const card = target?.closest("[data-treadmill]");
    if (card instanceof HTMLElement && card.dataset.treadmill) return card.dataset.treadmill;
    return this.page.treadmills.length === 1 ? this.page.treadmills[0] : null;
  }

  render() {
    const page = this.page;
    const view = page.view;
    return html`<div class="app" data-testid="app" data-view=${view.name}>
      ${this.header(view)}
      <main class="main" id="main" tabindex=${READ.has(view.name) ? "0" : "-1"}>${this.main(view)}</main>
      ${stopBar(page)} ${this.announcer(view)}
    </div>`;
  }

  /** For those who do not see it: the newest cue, else the phase. @param {import("../router.js").Route} view */
  announcer(view) {
    const sight = this.page.sight(view.treadmill);
    const cue = sight?.state == null ? null : cueNow(sight, this.now);
    const phase = sight?.state == null ? "" : t(`phase.${sight.state.phase}`);
    return html`<p
      class="unseen"
      aria-live="assertive"
      data-testid="announcer"
      lang=${cue?.fresh ? cue.language : t("lang")}
    >
      ${cue?.fresh ? cue.text : phase}
    </p>`;
  }

  /** @param {import("../router.js").Route} view */
  main(view) {
    const page = this.page;
    const sight = page.sight(view.treadmill);
    if (view.name === "settings") return html`<bs-settings .page=${page} .now=${this.now}></bs-settings>`;
    if (page.link === "login") return html`<bs-login .page=${page} .now=${this.now}></bs-login>`;
    if (view.name === "history")
      return html`<bs-history .page=${page} .sight=${sight} .now=${this.now}></bs-history>`;
    if (view.name === "plan") return html`<bs-plan .page=${page} .sight=${sight} .now=${this.now}></bs-plan>`;
    if (view.name === "gym") return html`<bs-overview .page=${page} .now=${this.now}></bs-overview>`;
    if (view.name === "wall") {
      return html`<div class="wall-frame" data-stale=${page.stale(view.treadmill) !== null}>
        ${staleRow(page, view.treadmill)}
        ${sight?.state?.alarm && sight.state.phase !== "faulted" ? html`<p class="alarm" role="alert" data-testid="alarm" lang="en">${sight.state.alarm.sentence}</p>` : nothing}
        <bs-wall .page=${page} .sight=${sight} .now=${this.now}></bs-wall>
      </div>`;
    }
    return html`<bs-treadmill .page=${page} .sight=${sight} .now=${this.now}></bs-treadmill>`;
  }

  /** @param {import("../router.js").Route} view */
  header(view) {
    const page = this.page;
    const id = view.treadmill;
    const inside = id !== null;
    const sight = page.sight(id);
    const up =
      view.name === "treadmill"
        ? page.treadmills.length > 1
          ? "#/gym"
          : null
        : view.name === "gym"
          ? null
          : id === null
            ? "#/"
            : href({ name: "treadmill", treadmill: id });
    return html`<header class="top">
      <a
        class="skip-link"
        href="#main"
        @click=${(/** @type {Event} */ event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
        >${t("nav.skip")}</a
      >
      ${up === null ? nothing : html`<a class="tool" data-testid="nav-back" href=${up} aria-label=${t("nav.back")}>${icon("back")}</a>`}
      <div class="title">
        <h1>${id === null ? page.config.title : titleOf(id)}</h1>
        <p class="health">
          ${this.health()}${inside && page.connected ? html`<span class="age" data-testid="age">${ageText(sight, page.now, page.stale(id))}</span>` : nothing}
        </p>
      </div>
      ${inside ? phasePill(sight?.state?.phase) : nothing}
      ${
        page.canSpeak && inside && view.name !== "settings"
          ? html`<button
              class="tool"
              aria-pressed=${page.prefs.voice}
              data-testid="voice-here"
              aria-label=${t("set.voice")}
              @click=${() => page.prefer({ voice: !page.prefs.voice })}
            >
              ${icon(page.prefs.voice ? "voice" : "mute")}
            </button>`
          : nothing
      }
      ${view.name === "treadmill" && id !== null ? html`<a class="tool wide-only" data-testid="nav-wall" href=${href({ name: "wall", treadmill: id })} aria-label=${t("nav.wall")}>${icon("wall")}</a>` : nothing}
      ${inside && page.treadmills.length > 1 ? html`<a class="tool wide-only" data-testid="nav-gym" href="#/gym" aria-label=${t("nav.gym")}>${icon("gym")}</a>` : nothing}
      ${
        view.name === "settings"
          ? nothing
          : html`<a
              class="tool"
              data-testid="nav-settings"
              aria-label=${t("nav.settings")}
              href=${id === null ? "#/settings" : href({ name: "settings", treadmill: id })}
              >${icon("settings")}</a
            >`
      }
    </header>`;
  }

  health() {
    const { link, linkReason } = this.page;
    return html`<span
      class="link"
      data-testid="connection"
      data-state=${link}
      role="status"
      title=${linkReason ?? ""}
    >
      <span class="dot" aria-hidden="true"></span
      ><span class=${this.page.view.treadmill === null ? "" : "link-word"}>${t(`link.${link}`)}</span></span
    >`;
  }
}

customElements.define("bs-app", App);
