/**
 * What the page does beside showing: it speaks, vibrates and keeps the screen on, for the treadmill that is
 * looked at. In an overview of many it is silent: nobody could tell whose cue it is.
 */

import { Awake } from "./awake.js";
import { TONES } from "./cues.js";
import { language, t } from "./i18n.js";
import { ACTIVE } from "./phases.js";
import { ALARM, Chime, Voice, vibrate } from "./speech.js";

/** Reasons for stale numbers of which a walker must be warned; the others pass in a moment. */
const BLIND = new Set(["broker", "offline", "silent"]);

/** @typedef {import("./store.js").Sight} Sight */
/** @typedef {import("./prefs.js").Prefs} Prefs */

export class Outlets {
  #voice = new Voice();
  #chime = new Chime();
  #awake = new Awake();
  /** @type {Map<string, number>} the newest cue that was given, by treadmill */
  #given = new Map();
  #warned = false;

  /** @param {Prefs} prefs */
  constructor(prefs) {
    this.prefs = prefs;
    this.#voice.on = prefs.voice;
  }

  get canSpeak() {
    return this.#voice.available;
  }

  /** @param {Prefs} prefs */
  prefer(prefs) {
    const before = this.prefs;
    this.prefs = prefs;
    this.#voice.on = prefs.voice;
    // The press that switches the voice on is also what lets the browser speak at all.
    if (prefs.voice && !before.voice) {
      this.#chime.wake();
      this.say("say.voice_on");
    }
    if (!prefs.voice) this.#voice.silence();
  }

  /** One of the page's own sentences. @param {string} key @param {number} [urgency] */
  say(key, urgency) {
    this.#voice.say(t(key), language(), urgency);
  }

  /** A cue, once. @param {Sight} sight */
  give(sight) {
    const cue = sight.cue?.note;
    if (cue === undefined || this.#given.get(sight.id) === cue.number) return;
    this.#given.set(sight.id, cue.number);
    if (this.prefs.vibrate) vibrate(cue.kind);
    if (cue.voice !== false && this.prefs.voice) this.#speak(cue);
  }

  /** Its tone, then its words. @param {import("./store.js").CueNote} cue */
  #speak(cue) {
    const wait = this.#chime.play(TONES[cue.kind] ?? [], cue.kind === "alarm" ? 1 : 0.5);
    const say = () => this.#voice.say(cue.speech, cue.language, cue.urgency);
    if (wait === 0) say();
    else setTimeout(say, wait);
  }

  /**
   * Warn when what is shown of a moving belt may no longer be true; keep the screen on.
   * @param {Sight | undefined} sight
   * @param {?string} stale
   */
  watch(sight, stale) {
    const phase = sight?.state?.phase ?? "";
    const active = ACTIVE.has(phase);
    this.#awake.want(this.prefs.awake && (active || phase === "armed"));
    const blind = active && BLIND.has(stale ?? "");
    if (blind && !this.#warned) {
      this.say("say.blind", ALARM);
      if (this.prefs.vibrate) vibrate("alarm");
    }
    this.#warned = blind;
  }
}
