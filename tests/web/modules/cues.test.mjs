import assert from "node:assert/strict";
import { test } from "node:test";
import { CUE_LASTS, cueNow } from "../../../src/backstride/web/js/cues.js";
import { unseen } from "../../../src/backstride/web/js/store.js";

const cue = (number, text, kind = "faster") => ({ number, kind, text });
const sight = (heard, told, phase = "running") => ({
  ...unseen("home"),
  cue: heard === null ? null : { at: 0, note: heard },
  state: { phase, sentence: "what goes on", cue: told },
});

test("a cue that was heard just now is big", () => {
  const shown = cueNow(sight(cue(9, "nine"), cue(8, "eight")), CUE_LASTS - 1);
  assert.deepEqual({ text: "nine", kind: "faster", fresh: true }, shown);
});

test("a cue that was heard long ago gives way to what the state says", () => {
  const shown = cueNow(sight(cue(3, "three", "slower"), cue(9, "nine")), CUE_LASTS);
  assert.deepEqual({ text: "nine", kind: "faster", fresh: false }, shown);
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
  assert.deepEqual({ text: "nine", kind: "faster", fresh: false }, cueNow(sight(null, cue(9, "nine")), 0));
});

test("a change that was announced is not told of a belt that comes to rest", () => {
  const shown = cueNow(sight(cue(9, "nine"), cue(9, "nine"), "stopping"), 1);
  assert.deepEqual({ text: "what goes on", kind: "stopping", fresh: true }, shown);
});
