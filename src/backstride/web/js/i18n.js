/**
 * The page's own words in the person's language. What the daemon says stays as it says it.
 */

import de from "../i18n/de.js";
import en from "../i18n/en.js";
import es from "../i18n/es.js";
import fr from "../i18n/fr.js";
import no from "../i18n/no.js";

/** @type {Record<string, Record<string, string>>} */
export const CATALOGUES = { en, no, de, es, fr };
export const LANGUAGES = { en: "English", no: "Norsk", de: "Deutsch", es: "Español", fr: "Français" };

let chosen = "en";

/** @param {?string} wanted null takes the browser's first language that there is */
export function setLanguage(wanted) {
  chosen = pickLanguage(wanted === null ? (globalThis.navigator?.languages ?? []) : [wanted]);
}

/** @param {readonly string[]} wanted @returns {string} */
export function pickLanguage(wanted) {
  for (const tag of wanted) {
    const code = tag.slice(0, 2).toLowerCase();
    const known = code === "nb" || code === "nn" ? "no" : code;
    if (known in CATALOGUES) return known;
  }
  return "en";
}

export function language() {
  return chosen;
}

/**
 * A text, with {names} filled in. English stands in for what a catalogue lacks.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = CATALOGUES[chosen][key] ?? en[/** @type {keyof typeof en} */ (key)] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
