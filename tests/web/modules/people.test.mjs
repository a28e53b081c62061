import assert from "node:assert/strict";
import { test } from "node:test";
import { day } from "../../../src/backstride/web/js/format.js";
import { CATALOGUES } from "../../../src/backstride/web/js/i18n.js";
import * as people from "../../../src/backstride/web/js/people.js";
import { absorb } from "../../../src/backstride/web/js/store.js";

const walk = (more = {}) => ({
  id: "s1",
  program_name: "Demo",
  started: "2026-11-20T10:00:00Z",
  walked: 720,
  backward: 300,
  ...more,
});
const week = (number, done) => ({ week: number, speed: 1, minutes: 6, incline: 0, done, sessions: 3 });
const plan = (more = {}) => ({
  boot: "b001",
  walker: "kari",
  week: 1,
  session: 2,
  program: "plan-1-2",
  refusal: null,
  weeks: [week(1, 1)],
  ...more,
});
const note = (topic, payload) => ({
  treadmill: "home",
  topic,
  payload: JSON.stringify(payload),
  retained: true,
  at: 1,
});
const fold = (...all) => all.reduce(absorb, {}).home;
const offered = (more = {}) =>
  note("programs", { programs: [{ id: "plan-1-2", name: "Today", refusal: null, ...more }], selected: null });

test("of a history only whole sessions and weeks remain", () => {
  const read = people.readHistory({
    sessions: [walk(), walk({ walked: "long" }), "x", null],
    weeks: [{ monday: "2026-11-16", sessions: 1, walked: 9, backward: 3 }, { monday: 7 }],
    question: 4,
  });
  assert.deepEqual([1, 1, null], [read.sessions.length, read.weeks.length, read.question]);
  assert.deepEqual([false, null], [read.sessions[0].completed, read.sessions[0].effort]);
});

test("thousands of sessions from a stranger are a hundred", () => {
  const sessions = Array.from({ length: 5_000 }, () => walk());
  assert.equal(100, people.readHistory({ sessions }).sessions.length);
});

test("what is no object changes nothing, and an empty payload takes it away", () => {
  const before = absorb({}, note("walkers", { walkers: [{ id: "kari", name: "Kari" }], selected: "kari" }));
  for (const topic of ["walkers", "plan", "history"]) {
    for (const payload of [[], 7, "x", null]) assert.equal(before, absorb(before, note(topic, payload)));
  }
  const gone = absorb(before, { ...note("walkers", {}), payload: "" });
  assert.deepEqual(["Kari", null], [people.nameOf(before.home, "kari"), people.nameOf(gone.home, "kari")]);
});

test("today's session is somebody's, due, on offer and possible here, or there is none", () => {
  const today = (...all) => people.todayOf(fold(...all));
  assert.deepEqual(
    ["plan-1-2", null, null, null, null],
    [
      today(note("plan", plan()), offered()),
      today(note("plan", plan())),
      today(note("plan", plan({ walker: null })), offered()),
      today(note("plan", plan({ refusal: "not before Monday" })), offered()),
      today(note("plan", plan()), offered({ refusal: "too fast" })),
    ],
  );
});

test("the question is about a session that is known", () => {
  const asked = (question) => people.questionOf(fold(note("history", { sessions: [walk()], question })));
  assert.deepEqual(["s1", null, null], [asked("s1")?.id, asked("s2"), asked(null)]);
});

test("each effort and each pain has a word in every language", () => {
  assert.deepEqual([6, 20, 0, 10], [people.EFFORTS[0], people.EFFORTS.at(-1), people.PAINS[0], people.PAINS.at(-1)]);
  const keys = [...people.EFFORTS.map(people.effortWord), ...people.PAINS.map(people.painWord)];
  for (const catalogue of Object.values(CATALOGUES)) {
    assert.deepEqual([], keys.filter((key) => !(key in catalogue)));
  }
  assert.deepEqual(["borg.13", "borg.13", "borg.15"], [13, 14, 15].map(people.effortWord));
  assert.deepEqual(["pain.1", "pain.4"], [3, 4].map(people.painWord));
});

test("every decision of the plan has words", () => {
  for (const one of ["begin", "advance", "repeat", "step_back", "keep"])
    assert.ok(`decision.${one}` in CATALOGUES.en, one);
});

test("a day is the same one wherever it is read", () => {
  assert.match(day("2026-11-16", "en-GB"), /Mon.*16 Nov/);
  assert.deepEqual(["–", "–"], [day("soon", "en"), day(null, "en")]);
});
