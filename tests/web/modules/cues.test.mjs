import assert from "node:assert/strict";
import { test } from "node:test";
import { BEEP_LASTS, CUE_LASTS, cueNow } from "../../../src/backstride/web/js/cues.js";
import { unseen } from "../../../src/backstride/web/js/store.js";

const cue = (number, text, kind = "faster") => ({ number, kind, text });
const sight = (heard, told, phase = "running") => ({
  ...unseen("home"),
  cue: heard === null ? null : { at: 0, note: heard },
  state: { phase, sentence: "what goes on", cue: told },
});

test("a cue that was heard just now is big", () => {
  const shown = cueNow(sight(cue(9, "nine"), cue(8, "eight")), CUE_LASTS - 1);
  assert.deepEqual({ text: "nine", kind: "faster", fresh: true, language: "en" }, shown);
});

test("a cue that was heard long ago gives way to what the state says", () => {
  const shown = cueNow(sight(cue(3, "three", "slower"), cue(9, "nine")), CUE_LASTS);
  assert.deepEqual({ text: "nine", kind: "faster", fresh: false, language: "en" }, shown);
});

test("a new life of the daemon counts its cues anew, and they are shown", () => {
  assert.equal("one", cueNow(sight(cue(40, "forty"), cue(1, "one")), CUE_LASTS).text);
});

test("an old cue is better than none while the state has none", () => {
  assert.deepEqual(
    ["three", ""],
    [cueNow(sight(cue(3, "three"), null), CUE_LASTS).text, cueNow(sight(null, null), 0).text],
  );
});

test("who has never heard one reads the state's", () => {
  assert.deepEqual({ text: "nine", kind: "faster", fresh: false, language: "en" }, cueNow(sight(null, cue(9, "nine")), 0));
});

test("a change that was announced is not told of a belt that comes to rest", () => {
  const shown = cueNow(sight(cue(9, "nine"), cue(9, "nine"), "stopping"), 1);
  assert.deepEqual({ text: "what goes on", kind: "stopping", fresh: true, language: "en" }, shown);
});

test("a beep is big for its second only, and then the announcement is back", () => {
  const beeped = sight(cue(9, "1", "beep"), { ...cue(8, "schneller, 1,8 km/h"), language: "de" });
  assert.deepEqual({ text: "1", kind: "beep", fresh: true, language: "en" }, cueNow(beeped, BEEP_LASTS - 1));
  const after = cueNow(beeped, BEEP_LASTS);
  assert.deepEqual({ text: "schneller, 1,8 km/h", kind: "faster", fresh: false, language: "de" }, after);
});
