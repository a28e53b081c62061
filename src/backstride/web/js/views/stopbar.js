/**
 * Stop: on every view, always enabled, out on the press and not on the release.
 */

import { titleOf } from "../format.js";
import { t } from "../i18n.js";
import { KEPT, LATE } from "../stops.js";
import { html, nothing } from "./base.js";

/**
 * What became of a Stop, in words.
 * @param {import("../stops.js").Stop} stop
 * @param {import("../page.js").Page} page
 */
function note(stop, page) {
  if (stop.outcome === "failed") return t("stop.failed");
  if (stop.outcome === "forbidden") return t("stop.forbidden");
  if (stop.outcome === "done") return stop.sentence ?? t("stop.done");
  if (!page.connected) {
    const left = Math.max(Math.ceil((KEPT - (page.now - stop.reachedAt)) / 1_000), 0);
    return t(stop.times === 0 ? "stop.unsent" : "stop.cut", { left });
  }
  return t(page.now - stop.pressedAt > LATE ? "stop.late" : "stop.sent", { times: stop.times });
}

/** @param {import("../stops.js").Stop | undefined} stop */
function stopState(stop) {
  if (stop === undefined) return "idle";
  if (stop.outcome !== "waiting") return stop.outcome;
  return stop.times === 0 ? "waiting" : "sending";
}

/**
 * @param {import("../page.js").Page} page
 * @param {string} treadmill
 * @param {{named?: boolean, small?: boolean}} [look] `named` where several can be meant
 */
export function stopButton(page, treadmill, look = {}) {
  const stop = page.stops[treadmill];
  const state = stopState(stop);
  const press = (/** @type {PointerEvent | MouseEvent} */ event) => {
    // On a list that scrolls a touch may be the start of a scroll, so that only a click counts. Elsewhere
    // the press itself does, and a click only when no pointer made it: keyboard, screen reader.
    const counts =
      event.type === "pointerdown" ? !look.small && event.button === 0 : look.small || event.detail === 0;
    if (counts) page.stop(treadmill);
  };
  const label = look.named ? t("stop.of", { name: titleOf(treadmill) }) : t("stop.label");
  return html`<div class="stop-box" data-small=${look.small ?? false}>
    ${
      stop === undefined
        ? nothing
        : html`<p class="stop-note" role="alert" data-testid="stop-note" data-state=${state}>
            ${note(stop, page)}
          </p>`
    }
    <button
      class="stop"
      data-testid="stop"
      data-treadmill=${treadmill}
      data-state=${state}
      aria-label=${look.named ? label : t("stop.aria")}
      aria-keyshortcuts="Escape s"
      @pointerdown=${press}
      @click=${press}
    >
      ${look.named && !look.small ? label : t("stop.label")}
    </button>
  </div>`;
}

/**
 * The bar at the foot of every view but the overview, whose cards have a Stop each.
 * @param {import("../page.js").Page} page
 */
export function stopBar(page) {
  const { name, treadmill } = page.view;
  if (name === "gym") return nothing;
  const ids = treadmill === null ? page.treadmills : [treadmill];
  if (ids.length === 0) return nothing;
  const named = ids.length > 1;
  return html`<footer class="stopbar" data-several=${named} aria-label=${t("stop.label")}>
    ${ids.map((id) => stopButton(page, id, { named }))}
  </footer>`;
}
