import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const spoken = [];
let cancelled = 0;
globalThis.speechSynthesis = {
  getVoices: () => [],
  cancel: () => (cancelled += 1),
  speak: (utterance) => spoken.push(utterance),
};
globalThis.SpeechSynthesisUtterance = class {
  constructor(text) {
    this.text = text;
  }
};
const { ALARM, Chime, Voice } = await import("../../../src/backstride/web/js/speech.js");

const texts = () => spoken.map((utterance) => utterance.text);
let voice;
beforeEach(() => {
  spoken.length = 0;
  voice = new Voice();
  voice.on = true;
});

test("a voice that is off says nothing, nor does a cue without words", () => {
  voice.say("", "en");
  voice.on = false;
  voice.say("faster", "en");
  assert.deepEqual([], texts());
});

test("a cue is said in its language", () => {
  voice.say("schneller, 1,8", "de");
  assert.deepEqual(["schneller, 1,8", "de"], [spoken[0].text, spoken[0].lang]);
});

test("an alarm cuts off what is said and cancels what waits", () => {
  voice.say("faster", "en", 2);
  voice.say("keep", "en", 2);
  cancelled = 0;
  voice.say("the belt stops now", "en", ALARM);
  spoken[0].onend();
  spoken[1].onend();
  assert.deepEqual([["faster", "the belt stops now"], 1], [texts(), cancelled]);
});

test("what is no more urgent waits for its turn, and the newest of it is said", () => {
  voice.say("the belt stops now", "en", ALARM);
  voice.say("toes first", "en", 0);
  voice.say("holding this speed", "en", 3);
  voice.say("eyes on a fixed point", "en", 0);
  spoken[0].onend();
  spoken[1].onend();
  assert.deepEqual(["the belt stops now", "holding this speed"], texts());
});

test("what waited too long is not said", (context) => {
  let now = 0;
  context.mock.method(performance, "now", () => now);
  voice.say("faster", "en", 2);
  voice.say("keep", "en", 2);
  now = 4_000;
  spoken[0].onend();
  assert.deepEqual(["faster"], texts());
});

test("a browser that never ends a sentence does not keep the next one waiting", (context) => {
  let now = 0;
  context.mock.method(performance, "now", () => now);
  voice.say("faster", "en", 2);
  now = 12_000;
  voice.say("slower", "en", 2);
  assert.deepEqual(["faster", "slower"], texts());
});

test("without a press there are no tones, and nothing waits for them", () => {
  const chime = new Chime();
  chime.wake();
  assert.equal(0, chime.play([[880, 100]], 1));
});
