/**
 * Which cue is shown. Pure.
 */

/** ms for which a cue is big. */
export const CUE_LASTS = 8_000;
/** ms for which one of the last seconds before a change is. */
export const BEEP_LASTS = 1_200;

/** Hz (0 is silence) and ms, by the kind of the cue: the same as a local loudspeaker plays. */
const RISING = [[523, 110], [659, 110], [784, 160]];
const FALLING = [[784, 110], [659, 110], [523, 160]];
const LOW_TWICE = [[262, 180], [0, 90], [262, 260]];
/** @type {Record<string, number[][]>} */
export const TONES = {
  faster: RISING,
  steeper: RISING,
  slower: FALLING,
  flatter: FALLING,
  ending: LOW_TWICE,
  stopping: LOW_TWICE,
  turn: LOW_TWICE,
  alarm: Array.from({ length: 4 }, () => [[988, 140], [740, 140]]).flat(),
  beep: [[880, 120]],
  check_in: [[659, 140], [0, 60], [880, 200]],
};

/** What an announcement of a change is worth once the belt is on its way to rest: nothing. */
const CHANGES = new Set(["faster", "slower", "steady", "steeper", "flatter", "step_on", "countdown"]);

/**
 * The cue that is to be big, or the newest one.
 *
 * One that was heard just now is the newest there is. Later the state knows better: a cue may have been
 * missed, its last one is kept.
 * @param {import("./store.js").Sight} sight
 * @param {number} now
 * @returns {{text: string, kind: string, fresh: boolean, language: string}}
 */
export function cueNow(sight, now) {
  const heard = sight.cue;
  const lasts = heard?.note.kind === "beep" ? BEEP_LASTS : CUE_LASTS;
  const fresh = heard !== null && now - heard.at < lasts;
  const cue = (fresh ? heard.note : (sight.state?.cue ?? heard?.note)) ?? {
    text: "",
    kind: "steady",
    language: "en",
  };
  const phase = sight.state?.phase;
  if (phase !== "running" && (!fresh || CHANGES.has(cue.kind))) {
    return {
      text: sight.state?.sentence ?? "",
      kind: phase === "stopping" || phase === "slowing" ? "stopping" : "hold",
      fresh: true,
      language: "en",
    };
  }
  return { text: cue.text, kind: cue.kind, fresh, language: cue.language ?? "en" };
}
