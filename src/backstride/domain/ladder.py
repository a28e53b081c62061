"""The progression as a ladder of sessions: eight weeks of three, and the slope beyond them.

Each rung raises one variable and only by what one clean session may raise: first the speed, then the time,
from the seventh week the incline. The ranges of a week (speed, work and rest, minutes) are those of the
project's progression [CHOICE, inside what was studied]: at least half of a slow forward pace is walked first
(lay trainers), 10 to 20 minutes three times a week were walked in trials, 30 at most; 0.5 mph and then 1 % a
week is what lay trainers add, and a rung adds less. No rung is above its week's range.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from backstride.domain.units import KMH, PERCENT, SECOND, Incline, Ms, Speed

FIRST_SPEED: Final[Speed] = 1 * KMH
"""Of the first session, or the machine's lowest: half of a slow forward pace (lay trainers)."""
SPEED_RISE: Final[Speed] = 20
"""At most this much with a clean session, and at most 0.8 km/h a week, which three of them cannot reach."""
INCLINE_RISE: Final[Incline] = 1 * PERCENT
"""At most this much a week, after the speed (lay trainers)."""
WEEKS: Final = 8
"""The plan that a table shows; the slope goes on behind it, up to 5 %."""
A_WEEK: Final = 3
"""Sessions a week, as in trials; one a day at most."""


class Variable(StrEnum):
    """What a rung raises over the one below it."""

    NOTHING = "nothing"
    SPEED = "speed"
    TIME = "time"
    INCLINE = "incline"


class Pattern(Struct, frozen=True):
    """Work and rest, so many times."""

    work: Ms
    rest: Ms
    repeats: int

    @property
    def length(self) -> Ms:
        """All of it."""
        return (self.work + self.rest) * self.repeats


PATTERNS: Final = (
    Pattern(60 * SECOND, 60 * SECOND, 6),
    Pattern(60 * SECOND, 45 * SECOND, 8),
    Pattern(90 * SECOND, 60 * SECOND, 7),
    Pattern(120 * SECOND, 60 * SECOND, 6),
    Pattern(180 * SECOND, 60 * SECOND, 5),
    Pattern(300 * SECOND, 90 * SECOND, 3),
)
"""Of the first six weeks: 6, 8, 10.5, 12, 15 and 15 minutes of work."""


class Rung(Struct, frozen=True, kw_only=True):
    """One session of the ladder; `week` and `session` count from 1."""

    week: int
    session: int
    speed: Speed
    pattern: Pattern
    incline: Incline
    raises: Variable

    @property
    def program(self) -> str:
        """The id of the program made from it: by this the history knows what was walked."""
        return f"plan-{self.week}-{self.session}"


_LEARN: Final = (Variable.NOTHING, Variable.NOTHING, Variable.NOTHING)
_GROW: Final = (Variable.SPEED, Variable.SPEED, Variable.TIME)
_CLIMB: Final = (Variable.INCLINE, Variable.NOTHING, Variable.NOTHING)
_COURSE: Final = (_LEARN, *(_GROW,) * 5, *(_CLIMB,) * 5)


def _build() -> tuple[Rung, ...]:
    rungs: list[Rung] = []
    raised = dict.fromkeys(Variable, 0)
    for week, sessions in enumerate(_COURSE, 1):
        for session, raises in enumerate(sessions, 1):
            raised[raises] += 1
            rungs.append(
                Rung(
                    week=week,
                    session=session,
                    speed=FIRST_SPEED + SPEED_RISE * raised[Variable.SPEED],
                    pattern=PATTERNS[raised[Variable.TIME]],
                    incline=INCLINE_RISE * raised[Variable.INCLINE],
                    raises=raises,
                )
            )
    return tuple(rungs)


LADDER: Final = _build()
LAST: Final = len(LADDER) - 1
_PLACES: Final = {rung.program: index for index, rung in enumerate(LADDER)}


def rung_of(program: str) -> int | None:
    """The place on the ladder of a program's id; None for every other program."""
    return _PLACES.get(program)
