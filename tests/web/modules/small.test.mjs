import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DaemonTime } from "../../../src/backstride/web/js/clock.js";
import { readConfig } from "../../../src/backstride/web/js/config.js";
import { duration, minutes, number, range, titleOf } from "../../../src/backstride/web/js/format.js";
import { CATALOGUES, pickLanguage } from "../../../src/backstride/web/js/i18n.js";
import { meaning } from "../../../src/backstride/web/js/keys.js";
import { tone } from "../../../src/backstride/web/js/phases.js";
import { ceiling, planAt, runs, stretches, turns } from "../../../src/backstride/web/js/plan.js";
import { href, readRoute, resolve } from "../../../src/backstride/web/js/router.js";
import { pickVoice } from "../../../src/backstride/web/js/speech.js";

const place = { protocol: "http:", hostname: "pi.lan", port: "8080", search: "" };

test("the broker is where the page came from unless somebody says otherwise", () => {
  assert.equal("ws://pi.lan:8080/mqtt", readConfig({}, place).url);
  assert.equal("wss://pi.lan/mqtt", readConfig({}, { ...place, protocol: "https:", port: "" }).url);
  assert.equal("ws://pi.lan:9001/", readConfig({ broker: { port: 9001, path: "/" } }, place).url);
  assert.equal("wss://pi.lan:9001/", readConfig({ broker: { port: 9001, path: "/", tls: true } }, place).url);
  assert.equal("ws://pi.lan:9001/", readConfig({ broker: { port: 9001, path: "/", tls: false } }, place).url);
  assert.equal(
    "ws://[::1]:9001/mqtt",
    readConfig({ broker: { port: 9001 } }, { ...place, hostname: "::1" }).url,
  );
  assert.equal("wss://gym:9", readConfig({ broker: { url: "wss://gym:9", port: 1 } }, place).url);
  assert.equal(
    "ws://x:1",
    readConfig({ broker: { url: "wss://gym:9" } }, { ...place, search: "?broker=ws%3A%2F%2Fx%3A1" }).url,
  );
});

test("routes are read and written alike, and nonsense is home", () => {
  for (const hash of ["#/", "#/gym", "#/settings", "#/t/home", "#/t/living-room/wall", "#/t/home/settings", "#/t/home/history", "#/t/home/plan"]) {
    assert.equal(hash, href(readRoute(hash)));
  }
  for (const hash of ["", "#/t", "#/t/UPPER", "#/t/a+b", "#/t/home/x", "#/t/home/wall/x", "#/../x"]) {
    assert.equal("home", readRoute(hash).name, hash);
  }
});

test("home is the only treadmill, or all of them", () => {
  const home = readRoute("#/");
  assert.deepEqual(
    [
      { name: "gym", treadmill: null },
      { name: "treadmill", treadmill: "a" },
      { name: "gym", treadmill: null },
    ],
    [resolve(home, []), resolve(home, ["a"]), resolve(home, ["a", "b"])],
  );
});

test("s and Esc stop; Esc does in a text field and with the keys switched off, too", () => {
  const key = (name, more = {}) => ({ key: name, ctrlKey: false, altKey: false, metaKey: false, ...more });
  const where = { editing: false, onControl: false, letters: true };
  assert.deepEqual(
    ["stop", "stop", "stop"],
    ["s", "S", "Escape"].map((name) => meaning(key(name), where)),
  );
  assert.deepEqual(
    ["stop", null],
    ["Escape", "s"].map((name) => meaning(key(name), { ...where, editing: true })),
  );
  assert.deepEqual(
    ["stop", null],
    ["Escape", "s"].map((name) => meaning(key(name), { ...where, letters: false })),
  );
  assert.equal(null, meaning(key("s", { ctrlKey: true }), where));
  assert.deepEqual(
    ["pause", null],
    [meaning(key(" "), where), meaning(key(" "), { ...where, onControl: true })],
  );
});

test("times, numbers and names read as people write them", () => {
  assert.deepEqual(
    ["0:09", "4:20", "1:00:00", "–"],
    [9, 260, 3_600, null].map((one) => duration(one)),
  );
  assert.deepEqual(["1.5", "1,5", "–"], [number(1.5, "en"), number(1.5, "de"), number(null, "en")]);
  assert.deepEqual(["20", "4.3"], [minutes(1_200, "en"), minutes(260, "en")]);
  assert.equal("Living room", titleOf("living-room"));
  assert.deepEqual(["60–99", "≈ 1"], [range({ low: 59.6, high: 99.4 }, "en"), range({ low: 0.6, high: 1.1 }, "en")]);
});

