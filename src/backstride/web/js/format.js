/**
 * Numbers as people read them, in the page's language. Unknown is a dash.
 */

export const UNKNOWN = "–";

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/** @param {string} language @param {number} digits */
function format(language, digits) {
  const key = `${language}/${digits}`;
  let found = formats.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    formats.set(key, found);
  }
  return found;
}

/** @param {?number | undefined} value @param {string} language @param {number} [digits] */
export function number(value, language, digits = 1) {
  return value == null ? UNKNOWN : format(language, digits).format(value);
}

/** @param {?number | undefined} seconds */
export function duration(seconds) {
  if (seconds == null) return UNKNOWN;
  const whole = Math.max(Math.round(seconds), 0);
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** Minutes of a plan, rounded as people say them. @param {?number | undefined} seconds @param {string} language */
export function minutes(seconds, language) {
  if (seconds == null) return UNKNOWN;
  const value = seconds / 60;
  return number(value, language, Number.isInteger(Math.round(value * 10) / 10) ? 0 : 1);
}

/**
 * An estimate's range in whole numbers; one number where both ends round to it.
 * @param {{low: number, high: number}} range @param {string} language
 */
export function range({ low, high }, language) {
  const ends = [number(low, language, 0), number(high, language, 0)];
  return ends[0] === ends[1] ? `≈ ${ends[0]}` : ends.join("–");
}

/** An id as a name: `living-room` is "Living room". @param {string} id */
export function titleOf(id) {
  const words = id.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A day, as people of the language write it. @param {?string} iso a day, or a moment @param {string} language */
export function day(iso, language) {
  // A day alone is one wherever it is read; a moment belongs to the reader's own day.
  const moment = new Date(iso !== null && iso.length === 10 ? `${iso}T00:00` : (iso ?? ""));
  if (Number.isNaN(moment.getTime())) return UNKNOWN;
  return moment.toLocaleDateString(language, { weekday: "short", day: "numeric", month: "short" });
}
