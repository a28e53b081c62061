import assert from "node:assert/strict";
import { test } from "node:test";
import * as store from "../../../src/backstride/web/js/store.js";

const state = (more = {}) => ({
  v: 1,
  boot: "b001",
  seq: 1,
  time: "2026-11-20T10:00:00Z",
  phase: "running",
  speed: { measured: 1.2 },
  ...more,
});
const news = (topic, payload, more = {}) => ({
  treadmill: "home",
  topic,
  payload: typeof payload === "string" ? payload : JSON.stringify(payload),
  retained: false,
  at: 1_000,
  ...more,
});
const fold = (...all) => all.reduce(store.absorb, {});

test("a state is kept with the time at which it came here", () => {
  const { home } = fold(news("state", state(), { at: 4_200 }));
  assert.deepEqual([4_200, "running", true], [home.stateAt, home.state.phase, home.live]);
});

test("a speed that is not told is null and never 0", () => {
  const { home } = fold(news("state", state({ speed: {} })));
  assert.deepEqual({ measured: null, target: null, setpoint: null, cap: null }, home.state.speed);
});

test("what is no JSON, no object or no state changes nothing", () => {
  const before = fold(news("state", state()));
  for (const payload of ["{", "[]", "7", '"x"', "null", "{}", '{"phase": 3, "boot": "b"}', ""]) {
    assert.equal(before, store.absorb(before, news("state", payload)), payload);
  }
});

test("an unknown topic changes nothing", () => {
  const before = fold(news("state", state()));
  assert.equal(before, store.absorb(before, news("weather", "{}")));
});

test("an older state of the same life does not come back", () => {
  const { home } = fold(news("state", state({ seq: 9 })), news("state", state({ seq: 8, phase: "idle" })));
  assert.equal("running", home.state.phase);
});

test("a new life of the daemon begins its numbers anew", () => {
  const { home } = fold(
    news("state", state({ seq: 9 })),
    news("state", state({ seq: 1, boot: "b002", phase: "idle" })),
  );
  assert.equal("idle", home.state.phase);
});

test("while the belt may move, a state older than 3 s is stale", () => {
  const { home } = fold(news("state", state(), { at: 0 }));
  assert.deepEqual(
    [null, "silent"],
    [store.staleness(home, 3_000, true), store.staleness(home, 3_001, true)],
  );
});

test("at rest a state lasts 45 s", () => {
  const { home } = fold(news("state", state({ phase: "idle" }), { at: 0 }));
  assert.deepEqual(
    [null, "silent"],
    [store.staleness(home, 45_000, true), store.staleness(home, 45_001, true)],
  );
});

test("a kept state of a moving belt is stale until a live one comes", () => {
  const kept = fold(news("state", state(), { retained: true, at: 0 }));
  const live = store.absorb(kept, news("state", state({ seq: 2 }), { at: 10 }));
  assert.deepEqual(
    ["kept", null],
    [store.staleness(kept.home, 5, true), store.staleness(live.home, 15, true)],
  );
});

test("without a broker, a daemon or a state everything is stale", () => {
  const on = fold(news("state", state()));
  const off = store.absorb(on, news("availability", "offline"));
  assert.deepEqual(
    ["broker", "offline", "unknown"],
    [
      store.staleness(on.home, 1_000, false),
      store.staleness(off.home, 1_000, true),
      store.staleness(undefined, 0, true),
    ],
  );
});

test("the age of the belt's own news adds the way to the page", () => {
  const { home } = fold(news("state", state({ age: 0.5 }), { at: 1_000 }));
  assert.equal(1_700, store.beltAge(home, 2_200));
});

test("the trail follows the program's own clock and starts anew with a program", () => {
  const at = (elapsed, speed, seq, more = {}) =>
    news(
      "state",
      state({
        seq,
        program: "demo",
        script: { elapsed, remaining: 60 - elapsed },
        speed: { measured: speed },
        ...more,
      }),
    );
  const { home } = fold(at(1, 0.8, 1), at(2, 0.9, 2), at(2, 1, 3), at(3, 1, 4));
  assert.deepEqual(
    [
      { elapsed: 1, speed: 0.8 },
      { elapsed: 2, speed: 1 },
      { elapsed: 3, speed: 1 },
    ],
    home.trail,
  );
  const other = store.absorb({ home }, at(1, 0.8, 5, { program: "hill" }));
  assert.deepEqual([{ elapsed: 1, speed: 0.8 }], other.home.trail);
});

