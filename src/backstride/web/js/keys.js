/**
 * The keyboard, with the same keys as `backstride watch`. Pure.
 */

/** @type {Record<string, string>} */
const ASKS = {
  a: "arm",
  c: "confirm",
  " ": "pause",
  n: "skip",
  "+": "faster",
  "=": "faster",
  "-": "slower",
  f: "finish",
  k: "acknowledge",
  y: "present",
};

/**
 * What a key means; null for nothing.
 * @param {{key: string, ctrlKey: boolean, altKey: boolean, metaKey: boolean}} press
 * @param {{editing: boolean, onControl: boolean, letters: boolean}} where a text field or a control has the focus;
 *   `letters` is the person's switch for everything but Esc
 * @returns {?string}
 */
export function meaning(press, where) {
  if (press.ctrlKey || press.altKey || press.metaKey) return null;
  if (press.key === "Escape") return "stop";
  if (where.editing || !where.letters) return null;
  if (press.key === "s" || press.key === "S") return "stop";
  // A space on a button presses that button.
  if (press.key === " " && where.onControl) return null;
  return ASKS[press.key] ?? null;
}
