/**
 * The page's one model: what is known, what was asked, and the outlets. Views read it and call it.
 *
 * It fires `change` after everything that a person could see; a tick of 250 ms carries the clocks.
 */

import { Broker, NotSentError } from "./broker.js";
import { Clock, DaemonTime } from "./clock.js";
import { PATIENCE, makeCommand, makeStop, newId } from "./commands.js";
import { language, setLanguage, t } from "./i18n.js";
import { Outlets } from "./outlets.js";
import { forgetLogin, hasLogin, keepLogin, loadLogin, loadPrefs, savePrefs } from "./prefs.js";
import { readResponse } from "./reading.js";
import { readRoute, resolve } from "./router.js";
import { CUE_LANGUAGE } from "./speech.js";
import * as stops from "./stops.js";
import { absorb, staleness } from "./store.js";

const TICK = 250;
/** ms: long enough to read a refusal; that something was done, the view itself shows. */
const MESSAGE_LASTS = 10_000;
const GOOD_NEWS_LASTS = 3_000;

/**
 * @typedef {{at: number, treadmill: ?string, reply: "ok" | "refused" | "error" | "silent" | "sending", code: string,
 *   text: string, lang: string}} Message
 */

export class Page extends EventTarget {
  /** @type {import("./store.js").Sights} */
  sights = {};
  /** @type {stops.Stops} */
  stops = {};
  /** @type {import("./broker.js").LinkState} */
  link = "connecting";
  /** @type {?string} */
  linkReason = null;
  /** the broker said no to the name and password that it was given */
  loginRefused = false;
  /** @type {?Message} */
  message = null;
  now = 0;
  /** @type {"light" | "dark"} what is really shown */
  theme = "light";
  prefs = loadPrefs();
  route = readRoute(location.hash);

  #clock = new Clock();
  /** @type {Map<string, DaemonTime>} */
  #times = new Map();
  /** @type {Map<string, (note: any) => void>} */
  #waiting = new Map();
  #outlets = new Outlets(this.prefs);

  /** @param {import("./config.js").Config} config */
  constructor(config) {
    super();
    this.config = config;
    this.broker = new Broker({
      url: config.url,
      prefix: config.prefix,
      login: loadLogin(config.url),
      onNews: (treadmill, topic, payload, retained) => this.#take(treadmill, topic, payload, retained),
      onLink: (state, reason) => this.#setLink(state, reason),
      onForbidden: (treadmill) => {
        this.stops = stops.forbid(this.stops, treadmill, this.now);
        this.#outlets.say("stop.forbidden");
        this.#changed();
      },
    });
    setLanguage(config.language ?? this.prefs.language);
  }

  start() {
    addEventListener("hashchange", () => {
      this.route = readRoute(location.hash);
      this.#changed();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.broker.hurry();
    });
    addEventListener("online", () => this.broker.hurry());
    setInterval(() => this.#tick(), TICK);
    this.broker.connect();
  }

  get connected() {
    return this.link === "online";
  }

  /** Those that ever told a state: a stray message makes no treadmill. */
  get treadmills() {
    return Object.keys(this.sights)
      .filter((id) => this.sights[id].state !== null)
      .sort();
  }

  /** What is really shown. */
  get view() {
    return resolve(this.route, this.treadmills);
  }

  /** @param {?string} treadmill @returns {import("./store.js").Sight | undefined} */
  sight(treadmill) {
    return treadmill === null ? undefined : this.sights[treadmill];
  }

  /** @param {?string} treadmill */
  stale(treadmill) {
    return staleness(this.sight(treadmill), this.now, this.connected);
  }

  // --- what comes in -------------------------------------------------------------------------------

  /** @param {string} treadmill @param {string} topic @param {string} payload @param {boolean} retained */
  #take(treadmill, topic, payload, retained) {
    const at = this.#clock.now();
    if (topic === "response") {
      this.#settle(payload);
      return;
    }
    const before = this.sights;
    this.sights = absorb(before, { treadmill, topic, payload, retained, at });
    if (this.sights === before) return;
    const sight = this.sights[treadmill];
    if (topic === "state" && !retained && sight.state !== null) {
      if (!this.#times.has(treadmill)) this.#times.set(treadmill, new DaemonTime());
      this.#times.get(treadmill)?.learn(sight.state.time, at);
      this.stops = stops.observe(this.stops, treadmill, sight.state, at);
    }
    if (topic === "cue" && !retained && this.view.treadmill === treadmill) this.#outlets.give(sight);
    this.#changed();
  }

  /** @param {string} payload of a response */
  #settle(payload) {
    let note;
    try {
      note = readResponse(JSON.parse(payload));
    } catch {
      return;
    }
    if (note.id === null) return;
    this.stops = stops.answered(this.stops, note.id, note);
    this.#waiting.get(note.id)?.(note);
    this.#changed();
  }

