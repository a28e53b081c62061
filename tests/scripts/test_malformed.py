"""Broken files: each a ScriptError with a place, whatever is broken. Hazards H04, H20 and H21."""

from __future__ import annotations

import random
import re
import time
from itertools import pairwise

import pytest

from backstride.domain.limits import BACKWARD_TIME, INCLINE, JOG_SPEED, JUMP, WALK_SPEED
from backstride.domain.workout import Level, Program, flatten
from backstride.scripts.catalogue import shipped_dir
from backstride.scripts.problems import MOST, ScriptError
from backstride.scripts.reader import load_program, read_program

BASE = """\
name: Test
goal: see what is refused
level: regular
max speed: 3.0 km/h
max incline: 2 %
check in: 5 min
unsupervised: true
steps:
  - warmup: 2 min
    facing: forward
    speed: 2.0 km/h
  - turn: backward
  - repeat: 3
    steps:
      - work: 60 s
        speed: 1.5 km/h
        incline: 1 %
        cue: stay tall
      - recover: 30 s
        ramp: 1.5 km/h to 1.0 km/h
  - turn: forward
  - cooldown: 2 min
    speed: 1.0 km/h
"""

# what is changed, into what, the line and column of the first problem, words of its message
EDITS = [
    # keys
    ("name: Test", "nmae: Test", 1, 1, "unknown key: `nmae`; did you mean `name`?"),
    ("max speed:", "max_speed:", 4, 1, "did you mean `max speed`?"),
    ("max speed:", "Max Speed:", 4, 1, "did you mean `max speed`?"),
    ("recover: 30 s", "rest: 30 s", 19, 9, "did you mean `recover`?"),
    ("warmup: 2 min", "warm-up: 2 min", 9, 5, "did you mean `warmup`?"),
    ("cue: stay tall", "colour: red", 18, 9, "unknown key: `colour`; known here: `warmup`"),
    ("incline: 1 %", "level: regular", 17, 9, "this key does not belong into a step"),
    ("turn: backward", "turn: backward\n    speed: 1.0 km/h", 13, 5, "does not belong into a turn"),
    ("repeat: 3", "repeat: 3\n    cue: hello", 14, 5, "does not belong into a repeat"),
    ("goal: see", "level: locked\ngoal: see", 4, 1, "comes a second time (first on line 2): `level`"),
    ("incline: 1 %", "speed: 1.5 km/h", 17, 9, "the key comes a second time (first on line 16)"),
    ("level: regular\n", "", 1, 1, "a program needs the key `level`"),
    ("max speed: 3.0 km/h\n", "", 1, 1, "a program needs the key `max speed`"),
    ("steps:\n  - warmup", "zzz:\n  - warmup", 1, 1, "a program needs the key `steps`"),
    ("level: regular", "<<: regular", 1, 1, "a program needs the key `level`"),
    ("level: regular", "[a, b]: regular", 3, 1, "a list cannot be a key"),
    ("level: regular", "3: regular", 1, 1, "a program needs the key `level`"),
    # quantities
    ("speed: 1.5 km/h", "speed: 1.5", 16, 16, "a number without its unit is not a speed: `1.5`"),
    ("speed: 1.5 km/h", "speed: 1,5 km/h", 16, 16, "speeds are written with a point"),
    ("speed: 1.5 km/h", "speed: -1.5 km/h", 16, 16, "a speed cannot be negative"),
    ("speed: 1.5 km/h", "speed: 26 km/h", 16, 16, "this is not a speed"),
    ("speed: 1.5 km/h", "speed: 8.1 km/h", 16, 16, "too fast for any program"),
    ("speed: 1.5 km/h", "speed: 3.1 km/h", 16, 16, "faster than the program's own `max speed`"),
    ("speed: 1.5 km/h", "speed: 1.5 kmh", 16, 16, "write for example `1.2 km/h`"),
    ("speed: 1.5 km/h", "speed: 1.5 %", 16, 16, "this is not a speed"),
    ("speed: 1.5 km/h", "speed: .nan", 16, 16, "a speed must be a number"),
    ("speed: 1.5 km/h", "speed: nan km/h", 16, 16, "a speed must be a number"),
    ("speed: 1.5 km/h", "speed: .inf", 16, 16, "a speed must be a number"),
    ("speed: 1.5 km/h", "speed: 1e0 km/h", 16, 16, "this is not a speed"),
    ("speed: 1.5 km/h", "speed: 0 km/h", 16, 16, "the belt stands only for a turn"),
    ("speed: 1.5 km/h", "speed: 0.001 km/h", 16, 16, "the belt stands only for a turn"),
    ("speed: 1.5 km/h", "speed:", 16, 15, "a speed is missing"),
    ("speed: 1.5 km/h", "speed: ~", 16, 16, "a speed is missing"),
    ("speed: 1.5 km/h", "speed: minimum", 16, 16, "did you mean `machine minimum`?"),
    ("speed: 1.5 km/h", "speed: [1.5 km/h]", 16, 16, "a list cannot stand under `speed`"),
    ("speed: 1.5 km/h", "speed: {at: 1}", 16, 16, "a group of keys cannot stand under `speed`"),
    ("speed: 1.5 km/h", 'speed: "1.5"', 16, 16, "a number without its unit"),
    ("speed: 1.5 km/h", "speed: \N{ARABIC-INDIC DIGIT ONE} km/h", 16, 16, "this is not a speed"),
    ("max speed: 3.0 km/h", "max speed: machine minimum", 4, 12, "this is not a speed"),
    ("max speed: 3.0 km/h", "max speed: 5.6 km/h", 4, 12, "too fast for the level `regular`"),
    ("level: regular", "level: cautious", 4, 12, "too fast for the level `cautious`"),
    ("incline: 1 %", "incline: -1 %", 17, 18, "nobody walks backward downhill"),
    ("incline: 1 %", "incline: -0.01 %", 17, 18, "nobody walks backward downhill"),
    ("incline: 1 %", "incline: 1", 17, 18, "a number without its unit is not an incline"),
    ("incline: 1 %", "incline: 10.1 %", 17, 18, "too steep for any program"),
    ("incline: 1 %", "incline: 2.1 %", 17, 18, "steeper than the program's own `max incline`"),
    ("max incline: 2 %\n", "", 16, 18, "or add `max incline: 1.0 %`"),
    ("work: 60 s", "work: 60", 15, 15, "a number without its unit is not a duration"),
    ("work: 60 s", "work: 9 s", 15, 15, "work: this is too short: `9 s`; write 0:10 to 1:00:00"),
    ("work: 60 s", "work: 61 min", 15, 15, "this is too long"),
    ("work: 60 s", "work: 1:75", 15, 15, "this is not a duration"),
    ("work: 60 s", "work: -60 s", 15, 15, "a duration cannot be negative"),
    ("work: 60 s", "work: 25 h", 15, 15, "this is not a duration"),
    ("check in: 5 min", "check in: 30 s", 6, 11, "this is too short"),
    # ramps
    ("1.5 km/h to 1.0 km/h", "1.5 km/h", 20, 15, "this is not a ramp"),
    ("1.5 km/h to 1.0 km/h", "1.5 to 1.0 km/h", 20, 15, "a number without its unit"),
    ("1.5 km/h to 1.0 km/h", "1.5 km/h to 1.0", 20, 27, "a number without its unit"),
    ("1.5 km/h to 1.0 km/h", '"1.5 km/h to 1.0"', 20, 28, "a number without its unit"),
    ("1.5 km/h to 1.0 km/h", "1 km/h to 2 km/h to 1 km/h", 20, 15, "this is not a ramp"),
    ("1.5 km/h to 1.0 km/h", "1.5 km/h to 1.5 km/h", 20, 15, "a ramp ends where it began"),
    ("warmup: 2 min\n    facing: forward\n    speed: 2.0 km/h",
     "warmup: 10 s\n    facing: forward\n    ramp: 1.0 km/h to 2.1 km/h",
     11, 11, "the ramp rises too quickly for 0:10: `1.0 km/h to 2.1 km/h`; give it at least 11 s"),
    # words
    ("level: regular", "level: expert", 3, 8, "this word is not known here: `expert`"),
    ("level: regular", "level: begginer", 3, 8, "did you mean `beginner`?"),
    ("facing: forward", "facing: back", 10, 13, "did you mean `backward`?"),
    ("turn: backward", "turn: left", 12, 11, "write `forward` or `backward`"),
    ("turn: backward", "turn: Backward", 12, 11, "did you mean `backward`?"),
    ("unsupervised: true", "unsupervised: yes", 7, 15, "write `true` or `false`"),
    ("unsupervised: true", 'unsupervised: "true"', 7, 15, "write `true` or `false`"),
    ("repeat: 3", "repeat: three", 13, 13, "this is not a number of times"),
    ("repeat: 3", "repeat: 1", 13, 13, "write a whole number from 2 to 60"),
    ("repeat: 3", "repeat: 61", 13, 13, "write a whole number from 2 to 60"),
    ("repeat: 3", "repeat: -3", 13, 13, "this is not a number of times"),
    ("repeat: 3", "repeat: 3.0", 13, 13, "this is not a number of times"),
    ("repeat: 3", "repeat: 99999999999999999999", 13, 13, "this is not a number of times"),
    ("name: Test", "name: 12", 1, 7, "this is not a text: `12`; put it in quotes"),
    ("name: Test", "name: true", 1, 7, "this is not a text"),
    ("name: Test", "name:", 1, 6, "a text is missing"),
    ("name: Test", 'name: "  "', 1, 7, "a text is missing"),
    ("name: Test", f"name: {'x' * 61}", 1, 7, "at most 60 characters"),
    ("name: Test", 'name: "a\\nb"', 1, 7, "one line without control characters"),
    ("name: Test", 'name: "a\\e[31mb"', 1, 7, "one line without control characters"),
    ("cue: stay tall", f"cue: {'x' * 121}", 18, 14, "at most 120 characters"),
    # steps
    ("work: 60 s\n", "incline: 1 %\n", 15, 9, "the key comes a second time"),
    ("      - work: 60 s\n        speed: 1.5 km/h", "      - speed: 1.5 km/h", 15, 9, "has no effort"),
    ("speed: 1.5 km/h\n        incline", "incline", 15, 9, "the step has no speed"),
    ("incline: 1 %", "recover: 30 s", 17, 9, "a step has one effort"),
    ("incline: 1 %", "sped: 1 km/h", 17, 9, "did you mean `speed`?"),
    ("speed: 1.5 km/h", "sped: 1 km/h\n        ramp: 1 km/h to 2 km/h", 16, 9, "did you mean `speed`?"),
    ("incline: 1 %", "ramp: 1 km/h to 2 km/h", 17, 9, "a step has one speed"),
    ("    facing: forward\n", "", 9, 5, "must say which way the walker looks"),
    ("cue: stay tall", "facing: backward", 18, 9, "only the first step has a facing"),
    ("warmup: 2 min", "work: 2 min", 9, 5, "a program begins with a warm-up"),
    ("cooldown: 2 min", "work: 2 min", 22, 5, "a program ends with a cool-down"),
    ("  - turn: forward\n  - cooldown: 2 min\n    speed: 1.0 km/h\n", "  - turn: forward\n",
     21, 11, "a turn ends the program"),
    ("turn: backward", "turn: forward", 12, 11, "the walker already looks forward here"),
    ("  - turn: backward\n", "  - turn: backward\n  - turn: forward\n", 13, 11, "follows a turn"),
    ("repeat: 3\n    steps:", "repeat: 3\n    steps: []\n    other:", 14, 12, "there are no steps"),
    ("repeat: 3\n    steps:", "repeat: 3\n    steps: 5\n    other:", 14, 12, "steps cannot be a text"),
    ("  - turn: backward\n", "  - turn\n", 12, 5, "a step cannot be a text: `turn`"),
    ("  - turn: backward\n", "  - [turn]\n", 12, 5, "a step cannot be a list"),
    ("  - turn: backward\n", "  -\n", 12, 4, "a step cannot be a text"),
    ("  - warmup: 2 min\n    facing: forward\n    speed: 2.0 km/h\n", "", 9, 11,
     "a program begins with a step of its own"),
    # limits over several steps
    ("speed: 1.5 km/h", "speed: 2.1 km/h", 16, 16, "backward walking begins too fast"),
    ("1.5 km/h to 1.0 km/h", "2.6 km/h to 1.0 km/h", 20, 15, "the speed jumps by 1.1 km/h"),
    ("1.5 km/h to 1.0 km/h", "1.0 km/h to 3.0 km/h", 16, 16, "the speed jumps by 1.5 km/h"),
    ("work: 60 s", "work: 10 min", 15, 15, "here the backward walking becomes too long"),
    ("work: 60 s", "work: 60 min", 13, 13, "the program lasts 3:05:30, too long"),
    ("recover: 30 s\n        ramp: 1.5 km/h to 1.0 km/h", "turn: backward", 19, 15,
     "the walker already looks backward here"),
    # YAML that programs do not use
    ("work: 60 s", "work: &long 60 s", 15, 15, "anchors are not used in programs: `&long`"),
    ("work: 60 s", "work: *long", 15, 15, "aliases are not used in programs: `*long`"),
    ("work: 60 s", "work: !!str 60 s", 15, 15, "tags are not used in programs"),
    ("work: 60 s", "work: !!python/name:os.system 60 s", 15, 15, "tags are not used in programs"),
    ("name: Test", "%YAML 1.1\n---\nname: Test", 2, 1, "directives are not used in programs"),
    ("steps:\n  - warmup", "---\nsteps:\n  - warmup", 8, 1, "a second document begins"),
    ("name: Test", "name: Test: again", 1, 11, "this is not YAML"),
    ("name: Test", "name: 'Test", 1, 7, "this is not YAML"),
    ("level: regular", "\tlevel: regular", 3, 1, "this is not YAML"),
    ("level: regular", " level: regular", 3, 7, "this is not YAML"),
    ("goal: see", "goal: @see", 2, 7, "this is not YAML"),
    ("goal: see", 'goal: "\\UFFFFFFFF see"', 1, 1, "this is not YAML"),
    ("goal: see", "goal: \x00see", 2, 7, "a control character does not belong"),
    ("goal: see", "goal: \x1b[31msee", 2, 7, "a control character does not belong"),
    ("name: Test", f"name: Test # {'x' * 1000}", 1, 1001, "the line is too long"),
]  # fmt: skip