test("the trail never grows beyond its bound", () => {
  let sights = {};
  for (let i = 1; i < 12_000; i += 1) {
    const one = state({ seq: i, script: { elapsed: i, remaining: 1 } });
    sights = store.absorb(sights, news("state", one));
  }
  assert.ok(sights.home.trail.length <= 10_801, String(sights.home.trail.length));
});

test("a step's rest counts on between two messages while walking, and stands while holding", () => {
  const walking = fold(news("state", state(), { at: 0 })).home;
  const holding = fold(news("state", state({ phase: "holding" }), { at: 0 })).home;
  assert.deepEqual(
    [18.5, 20, 0],
    [store.carryOn(walking, 20, 1_500), store.carryOn(holding, 20, 1_500), store.carryOn(walking, 1, 2_900)],
  );
});

test("a countdown without news stops after 3 s instead of pretending", () => {
  const walking = fold(news("state", state(), { at: 0 })).home;
  assert.equal(17, store.carryOn(walking, 20, 60_000));
});

test("the present program is the one that is walked, else the selected one", () => {
  const programs = {
    programs: [
      { id: "demo", name: "Demo" },
      { id: "hill", name: "Hill" },
    ],
    selected: "hill",
  };
  const walked = fold(news("programs", programs), news("state", state({ program: "demo" }))).home;
  const ready = fold(
    news("programs", programs),
    news("state", state({ program: "demo", phase: "idle" })),
  ).home;
  assert.deepEqual(["demo", "hill"], [store.presentProgram(walked).id, store.presentProgram(ready).id]);
});

test("a removed retained message is forgotten", () => {
  const { home } = fold(news("programs", { programs: [] }), news("programs", ""));
  assert.equal(null, home.programs);
});

test("somebody is asked for a sign of life only while walking", () => {
  const cue = { number: 1, kind: "check_in", text: "?" };
  const walking = fold(news("state", state({ cue }))).home;
  const ready = fold(news("state", state({ cue, phase: "idle" }))).home;
  assert.deepEqual([true, false], [store.isAsked(walking), store.isAsked(ready)]);
});

test("groups of another shape than the contract's are as good as not told", () => {
  const bad = state({
    speed: [],
    incline: 7,
    script: { elapsed: "x" },
    step: {},
    next: 1,
    cue: { text: 5 },
    alarm: "!",
    holding: "x",
    distance: "9",
    elapsed: NaN,
  });
  const { home } = fold(news("state", bad));
  assert.deepEqual(
    [null, null, null, null, null, null, [], null],
    [
      home.state.speed.measured,
      home.state.script,
      home.state.step,
      home.state.next,
      home.state.cue,
      home.state.alarm,
      home.state.holding,
      home.state.distance,
    ],
  );
});

test("programs and steps that cannot be shown are left out", () => {
  const programs = [
    null,
    3,
    {},
    { id: "a" },
    { id: "b", name: "B", steps: [null, { seconds: -1, speed: 1 }, { seconds: 9, speed: 1 }] },
  ];
  const { home } = fold(news("programs", { programs, selected: 4 }));
  assert.deepEqual(
    [1, "b", 1, null],
    [
      home.programs.programs.length,
      home.programs.programs[0].id,
      home.programs.programs[0].steps.length,
      home.programs.selected,
    ],
  );
});

test("no junk on any topic throws, or is believed", () => {
  const junk = [
    "",
    "null",
    "[]",
    "7",
    '"x"',
    "{",
    "{}",
    '{"v":1}',
    '{"programs":7}',
    '{"phase":"x","boot":1}',
    '{"boot":"b","machine":4,"limits":[]}',
    "\u0000",
  ];
  for (const topic of [...store.TOPICS, "x"]) {
    for (const payload of junk) {
      const { ghost } = store.absorb({}, news(topic, payload, { treadmill: "ghost" }));
      assert.equal(null, ghost?.state ?? null, `${topic} ${payload}`);
    }
  }
});

test("the heart's ceiling is known, and that it is passed only where it is said", () => {
  const heart = (more) => fold(news("state", state(more))).home.state.heart;
  assert.deepEqual(
    [{ source: "strap", ceiling: 150, over: true }, { source: null, ceiling: null, over: false }, null],
    [
      heart({ heart: { rate: 152, source: "strap", ceiling: 150, over: true } }),
      heart({ heart: { over: "yes" } }),
      heart({ heart: [] }),
    ],
  );
});
