/**
 * Small pieces that several views show. Each is a function of what is known; none has a state.
 */

import { duration, number } from "../format.js";
import { language, t } from "../i18n.js";
import { tone } from "../phases.js";
import { beltAge, stateAge } from "../store.js";
import { html, nothing, svg } from "./base.js";

/** @typedef {import("../store.js").Sight} Sight */

const PATHS = {
  back: "M15 5l-7 7 7 7",
  gym: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  wall: "M3 5h18v11H3zM9 20h6M12 16v4",
  settings:
    "M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5a2.5 2.5 0 110 5 2.5 2.5 0 010-5zM8 14.5a2.5 2.5 0 110 5 2.5 2.5 0 010-5z",
  voice: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 010 6M18 6.5a8 8 0 010 11",
  mute: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  up: "M6 14l6-6 6 6",
  down: "M6 10l6 6 6-6",
  pause: "M8 5v14M16 5v14",
  skip: "M6 5l9 7-9 7zM18.5 5v14",
  finish: "M6 21V4M6 5h12l-3 4 3 4H6",
  alarm: "M12 4l9 16H3zM12 10v4M12 17v.5",
  check: "M5 12.5l4.5 4.5L19 7.5",
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
    ${svg`<path d=${PATHS[name]}></path>`}
  </svg>`;
}

/** @param {string | undefined} phase */
export function phasePill(phase) {
  return html`<span class="pill" data-tone=${tone(phase)} data-testid="phase"
    >${t(`phase.${phase ?? "unknown"}`)}</span
  >`;
}

/** Which way to look, told by colour, arrow and word. @param {?string | undefined} facing */
export function facingBadge(facing) {
  if (facing == null) return nothing;
  return html`<span class="facing" data-facing=${facing} data-testid="facing">
    <span class="facing-arrow" aria-hidden="true">${facing === "backward" ? "▼" : "▲"}</span
    >${t(`facing.${facing}`)}</span
  >`;
}

/**
 * A countdown as a ring that empties, with the seconds inside.
 * @param {number} left s
 * @param {number} whole s
 * @param {string} label for those who do not see it
 */
export function ring(left, whole, label) {
  const part = whole > 0 ? Math.min(left / whole, 1) : 0;
  const seconds = Math.ceil(left);
  const text = seconds < 100 ? String(seconds) : duration(seconds);
  return html`<svg
    class="ring"
    viewBox="0 0 100 100"
    role="img"
    aria-label=${`${label}: ${duration(seconds)}`}
    data-testid="ring"
    data-value=${Math.round(left * 10) / 10}
    data-soon=${left <= 10}
  >
    <circle class="ring-track" cx="50" cy="50" r="43"></circle>
    <circle
      class="ring-arc"
      cx="50"
      cy="50"
      r="43"
      pathLength="100"
      stroke-dasharray="100"
      stroke-dashoffset=${100 - 100 * part}
      transform="rotate(-90 50 50)"
    ></circle>
    <text
      class="ring-text"
      data-long=${text.length > 2}
      x="50"
      y="51"
      text-anchor="middle"
      dominant-baseline="central"
    >
      ${text}
    </text>
  </svg>`;
}

/** @param {?number | undefined} value km/h */
export function kmh(value) {
  return number(value, language(), 1);
}

/**
 * How old what is shown is; never left out.
 * @param {Sight | undefined} sight
 * @param {number} now
 * @param {?string} stale
 */
export function ageText(sight, now, stale) {
  const age = sight === undefined ? null : stateAge(sight, now);
  if (age === null) return t("age.none");
  if (stale === "kept") return t("age.kept");
  const belt = sight === undefined ? null : beltAge(sight, now);
  // At rest state comes too seldom to tell how old the belt's own news is.
  const seconds = Math.floor((belt !== null && age < 3_000 ? belt : age) / 1_000);
  return seconds < 2
    ? t("age.now")
    : t("age.ago", { time: seconds < 60 ? `${seconds} s` : duration(seconds) });
}

/**
 * What is wrong, with the way to say that one has seen it.
 * @param {import("../page.js").Page} page
 * @param {Sight | undefined} sight
 */
export function alarmBox(page, sight) {
  const alarm = sight?.state?.alarm;
  if (alarm == null || sight === undefined) return nothing;
  const latched = sight.state?.phase === "faulted";
  return html`<div class="alarm" role="alert" data-testid="alarm" data-cause=${alarm.cause}>
    ${icon("alarm")}
    <p lang="en">${alarm.sentence}</p>
    ${
      latched
        ? html`<button
            data-testid="acknowledge"
            ?disabled=${page.stale(sight.id) !== null}
            @click=${() => page.ask(sight.id, "acknowledge")}
          >
            ${t("ask.acknowledge")}
          </button>`
        : nothing
    }
  </div>`;
}

/** Done, and the view changes with it: said to those who do not see that, shown to nobody. */
const QUIET = new Set(["armed", "countdown", "selected", "stopping", "walker"]);

/** What came of the last command. @param {import("../page.js").Page} page @param {?string} treadmill */
export function messageRow(page, treadmill) {
  const message = page.message;
  const mine = message !== null && message.treadmill === treadmill;
  return html`<p
    class="message"
    role="status"
    aria-live="polite"
    data-testid="message"
    ?hidden=${!mine}
    data-quiet=${mine && QUIET.has(message.code)}
    data-reply=${mine ? message.reply : ""}
    data-code=${mine ? message.code : ""}
    lang=${mine ? message.lang : "en"}
  >
    ${mine ? message.text : ""}
  </p>`;
}

/** Why what is shown may be old. @param {import("../page.js").Page} page @param {?string} treadmill */
export function staleRow(page, treadmill) {
  const stale = page.stale(treadmill);
  if (stale === null) return nothing;
  const sight = page.sight(treadmill);
  const age = sight === undefined ? null : stateAge(sight, page.now);
  const time = age === null ? "" : duration(age / 1_000);
  return html`<p class="stale" role="status" data-testid="stale" data-reason=${stale}>
    ${t(`stale.${stale}`, { time })}
  </p>`;
}