WHOLE = [
    (b"", 1, 1, "the file is empty"),
    (b"# only a comment\n", 1, 1, "the file is empty"),
    (b"---\n...\n", 1, 1, "the file is empty"),
    (b"just words\n", 1, 1, "a program cannot be a text"),
    (b"- a\n- b\n", 1, 1, "a program cannot be a list"),
    (b"\xff\xfen\x00a\x00", 1, 1, "this is not UTF-8 text: `ff`"),
    (b"name: Test\ngoal: caf\xe9\n", 2, 10, "this is not UTF-8 text: `e9`; save the file"),
    (b"\x00" * 10, 1, 1, "a control character"),
    (b"[" * 900, 1, 13, "this is nested too deeply"),
    (b"[\n" * 30_000, 13, 1, "this is nested too deeply"),
    (b"- " * 400, 1, 25, "this is nested too deeply"),
    (b"{a: " * 200, 1, 49, "this is nested too deeply"),
    (b"#" * 70_000, 1, 1, "at most 64 KiB are accepted"),
    (b"- a\n" * 16_000, 9_999, 3, "at most 10000 values are accepted"),
    (b"a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\n", 1, 4, "anchors are not used in programs"),
]


def nested_repeats(levels: int, times: int) -> str:
    """The base with the work inside so many repeats."""
    text = "".join(
        f"{'    ' * n}  - repeat: {times}\n{'    ' * n}    steps:\n" for n in range(levels)
    )
    pad = "    " * levels
    inner = f"{pad}  - work: 10 s\n{pad}    speed: 1.0 km/h\n"
    head, tail = BASE.split("  - repeat: 3\n")
    return head + text + inner + tail[tail.index("  - turn: forward") :]


