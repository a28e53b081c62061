import assert from "node:assert/strict";
import { test } from "node:test";
import * as commands from "../../../src/backstride/web/js/commands.js";
import { unseen } from "../../../src/backstride/web/js/store.js";

const sight = (phase, more = {}) => ({
  ...unseen("home"),
  info: { boot: "b001" },
  state: { phase, stage: null, boot: "b001", speed: {}, ...more },
});

for (const ask of ["start", "confirm", "continue", "walker"]) {
  test(`${ask} carries the time and the daemon's boot, or is not made`, () => {
    const note = commands.makeCommand(ask, sight("armed"), 1_700_000_000_000.4);
    assert.deepEqual([1, ask, 1_700_000_000_000, "b001"], [note.v, note.command, note.ts, note.boot]);
    assert.equal(null, commands.makeCommand(ask, unseen("home"), 1));
  });
}

test("what means something only in one phase says which the person saw", () => {
  const expected = { confirm: "armed", continue: "armed", skip: "armed", faster: "armed", speed: "armed" };
  for (const ask of [
    "start",
    "confirm",
    "pause",
    "continue",
    "skip",
    "faster",
    "slower",
    "speed",
    "finish",
    "acknowledge",
    "select",
    "present",
    "voice",
    "walker",
    "feedback",
  ]) {
    assert.equal(expected[ask], commands.makeCommand(ask, sight("armed"), 1).expect, ask);
  }
});

test("a confirm names the program that is armed; one after a turn has nothing to name", () => {
  const program = "gentle";
  const turned = sight("turning", { stage: "waiting for confirm", program });
  const named = (ask, seen) => commands.makeCommand(ask, seen, 1).program;
  assert.deepEqual(
    [program, undefined, undefined, undefined],
    [
      named("confirm", sight("armed", { program })),
      named("confirm", turned),
      named("continue", sight("holding", { stage: "paused", program })),
      named("confirm", sight("armed", { program: null })),
    ],
  );
});

test("to slow down, pause and finish have no condition", () => {
  for (const ask of ["slower", "pause", "finish"]) {
    assert.equal(false, "expect" in commands.makeCommand(ask, sight("running"), 1), ask);
  }
});

test("Stop carries nothing that could be a reason to refuse it", () => {
  assert.deepEqual({ v: 1, id: "x-1", command: "stop" }, commands.makeStop("x-1"));
});

test("ids are new and within what the contract allows", () => {
  const ids = Array.from({ length: 500 }, commands.newId);
  assert.equal(500, new Set(ids).size);
  assert.ok(ids.every((id) => /^[A-Za-z0-9._:-]{1,64}$/.test(id)));
});

test("a value goes along as it is", () => {
  const note = commands.makeCommand("speed", sight("running"), 1, { speed: 2.4 });
  assert.deepEqual([2.4, "running"], [note.speed, note.expect]);
});

test("confirm is offered to the armed, and to who has turned", () => {
  const turned = sight("turning", { stage: "waiting for confirm" });
  assert.deepEqual(
    [true, true, false, false],
    [sight("armed"), turned, sight("turning", { stage: "slowing" }), sight("running")].map((one) =>
      commands.isOffered(one, "confirm"),
    ),
  );
});

test("continue is offered only in a pause", () => {
  assert.deepEqual(
    [true, false],
    [sight("holding", { stage: "paused" }), sight("holding")].map((one) =>
      commands.isOffered(one, "continue"),
    ),
  );
});

test("nothing is offered of a treadmill that nobody heard of", () => {
  assert.equal(false, commands.isOffered(undefined, "start"));
});

test("speeds to wish for end at the lower of cap and machine, on the machine's grid", () => {
  const machine = { speed: { minimum: 0.8, maximum: 12, increment: 0.3 } };
  const range = commands.speedRange({ ...sight("running", { speed: { cap: 2.0 } }), info: { machine } });
  assert.deepEqual({ low: 0.8, high: 2, by: 0.3 }, range);
  assert.deepEqual(
    [1.1, 0.8, 2],
    [commands.stepSpeed(range, 0.8, 1), commands.stepSpeed(range, 0.9, -1), commands.stepSpeed(range, 2, 1)],
  );
});

test("without a machine or a cap there is no speed to wish for", () => {
  assert.equal(null, commands.speedRange(sight("running")));
});
