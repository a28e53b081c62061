import assert from "node:assert/strict";
import { test } from "node:test";
import { Grip, HOLD, UNSEEN } from "../../../src/backstride/web/js/grip.js";

/** What each look at these times says, of a grip that began at 0. */
const looks = (...times) => {
  const grip = new Grip(0);
  return times.map((time) => grip.look(time));
};
const every = (by, end) => Array.from({ length: end / by }, (_, i) => by * (i + 1));

test("what is watched for a second and a half is held", () => {
  assert.deepEqual([null, 1], [looks(...every(16, 1_488)).find((part) => part === 1) ?? null, looks(...every(20, HOLD)).at(-1)]);
});

test("the part that is done grows with the time and ends at 1", () => {
  assert.deepEqual([0.1, 0.2, 1], [...looks(150, 300), looks(...every(250, 2_000)).at(-1)]);
});

test("what was out of sight is lost, whatever time has passed", () => {
  assert.deepEqual([250 / HOLD, null], looks(UNSEEN, 2 * UNSEEN + 1));
  assert.deepEqual([null], looks(HOLD));
  assert.deepEqual([null], looks(3_600_000));
});

test("the last look may not be late, either", () => {
  assert.equal(null, looks(...every(250, 1_250), 1_501).at(-1));
});
