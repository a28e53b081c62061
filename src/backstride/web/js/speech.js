/**
 * Cues as sound and touch: the browser's own speech synthesis, tones, and the phone's vibration.
 */

/** The daemon's sentences are written in this language; a cue names its own. */
export const CUE_LANGUAGE = "en";

/** ms on, off, on ...: told apart without looking. @type {Record<string, number[]>} */
export const PATTERNS = {
  faster: [80, 60, 160],
  slower: [160, 60, 80],
  steeper: [80, 60, 160],
  flatter: [160, 60, 80],
  turn: [120, 80, 120, 80, 120],
  countdown: [60],
  beep: [60],
  ending: [400],
  step_on: [300],
  check_in: [250, 120, 250],
  stopping: [400],
  alarm: [500, 150, 500, 150, 500],
};

/** ms after which what waited to be said is no longer true. */
const LATE = 4_000;
/** ms after which a browser that still calls itself speaking is not believed: some never end. */
const LONGEST = 12_000;
/** How urgent an alarm is; see the topic `cue`. */
export const ALARM = 4;

/**
 * A voice that says one thing at a time. What is more urgent cuts off what is said and cancels what waits;
 * the rest waits for its end, in the place of what is less urgent or older.
 */
export class Voice {
  #synthesis = globalThis.speechSynthesis;
  /** @type {?{urgency: number, at: number}} what is being said */
  #saying = null;
  /** @type {?{text: string, language: string, urgency: number, at: number}} */
  #waiting = null;
  on = false;

  get available() {
    return this.#synthesis !== undefined;
  }

  /** @param {string} text @param {string} language @param {number} [urgency] */
  say(text, language, urgency = 2) {
    if (!this.on || !this.#synthesis || text === "") return;
    const now = performance.now();
    const busy = this.#saying !== null && now - this.#saying.at < LONGEST;
    if (busy && this.#saying !== null && urgency <= this.#saying.urgency) {
      if (this.#waiting === null || urgency >= this.#waiting.urgency) {
        this.#waiting = { text, language, urgency, at: now };
      }
      return;
    }
    this.#waiting = null;
    this.#utter(text, language, urgency);
  }

  silence() {
    this.#saying = this.#waiting = null;
    this.#synthesis?.cancel();
  }

  /** @param {string} text @param {string} language @param {number} urgency */
  #utter(text, language, urgency) {
    const said = { urgency, at: performance.now() };
    const utterance = new SpeechSynthesisUtterance(text);
    utterance.lang = language;
    utterance.voice = pickVoice(this.#synthesis.getVoices(), language);
    utterance.onend = utterance.onerror = () => {
      if (this.#saying === said) this.#next();
    };
    this.#saying = said;
    this.#synthesis.cancel();
    this.#synthesis.speak(utterance);
  }

  #next() {
    const next = this.#waiting;
    this.#saying = this.#waiting = null;
    if (next !== null && performance.now() - next.at < LATE) {
      this.#utter(next.text, next.language, next.urgency);
    }
  }
}

/** Tones, where the browser lets the page sound: after the press that switched the voice on. */
export class Chime {
  /** @type {?AudioContext} */
  #context = null;

  /** To be called in a press: browsers begin no sound by themselves. */
  wake() {
    if (globalThis.AudioContext === undefined) return;
    this.#context ??= new AudioContext();
    this.#context.resume().catch(() => {});
  }

  /**
   * @param {number[][]} notes
   * @param {number} loudness 0 to 1
   * @returns {number} ms until the last one is over
   */
  play(notes, loudness) {
    const context = this.#context;
    if (context?.state !== "running") return 0;
    let at = context.currentTime;
    for (const [frequency, ms] of notes) {
      if (frequency > 0) tone(context, frequency, at, ms / 1_000, loudness);
      at += ms / 1_000;
    }
    return (at - context.currentTime) * 1_000;
  }
}

/**
 * @param {AudioContext} context @param {number} frequency @param {number} at s @param {number} length s
 * @param {number} loudness
 */
function tone(context, frequency, at, length, loudness) {
  const source = new OscillatorNode(context, { frequency });
  const gain = new GainNode(context, { gain: 0 });
  // Without a ramp at both ends a tone clicks.
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(loudness, at + 0.008);
  gain.gain.setValueAtTime(loudness, at + length - 0.008);
  gain.gain.linearRampToValueAtTime(0, at + length);
  source.connect(gain).connect(context.destination);
  source.start(at);
  source.stop(at + length);
}

/**
 * A voice of the language, one on the device first: a cue must not wait for the network.
 * @param {{lang: string, localService: boolean, default: boolean}[]} voices
 * @param {string} language
 * @returns {any} null leaves the choice to the browser
 */
export function pickVoice(voices, language) {
  // Norwegian is `no` to the page and `nb` or `nn` to most voices.
  const wanted = language === "no" ? ["no", "nb", "nn"] : [language.slice(0, 2)];
  const fitting = voices.filter((voice) => wanted.includes(voice.lang.slice(0, 2).toLowerCase()));
  return (
    fitting.find((voice) => voice.localService && voice.default) ??
    fitting.find((voice) => voice.localService) ??
    fitting[0] ??
    null
  );
}

/** @param {string} kind of the cue */
export function vibrate(kind) {
  const pattern = PATTERNS[kind];
  if (pattern !== undefined) navigator.vibrate?.(pattern);
}