def refusal(data: str | bytes) -> ScriptError:
    with pytest.raises(ScriptError) as caught:
        read_program(data, "test", "test.yaml")
    return caught.value


def breaks_a_limit(program: Program) -> str | None:
    """Judge an accepted program again, without the reader's own rules."""
    workout = flatten(program, 50)
    hard = JOG_SPEED if program.level is Level.LOCKED else WALK_SPEED
    if workout.top_speed > min(program.max_speed, hard):
        return "speed"
    if any(not 0 <= s.incline <= min(program.max_incline, INCLINE) for s in workout.segments):
        return "incline"
    if workout.backward_time > BACKWARD_TIME or workout.duration > 2 * 60 * 60_000:
        return "time"
    if len(workout.segments) > 500 or any(s.duration < 10_000 for s in workout.segments):
        return "size"
    exact = flatten(program, 0).segments  # a machine's minimum shows as 0 and is not judged here
    for before, after in pairwise(exact):
        known = before.ramp_to and after.speed
        if known and not after.turn and abs(after.speed - before.ramp_to) > JUMP:
            return "jump"
    return None


def test_the_base_of_all_edits_is_accepted():
    assert read_program(BASE, "test").name == "Test"


@pytest.mark.hazard("H04", "H20", "H21")
@pytest.mark.parametrize(
    ("old", "new", "line", "column", "part"), EDITS, ids=[f"{e[1][:30]!r}" for e in EDITS]
)
def test_an_edit_that_breaks_a_program_is_told_with_its_place(old, new, line, column, part):
    assert old in BASE
    error = refusal(BASE.replace(old, new, 1))
    first = error.problems[0]
    assert (line, column) == (first.at.line, first.at.column), str(error)
    assert part in str(error)
    assert str(error).startswith(f"test.yaml:{line}:{column}: ")