test("every catalogue has every text, with the same names to fill in", () => {
  const holes = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  for (const [code, catalogue] of Object.entries(CATALOGUES)) {
    assert.deepEqual(Object.keys(CATALOGUES.en), Object.keys(catalogue), code);
    for (const [key, text] of Object.entries(CATALOGUES.en))
      assert.equal(holes(text), holes(catalogue[key]), `${code} ${key}`);
  }
});

test("no catalogue calls the page's Stop an emergency stop without denying it", () => {
  for (const [code, catalogue] of Object.entries(CATALOGUES)) {
    const claims = Object.entries(catalogue).filter(([, text]) =>
      /emergency|nødstopp|not-halt|emergencia|urgence/i.test(text),
    );
    assert.deepEqual(
      ["about.clip"],
      claims.map(([key]) => key),
      code,
    );
  }
});

test("a browser's languages lead to the nearest catalogue", () => {
  assert.deepEqual(["no", "de", "fr", "en"], [["nb-NO"], ["de-AT"], ["ja", "fr"], []].map(pickLanguage));
});

test("a voice on the device is taken before one from the network", () => {
  const voices = [
    { lang: "en-US", localService: false, default: false },
    { lang: "en-GB", localService: true, default: false },
    { lang: "nb-NO", localService: true, default: false },
  ];
  assert.deepEqual(
    [voices[1], voices[2], null],
    ["en", "no", "fr"].map((code) => pickVoice(voices, code)),
  );
});

test("steps become a time line with turns and runs of one facing", () => {
  const step = (seconds, from_speed, speed, facing) => ({
    seconds,
    from_speed,
    speed,
    facing,
    incline: 0,
    effort: "work",
    cue: null,
  });
  const plan = stretches([
    step(60, 0.8, 2, "forward"),
    step(30, 1, 1, "backward"),
    step(30, 1.5, 1.5, "backward"),
  ]);
  assert.deepEqual(
    [
      [0, 60],
      [60, 90],
      [90, 120],
    ],
    plan.map((one) => [one.start, one.end]),
  );
  assert.deepEqual([60], turns(plan));
  assert.deepEqual(
    [1, 2],
    runs(plan).map((run) => run.length),
  );
  assert.equal(1.4, planAt(plan, 30).speed);
  assert.equal(1.5, planAt(plan, 500).speed);
  assert.equal(2.5, ceiling(plan));
  assert.deepEqual([[], null, 1.5], [stretches(undefined), planAt([], 3), ceiling([])]);
});

test("a command's time is the daemon's, however wrong the phone's clock is", () => {
  const time = new DaemonTime();
  time.learn("2020-01-01T00:00:00Z", 5_000);
  assert.equal(Date.parse("2020-01-01T00:00:02Z"), time.at(7_000));
  time.learn("nonsense", 9_000);
  assert.equal(Date.parse("2020-01-01T00:00:02Z"), time.at(7_000));
});

test("the machine's energy and our estimate are called by their names in every language", () => {
  for (const [language, words] of Object.entries(CATALOGUES)) {
    assert.match(words["total.energy"], /machine|Gerät|máquina|maskin/, language);
    assert.match(words["total.cost"], /estim|geschätzt|anslått/, language);
  }
});

test("every phase of the contract has a word and a tone", () => {
  const schema = JSON.parse(
    readFileSync(
      new URL("../../../src/backstride/mqtt/schemas/command.schema.json", import.meta.url),
      "utf8",
    ),
  );
  const phases = JSON.stringify(schema)
    .match(/"enum":\["offline"[^\]]*\]/)[0]
    .match(/"([a-z_]+)"/g)
    .slice(1)
    .map((one) => one.slice(1, -1));
  assert.ok(phases.length >= 13, phases.join());
  for (const phase of phases) {
    assert.ok(`phase.${phase}` in CATALOGUES.en, phase);
    if (phase !== "offline") assert.notEqual("none", tone(phase), phase);
  }
});