  /** @param {import("./broker.js").LinkState} state @param {?string} reason */
  #setLink(state, reason) {
    // An attempt changes nothing for the person: it is still lost, and the form stays as it is filled in.
    const stays = state === "connecting" && (this.link === "lost" || this.link === "login");
    const shown = stays ? this.link : state;
    if (state === "login") this.loginRefused = this.broker.login !== null;
    if (shown === "online" && this.link !== "online") this.#forgetLive();
    this.link = shown;
    this.linkReason = reason ?? (shown === "lost" ? this.linkReason : null);
    this.now = this.#clock.now();
    if (shown === "online") this.#sendStops();
    this.#changed();
  }

  /** What was known before an outage counts as kept until the treadmill speaks again. */
  #forgetLive() {
    this.sights = Object.fromEntries(
      Object.entries(this.sights).map(([id, sight]) => [id, { ...sight, live: false }]),
    );
  }

  // --- what goes out -------------------------------------------------------------------------------

  /**
   * Stop. Never refused, never disabled.
   * @param {string} treadmill
   */
  stop(treadmill) {
    this.now = this.#clock.now();
    this.stops = stops.press(this.stops, treadmill, newId(), this.now);
    navigator.vibrate?.(200);
    this.#sendStops();
    this.#outlets.say(this.connected ? "say.stop" : "say.stop_unsent");
    this.#changed();
  }

  #sendStops() {
    this.stops = stops.expire(this.stops, this.now, this.connected);
    for (const stop of stops.due(this.stops, this.now)) {
      if (this.broker.sendStop(stop.treadmill, makeStop(stop.id))) {
        this.stops = stops.sent(this.stops, stop.treadmill, this.now);
      }
    }
  }

  /**
   * Ask for anything else, now or not at all.
   * @param {string} treadmill
   * @param {string} ask
   * @param {{program?: string, speed?: number, on?: boolean, pin?: string, walker?: ?string, effort?: number,
   *   pain?: number}} [more]
   * @returns {Promise<boolean>} whether it was granted
   */
  async ask(treadmill, ask, more) {
    this.now = this.#clock.now();
    const time = this.#times.get(treadmill)?.at(this.now) ?? Date.now();
    const id = newId();
    const note = makeCommand(ask, this.sight(treadmill), time, more, id);
    if (note === null) return this.#tell(treadmill, "silent", "no_boot", t("msg.no_boot"));
    this.#tell(treadmill, "sending", "", `${t(`ask.${ask}`)} …`);
    const answer = this.#await(id);
    try {
      await this.broker.send(treadmill, note);
    } catch (error) {
      this.#waiting.delete(id);
      const code = error instanceof NotSentError ? error.code : "no_broker";
      return this.#tell(treadmill, "silent", code, t(`msg.${code}`));
    }
    const reply = await answer;
    if (reply === null) return this.#tell(treadmill, "silent", "no_answer", t("msg.no_answer"));
    this.#tell(treadmill, reply.reply, reply.code, reply.sentence, CUE_LANGUAGE);
    return reply.reply === "ok";
  }

  /** @param {string} id @returns {Promise<any>} the answer, null if none comes */
  #await(id) {
    return new Promise((resolve) => {
      const done = (/** @type {any} */ note) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(note);
      };
      const timer = setTimeout(() => done(null), PATIENCE);
      this.#waiting.set(id, done);
    });
  }

  /**
   * @param {?string} treadmill @param {Message["reply"]} reply @param {string} code @param {string} text
   * @param {string} [lang]
   * @returns {false} so that a refusal can be told and returned in one
   */
  #tell(treadmill, reply, code, text, lang = language()) {
    this.message = { at: this.#clock.now(), treadmill, reply, code, text, lang };
    this.#changed();
    return false;
  }

  // --- who looks -----------------------------------------------------------------------------------

  /** @param {Partial<import("./prefs.js").Prefs>} change */
  prefer(change) {
    this.prefs = { ...this.prefs, ...change };
    savePrefs(this.prefs);
    if (change.language !== undefined) setLanguage(change.language);
    this.#outlets.prefer(this.prefs);
    this.#changed();
  }

  /** @param {string} user @param {string} password @param {boolean} keep */
  logIn(user, password, keep) {
    this.broker.login = { user, password };
    if (keep) keepLogin(this.config.url, { user, password });
    else forgetLogin();
    this.broker.connect();
  }

  forgetLogin() {
    forgetLogin();
    this.broker.login = null;
    this.broker.connect();
  }

  get keepsLogin() {
    return hasLogin();
  }

  get canSpeak() {
    return this.#outlets.canSpeak;
  }

  // --- time ----------------------------------------------------------------------------------------

  #tick() {
    this.now = this.#clock.now();
    this.#sendStops();
    const lasts = this.message?.reply === "ok" ? GOOD_NEWS_LASTS : MESSAGE_LASTS;
    if (this.message !== null && this.now - this.message.at > lasts) this.message = null;
    const { treadmill } = this.view;
    this.#outlets.watch(this.sight(treadmill), this.stale(treadmill));
    this.#changed();
  }

  #changed() {
    this.now = this.#clock.now();
    this.dispatchEvent(new Event("change"));
  }
}