@pytest.mark.parametrize(("data", "line", "column", "part"), WHOLE)
def test_a_file_that_is_no_program_at_all_is_told_with_its_place(data, line, column, part):
    error = refusal(data)
    assert (line, column) == (error.problems[0].at.line, error.problems[0].at.column), str(error)
    assert part in str(error)


def test_three_nested_repeats_are_accepted_and_a_fourth_is_not():
    assert len(flatten(read_program(nested_repeats(3, 2), "t"), 50).segments) == 8 + 2
    error = refusal(nested_repeats(4, 2))
    assert error.problems[0].what == "repeats are nested too deeply"
    assert (19, 17) == (error.problems[0].at.line, error.problems[0].at.column)


@pytest.mark.hazard("H21")
def test_a_repeat_bomb_is_counted_and_not_written_out():
    began = time.thread_time()
    error = refusal(nested_repeats(3, 60))
    assert "216004 steps are too many" in str(error)
    assert time.thread_time() - began < 0.5


def test_all_problems_of_a_file_are_told_in_the_order_of_the_file():
    text = BASE.replace("level: regular", "level: expert").replace("60 s", "60", 1)
    text = text.replace("speed: 1.5 km/h", "speed: fast").replace("incline: 1 %", "incline: -1 %")
    error = refusal(text)
    assert [3, 15, 16, 17] == [problem.at.line for problem in error.problems]
    assert 4 == len(str(error).splitlines())


