/**
 * What one person on one device prefers, and the login if they asked to keep it.
 */

const PREFS = "backstride.prefs";
const LOGIN = "backstride.login";

/**
 * @typedef {{theme: "auto" | "light" | "dark", language: ?string, voice: boolean, vibrate: boolean, keys: boolean,
 *   awake: boolean, walker: ?string, skipped: ?string}} Prefs `walker` is who walks with this device; `skipped` the
 *   session that they would not speak of
 */

/** @type {Prefs} */
export const DEFAULTS = {
  theme: "auto",
  language: null,
  voice: false,
  vibrate: true,
  keys: true,
  awake: true,
  walker: null,
  skipped: null,
};

/** @param {string} key @returns {any} null where storage is closed or broken */
function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} key @param {any} value null forgets it */
function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A private window keeps nothing; the page works without.
  }
}

/** @returns {Prefs} */
export function loadPrefs() {
  return { ...DEFAULTS, ...read(PREFS) };
}

/** @param {Prefs} prefs */
export function savePrefs(prefs) {
  write(PREFS, prefs);
}

/**
 * The login that was kept for this broker; another broker never gets it.
 * @param {string} url
 * @returns {?import("./broker.js").Login}
 */
export function loadLogin(url) {
  const kept = read(LOGIN);
  return kept?.url === url ? { user: kept.user, password: kept.password } : null;
}

/** @param {string} url @param {import("./broker.js").Login} login */
export function keepLogin(url, login) {
  write(LOGIN, { url, ...login });
}

export function forgetLogin() {
  write(LOGIN, null);
}

/** @returns {boolean} */
export function hasLogin() {
  return read(LOGIN) !== null;
}
