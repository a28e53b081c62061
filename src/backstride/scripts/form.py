"""The form of a program's file, stated once: the reader follows it and the JSON Schema is made of it.

A program has a head and a list of steps. Each item of the list is a step of one of four efforts, a
`turn`, or a `repeat` with its own list. Sums and neighbours (total time, jumps, turns that
make sense) cannot be said here; they are in rules.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from backstride.domain.limits import BACKWARD_TIME, INCLINE, JOG_SPEED
from backstride.domain.units import MINUTE, SECOND
from backstride.domain.workout import Effort, Facing, Level
from backstride.scripts.kinds import Choice, Count, Flag, Kind, Length, Pace, Ramp, Slope, Words

SHORTEST: Final = Length(10 * SECOND, 60 * MINUTE, "90 s")
"""A step is announced 10 s before it begins, so it cannot be shorter [CHOICE]."""
REPEATS: Final = Count(2, 60)
"""[CHOICE] 60 repeats of the shortest pair of steps are 20 minutes."""

_LEVELS: Final = Choice(tuple(Level), MappingProxyType({"jog": "locked", "novice": "beginner"}))
_FACINGS: Final = Choice(
    tuple(Facing), MappingProxyType({"front": "forward", "back": "backward", "rear": "backward"})
)
_PACE: Final = Pace(JOG_SPEED, minimum=True, example="1.2 km/h")


class Key(StrEnum):
    """Every key of the form."""

    NAME = "name"
    GOAL = "goal"
    LEVEL = "level"
    MAX_SPEED = "max speed"
    MAX_INCLINE = "max incline"
    CHECK_IN = "check in"
    UNSUPERVISED = "unsupervised"
    STEPS = "steps"
    WARMUP = "warmup"
    WORK = "work"
    RECOVER = "recover"
    COOLDOWN = "cooldown"
    FACING = "facing"
    SPEED = "speed"
    RAMP = "ramp"
    INCLINE = "incline"
    CUE = "cue"
    TURN = "turn"
    REPEAT = "repeat"


class Field(Struct, frozen=True):
    """What may stand under a key. A `kind` of None is a list of steps."""

    about: str
    kind: Kind[object] | None
    required: bool = False


HEAD: Final[Mapping[Key, Field]] = MappingProxyType(
    {
        Key.NAME: Field(
            "What the program is called, on screens and in speech.",
            Words(60, "First steps backward"),
            required=True,
        ),
        Key.GOAL: Field(
            "What the walker practises, in one sentence. No promises about health.",
            Words(200, "learn the gait; hands on the rails"),
            required=True,
        ),
        Key.LEVEL: Field(
            "For whom it is. `cautious` allows at most 2.0 km/h; `locked` may jog, and runs only "
            "where a coach has unlocked it.",
            _LEVELS,
            required=True,
        ),
        Key.MAX_SPEED: Field(
            "The fastest speed of this program, forward or backward, whatever anybody asks for "
            "while it runs.",
            Pace(JOG_SPEED, minimum=False, example="2.0 km/h"),
            required=True,
        ),
        Key.MAX_INCLINE: Field(
            "The steepest incline of this program; without it the belt stays level.",
            Slope(INCLINE, "3 %"),
        ),
        Key.CHECK_IN: Field(
            "Ask for a sign of life this often; without an answer the belt slows down and stops.",
            Length(MINUTE, BACKWARD_TIME, "5 min"),
        ),
        Key.UNSUPERVISED: Field(
            "Go on when the broker is lost; otherwise the belt slows down after 15 s.", Flag()
        ),
        Key.STEPS: Field(
            "What is walked, from a warm-up to a cool-down.",
            None,
            required=True,
        ),
    }
)

EFFORTS: Final[Mapping[Key, Effort]] = MappingProxyType(
    {
        Key.WARMUP: Effort.WARMUP,
        Key.WORK: Effort.WORK,
        Key.RECOVER: Effort.RECOVER,
        Key.COOLDOWN: Effort.COOLDOWN,
    }
)

EFFORT_ABOUT: Final[Mapping[Key, str]] = MappingProxyType(
    {
        Key.WARMUP: "A warm-up and how long it lasts.",
        Key.WORK: "The part to practise and how long it lasts.",
        Key.RECOVER: "An easier part between two and how long it lasts.",
        Key.COOLDOWN: "A cool-down and how long it lasts; `finish` goes to the last ones.",
    }
)

STEP: Final[Mapping[Key, Field]] = MappingProxyType(
    {key: Field(about, SHORTEST) for key, about in EFFORT_ABOUT.items()}
    | {
        Key.FACING: Field(
            "Which way the walker looks at the start. In the first step only; later a `turn` "
            "changes it.",
            _FACINGS,
        ),
        Key.SPEED: Field("A steady speed.", _PACE),
        Key.RAMP: Field(
            "An even change from one speed to another over the whole step.",
            Ramp(_PACE, "1.0 km/h to 2.0 km/h"),
        ),
        Key.INCLINE: Field("The incline; without it the belt is level.", Slope(INCLINE, "1 %")),
        Key.CUE: Field(
            "One hint about technique, spoken during the step.",
            Words(120, "toes first, then the heel; stay tall"),
        ),
    }
)

TURN: Final[Mapping[Key, Field]] = MappingProxyType(
    {
        Key.TURN: Field(
            "The belt stops, the walker turns to look this way and confirms, the belt starts again "
            "at its lowest speed.",
            _FACINGS,
            required=True,
        )
    }
)

REPEAT: Final[Mapping[Key, Field]] = MappingProxyType(
    {
        Key.REPEAT: Field("How many times the steps are walked.", REPEATS, required=True),
        Key.STEPS: Field("The steps that are repeated.", None, required=True),
    }
)

ALSO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "title": Key.NAME,
        "description": Key.GOAL,
        "top speed": Key.MAX_SPEED,
        "speed limit": Key.MAX_SPEED,
        "warm up": Key.WARMUP,
        "interval": Key.WORK,
        "active": Key.WORK,
        "recovery": Key.RECOVER,
        "rest": Key.RECOVER,
        "cool down": Key.COOLDOWN,
        "pace": Key.SPEED,
        "velocity": Key.SPEED,
        "grade": Key.INCLINE,
        "slope": Key.INCLINE,
        "direction": Key.FACING,
        "hint": Key.CUE,
        "say": Key.CUE,
        "times": Key.REPEAT,
        "loop": Key.REPEAT,
        "intervals": Key.STEPS,
    }
)
"""Words that people write for keys, for "did you mean"."""