def test_a_long_list_of_problems_is_cut():
    text = BASE + "  - work: 1\n" * 100
    error = refusal(text)
    assert MOST == len(error.problems)
    assert 150 == error.dropped
    assert "test.yaml: and 150 more" == str(error).splitlines()[-1]


def test_a_message_never_carries_a_control_character_of_the_file():
    error = refusal(BASE.replace("level: regular", 'level: "a\\e[31m\\a\\n\\u202e"'))
    assert re.fullmatch(r"[^\x00-\x1f\x7f\u202e]*", str(error))


@pytest.mark.parametrize("stem", ["Test", "a b", "", "-a", "a--b", "x" * 41, "ü", "a/b", "a\n"])
def test_a_file_name_that_cannot_be_an_id_is_refused(stem):
    with pytest.raises(ScriptError, match="the file's name cannot be a program's id"):
        read_program(BASE, stem)


def test_a_missing_file_and_a_directory_are_script_errors(tmp_path):
    for path in (tmp_path, tmp_path / "none.yaml", tmp_path / ("x" * 300)):
        with pytest.raises(ScriptError) as caught:
            load_program(path)
        assert f"{path}:1:1: " in str(caught.value)


# Each takes the text of a valid program and its random source, and returns a text that cannot be valid.
QUANTITY = re.compile(r"(?<=: )(\d+(?:\.\d+)?) (km/h|min|s|%)$", re.MULTILINE)
KEY = re.compile(r"^(?P<before>[ -]*)(?P<key>[a-z][a-z ]*):", re.MULTILINE)


