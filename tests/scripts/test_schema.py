"""The JSON Schema that editors use agrees with the reader."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from backstride.scripts.catalogue import shipped_dir
from backstride.scripts.problems import ScriptError
from backstride.scripts.reader import read_program
from backstride.scripts.schema import FILE, render, schema

PROGRAMS = sorted(shipped_dir().glob("*.yaml"))
SMALL = """\
name: Test
goal: see what is refused
level: regular
max speed: 3.0 km/h
max incline: 2 %
check in: 5 min
unsupervised: true
steps:
  - warmup: 1:30
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
        ramp: 1.5 km/h to machine minimum
  - turn: forward
  - cooldown: 2 min
    speed: machine minimum
"""

BAD = [
    ("name: Test\n", ""),
    ("name: Test", "name: 12"),
    ("name: Test", "name: true"),
    ("name: Test", f"name: {'x' * 61}"),
    ("name: Test", "nmae: Test"),
    ("level: regular", "level: expert"),
    ("max speed: 3.0 km/h", "max speed: 3.0"),
    ("max speed: 3.0 km/h", "max speed: machine minimum"),
    ("max incline: 2 %", "max incline: -2 %"),
    ("unsupervised: true", 'unsupervised: "yes"'),
    ("check in: 5 min", "check in: 5"),
    ("facing: forward", "facing: left"),
    ("turn: backward", "turn: backward\n    speed: 1.0 km/h"),
    ("repeat: 3", "repeat: 61"),
    ("repeat: 3", "repeat: 1"),
    ("repeat: 3", "repeat: three"),
    ("work: 60 s", "work: 60"),
    ("work: 60 s", "work: 1:75"),
    ("work: 60 s", "interval: 60 s"),
    ("work: 60 s", "work: 60 s\n        recover: 30 s"),
    ("speed: 1.5 km/h", "speed: .nan"),
    ("speed: 1.5 km/h", "speed: -1.5 km/h"),
    ("speed: 1.5 km/h", "speed: 1.5 kmh"),
    ("speed: 1.5 km/h", "speed: [1.5 km/h]"),
    ("speed: 1.5 km/h", "speed: 1.5 km/h\n        ramp: 1.0 km/h to 2.0 km/h"),
    ("        speed: 1.5 km/h\n", ""),
    ("incline: 1 %", "incline: -1 %"),
    ("ramp: 1.5 km/h to machine minimum", "ramp: 1.5 km/h"),
    ("ramp: 1.5 km/h to machine minimum", "ramp: 1.5 to 2.0 km/h"),
    ("cue: stay tall", 'cue: ""'),
]


@pytest.fixture(scope="module")
def validator():
    Draft202012Validator.check_schema(schema())
    return Draft202012Validator(schema())


def as_data(text: str) -> object:
    return YAML(typ="safe", pure=True).load(text)


def test_the_shipped_schema_is_the_one_of_the_code():
    shipped = (shipped_dir() / FILE).read_text("utf-8")
    assert render() == shipped, (
        "run: python -m backstride.scripts.schema > profiles/sessions/" + FILE
    )


def test_the_command_writes_the_schema():
    command = [sys.executable, "-m", "backstride.scripts.schema"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert schema() == json.loads(done.stdout)


@pytest.mark.parametrize("path", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_the_schema_accepts_every_shipped_program(validator, path):
    assert [] == list(validator.iter_errors(as_data(path.read_text("utf-8"))))


def test_the_schema_and_the_reader_accept_the_same_small_program(validator):
    read_program(SMALL, "small")
    assert [] == list(validator.iter_errors(as_data(SMALL)))


@pytest.mark.parametrize(("old", "new"), BAD, ids=[new[:30] for _, new in BAD])
def test_the_schema_and_the_reader_refuse_the_same(validator, old, new):
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    assert list(validator.iter_errors(as_data(text)))
    with pytest.raises(ScriptError):
        read_program(text, "small")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1.5 km/h\n", '" 1.5km/h "\n'),
        ("1.5 km/h to machine minimum", "machine minimum  to  0.5 m/s"),
        ("60 s", "0.02 h"),
        ("60 s", "90000 ms"),
        ("60 s", "'01:30'"),
        ("1 %", "0.5%"),
        ("stay tall", "x"),
        ("stay tall", "é" * 120),
        ("stay tall", '"  12  "'),
    ],
)
def test_what_the_reader_accepts_the_schema_accepts(validator, old, new):
    text = SMALL.replace(old, new, 1)
    read_program(text, "small")
    assert [] == list(validator.iter_errors(as_data(text)))


def test_every_key_is_described_for_the_editor():
    document = schema()
    definitions = document["$defs"]
    for record in (document, definitions["step"], definitions["turn"], definitions["repeat"]):
        assert all(field["description"] for field in record["properties"].values())
