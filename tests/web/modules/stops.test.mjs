import assert from "node:assert/strict";
import { test } from "node:test";
import * as stops from "../../../src/backstride/web/js/stops.js";

const pressed = (now = 0) => stops.press({}, "home", "id-1", now);
const out = (now = 0) => stops.sent(pressed(now), "home", now);
const state = (phase, stage = null) => ({ phase, stage });

test("a pressed Stop is due at once, and then every second", () => {
  const after = out(0);
  assert.deepEqual(
    [1, 0, 1],
    [stops.due(pressed(0), 0).length, stops.due(after, 999).length, stops.due(after, 1_000).length],
  );
});

test("a Stop that could not go out stays due", () => {
  assert.equal(1, stops.due(pressed(0), 250).length);
});

for (const phase of ["stopping", "finished", "idle"]) {
  test(`${phase} confirms a Stop`, () => {
    assert.equal("done", stops.observe(out(), "home", state(phase), 10).home.outcome);
  });
}

for (const phase of ["armed", "countdown", "starting", "running", "turning", "holding", "slowing"]) {
  test(`${phase} does not confirm a Stop, answered or not`, () => {
    const answered = stops.answered(out(), "id-1", { reply: "ok", sentence: "Stop is sent" });
    assert.equal("waiting", stops.observe(out(), "home", state(phase), 10).home.outcome);
    assert.equal("waiting", stops.observe(answered, "home", state(phase), 10).home.outcome);
  });
}

for (const phase of ["offline", "faulted", "handed_over"]) {
  test(`${phase} confirms a Stop only after the daemon's answer`, () => {
    const answered = stops.answered(out(), "id-1", { reply: "ok", sentence: "queued" });
    assert.equal("waiting", stops.observe(out(), "home", state(phase), 10).home.outcome);
    assert.equal("done", stops.observe(answered, "home", state(phase), 10).home.outcome);
  });
}

for (const stage of ["then pause", "then turn"]) {
  test(`stopping, ${stage}, is not the end that was asked for`, () => {
    assert.equal("waiting", stops.observe(out(), "home", state("stopping", stage), 10).home.outcome);
  });
}

test("a state confirms nothing that has not gone out", () => {
  assert.equal("waiting", stops.observe(pressed(), "home", state("idle"), 10).home.outcome);
});

test("another treadmill's state confirms nothing", () => {
  const before = out();
  assert.equal(before, stops.observe(before, "other", state("idle"), 10));
});

/** As the page's tick does, every 250 ms after `from` until `to`. */
const ticks = (before, from, to, connected) => {
  let after = before;
  for (let now = from + 250; now <= to; now += 250) after = stops.expire(after, now, connected);
  return after;
};

test("without a connection a Stop is given up after 30 s, and with one it is not", () => {
  const outcome = (now, connected) => ticks(out(), 0, now, connected).home.outcome;
  assert.deepEqual(
    ["waiting", "failed", "waiting"],
    [outcome(30_000, false), outcome(30_250, false), outcome(90_000, true)],
  );
});

test("a Stop that was long repeated has its 30 s from when the connection was lost", () => {
  const repeated = ticks(out(), 0, 60_000, true);
  assert.deepEqual(
    ["waiting", "failed"],
    [ticks(repeated, 60_000, 90_000, false), ticks(repeated, 60_000, 90_250, false)].map(
      (one) => one.home.outcome,
    ),
  );
});

test("a Stop that slept for hours with the phone is given up, though the connection seems whole", () => {
  for (const connected of [true, false]) {
    const woken = stops.expire(out(), 7_200_000, connected);
    assert.deepEqual(["failed", []], [woken.home.outcome, stops.due(woken, 7_200_000)]);
  }
});

test("a Stop that was given up is not sent when the connection is back", () => {
  const failed = stops.expire(pressed(), 30_001, false);
  assert.deepEqual([], stops.due(failed, 31_000));
});

test("a second press goes out at once, keeps the id and begins the time anew", () => {
  const again = stops.press(out(), "home", "id-2", 29_000);
  assert.deepEqual(
    ["id-1", 29_000, 29_000, 1],
    [again.home.id, again.home.pressedAt, again.home.reachedAt, stops.due(again, 29_000).length],
  );
});

test("a press after the end is a new Stop", () => {
  const done = stops.observe(out(), "home", state("finished"), 10);
  assert.equal("id-2", stops.press(done, "home", "id-2", 20).home.id);
});

test("a confirmed Stop is shown for a while and then forgotten", () => {
  const done = stops.observe(out(), "home", state("finished"), 10);
  assert.deepEqual(
    [true, false],
    [stops.expire(done, 4_010, true).home !== undefined, "home" in stops.expire(done, 4_011, true)],
  );
});

test("two treadmills are stopped apart", () => {
  const both = stops.press(out(), "other", "id-9", 0);
  const one = stops.observe(both, "home", state("stopping"), 5);
  assert.deepEqual(["done", "waiting"], [one.home.outcome, one.other.outcome]);
});

test("a Stop that the broker forbids is not repeated, and says so until the belt stands", () => {
  const forbidden = stops.forbid(out(), "home", 40);
  assert.deepEqual(["forbidden", 0], [forbidden.home.outcome, stops.due(forbidden, 5_000).length]);
  assert.equal(forbidden, stops.observe(forbidden, "home", state("running"), 50));
  assert.deepEqual({}, stops.observe(forbidden, "home", state("finished"), 60));
});

test("a press after a refusal or a giving up is tried anew", () => {
  for (const old of [stops.forbid(out(), "home", 40), stops.expire(out(), 30_001, false)]) {
    const again = stops.press(old, "home", "id-2", 40_000);
    assert.deepEqual(["waiting", "id-2", 1], [again.home.outcome, again.home.id, stops.due(again, 40_000).length]);
  }
});