def _at_random(pattern: re.Pattern[str], text: str, rng: random.Random) -> re.Match[str]:
    return rng.choice(list(pattern.finditer(text)))


def _replace(match: re.Match[str], text: str, new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]


def drop_a_unit(text: str, rng: random.Random) -> str:
    match = _at_random(QUANTITY, text, rng)
    return _replace(match, text, match[1])


def exaggerate(text: str, rng: random.Random) -> str:
    match = _at_random(QUANTITY, text, rng)
    return _replace(match, text, f"{rng.randint(9_000, 999_999)} {match[2]}")


def negate(text: str, rng: random.Random) -> str:
    match = _at_random(QUANTITY, text, rng)
    return _replace(match, text, f"-{match[0]}")


def lose_the_number(text: str, rng: random.Random) -> str:
    match = _at_random(QUANTITY, text, rng)
    words = [
        ".nan",
        "nan km/h",
        "inf",
        "~",
        "",
        "true",
        "[]",
        "{}",
        "1.2.3 km/h",
        "1_0 s",
        "0x10 s",
    ]
    return _replace(match, text, rng.choice(words))


def swap_letters_of_a_key(text: str, rng: random.Random) -> str:
    match = _at_random(KEY, text, rng)
    key = match["key"]
    at = rng.randrange(len(key) - 1)
    swapped = key[:at] + key[at + 1] + key[at] + key[at + 2 :]
    return _replace(match, text, f"{match['before']}{swapped if swapped != key else key + 'x'}:")


