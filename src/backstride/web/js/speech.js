/**
 * Cues as sound and touch: the browser's own speech synthesis, and the phone's vibration.
 */

/** The daemon's sentences and cues are written in this language. */
export const CUE_LANGUAGE = "en";

/** ms on, off, on ...: told apart without looking. @type {Record<string, number[]>} */
export const PATTERNS = {
  faster: [80, 60, 160],
  slower: [160, 60, 80],
  steeper: [80, 60, 160],
  flatter: [160, 60, 80],
  turn: [120, 80, 120, 80, 120],
  countdown: [60],
  step_on: [300],
  check_in: [250, 120, 250],
  stopping: [400],
  alarm: [500, 150, 500, 150, 500],
};

/** A voice that says the newest thing: what it said before is out of date. */
export class Voice {
  #synthesis = globalThis.speechSynthesis;
  on = false;

  get available() {
    return this.#synthesis !== undefined;
  }

  /** @param {string} text @param {string} language */
  say(text, language) {
    if (!this.on || !this.#synthesis || text === "") return;
    const utterance = new SpeechSynthesisUtterance(text);
    utterance.lang = language;
    utterance.voice = pickVoice(this.#synthesis.getVoices(), language);
    this.#synthesis.cancel();
    this.#synthesis.speak(utterance);
  }

  silence() {
    this.#synthesis?.cancel();
  }
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
