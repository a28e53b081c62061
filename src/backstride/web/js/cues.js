/**
 * Which cue is shown. Pure.
 */

/** ms for which a cue is big. */
export const CUE_LASTS = 8_000;

/** What an announcement of a change is worth once the belt is on its way to rest: nothing. */
const CHANGES = new Set(["faster", "slower", "steady", "steeper", "flatter", "step_on", "countdown"]);

/**
 * The cue that is to be big, or the newest one.
 *
 * One that was heard just now is the newest there is. Later the state knows better: a cue may have been
 * missed, its last one is kept.
 * @param {import("./store.js").Sight} sight
 * @param {number} now
 * @returns {{text: string, kind: string, fresh: boolean}}
 */
export function cueNow(sight, now) {
  const heard = sight.cue;
  const fresh = heard !== null && now - heard.at < CUE_LASTS;
  const cue = (fresh ? heard.note : (sight.state?.cue ?? heard?.note)) ?? { text: "", kind: "steady" };
  const phase = sight.state?.phase;
  if (phase !== "running" && (!fresh || CHANGES.has(cue.kind))) {
    return {
      text: sight.state?.sentence ?? "",
      kind: phase === "stopping" || phase === "slowing" ? "stopping" : "hold",
      fresh: true,
    };
  }
  return { text: cue.text, kind: cue.kind, fresh };
}