def double_a_key(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    keys = [n for n, line in enumerate(lines) if re.match(r" *(speed|name|level|goal|cue): ", line)]
    at = rng.choice(keys)
    return "".join([*lines[:at], lines[at], *lines[at:]])


def anchor_something(text: str, rng: random.Random) -> str:
    match = _at_random(QUANTITY, text, rng)
    return _replace(match, text, f"{rng.choice(['&a', '*a', '!t', '!!int'])} {match[0]}")


def add_a_control_character(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    return text[:at] + rng.choice("\x00\x01\x07\x08\x0b\x1b\x7f") + text[at:]


def nest_deeply(text: str, rng: random.Random) -> str:
    match = _at_random(QUANTITY, text, rng)
    return _replace(match, text, "[" * rng.randint(1, 400))


def end_early(text: str, _: random.Random) -> str:
    return text[: text.index("cooldown") - 4] + "  - turn: forward\n"


MUTATIONS = [
    drop_a_unit,
    exaggerate,
    negate,
    lose_the_number,
    swap_letters_of_a_key,
    double_a_key,
    anchor_something,
    add_a_control_character,
    nest_deeply,
    end_early,
]
PROGRAMS = sorted(shipped_dir().glob("*.yaml"))
SEED = 20_250_101


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_a_mutated_program_is_refused_with_a_place(mutate):
    print("seed", SEED)
    rng = random.Random(f"{SEED} {mutate.__name__}")
    for _ in range(20):
        path = rng.choice(PROGRAMS)
        text = mutate(_without_comments(path.read_text("utf-8")), rng)
        error = refusal(text)
        lines = len(text.splitlines())
        assert all(1 <= p.at.line <= lines + 1 and p.at.column >= 1 for p in error.problems), text


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


@pytest.mark.hazard("H04", "H21")
def test_a_damaged_file_is_refused_or_still_within_every_limit():
    print("seed", SEED)
    rng = random.Random(SEED)
    refused = places = 0
    for _ in range(400):
        data = bytearray(rng.choice(PROGRAMS).read_bytes())
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data))
            damage = rng.randrange(4)
            if damage == 0:
                data[at] = rng.randrange(256)
            elif damage == 1:
                del data[at : at + rng.randint(1, 20)]
            elif damage == 2:
                data[at:at] = bytes(rng.choices(b"0123456789 :-[]{}&*!%\n\t'\"|>", k=3))
            else:
                del data[at:]
                data += b"\n"
        try:
            program = read_program(bytes(data), "damaged")
        except ScriptError as error:
            refused += 1
            places += len(error.problems) > 0
        else:
            assert breaks_a_limit(program) is None, bytes(data)
    print("refused", refused, "of 400")
    assert places == refused > 100


PIECES = [
    "\n",
    "  ",
    "- ",
    ": ",
    "[",
    "{",
    '"',
    "'",
    "|",
    "&a",
    "*a",
    "!",
    "? ",
    "---\n",
    "#",
    "~",
    "<<",
    "é",
]


@pytest.mark.hazard("H21")
def test_a_file_with_its_lines_mixed_up_is_refused_or_still_within_every_limit():
    print("seed", SEED)
    rng = random.Random(SEED)
    refused = 0
    for _ in range(400):
        lines = rng.choice(PROGRAMS).read_text("utf-8").splitlines(keepends=True)
        for _ in range(rng.randint(1, 4)):
            one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
            at = rng.randrange(len(lines[one]))
            match rng.randrange(4):
                case 0:
                    del lines[one]
                case 1:
                    lines[one], lines[other] = lines[other], lines[one]
                case 2:
                    lines[one] = lines[one][:at] + rng.choice(PIECES) + lines[one][at:]
                case _:
                    lines[one] = lines[one][:at] + lines[one][at + 1 :] + "\n"
        try:
            program = read_program("".join(lines), "mixed")
        except ScriptError:
            refused += 1
        else:
            assert breaks_a_limit(program) is None, "".join(lines)
    print("refused", refused, "of 400")
    assert refused > 200


@pytest.mark.hazard("H21")
def test_random_bytes_are_refused():
    print("seed", SEED)
    rng = random.Random(SEED)
    for size in (1, 2, 3, 10, 100, 1_000):
        for _ in range(20):
            refusal(rng.randbytes(size))
            refusal("".join(rng.choices("ab:-?[]{},&*!|>'\"%@`#~ \n\t0.", k=size)))


@pytest.mark.hazard("H21")
def test_hostile_files_cost_no_time():
    hostile = [
        "[" * 990 + "\n",
        "[],\n",
        "- ? [\n",
        "a: 'x\n",
        "? a\n",
        "k: &a [*a, *a]\n",
        '"\\n\\n\\n"\n',
        "- - - - - - - - - - -\n",
        "  - work: 1\n    sped: 1\n",
    ]
    for line in hostile:
        began = time.thread_time()
        refusal((line * (65_000 // len(line) + 1))[:65_000])
        assert time.thread_time() - began < 3, line
