"""Where somebody stands on the ladder, and why: computed anew from all that they walked.

Theory of operation
-------------------
The history is folded, oldest session first. A clean session of the plan leads to the rung above it. One
that was not leads to itself again, and from the second in a row on to the rung below; one of which nobody
said how it was is repeated, too: unknown is not "easy". Trouble in another program takes back the step that
the last clean session had earned. Two weeks without a session lead a week back, four two, and so on. Nothing
else moves anybody, so more trouble or more absence can never lead higher.

A session is clean that was walked to its end without an alarm, with an effort of at most 13 on Borg's scale,
pain of at most 3 of 10, and a heart rate below 85 % of the maximum where both are known.

What was really walked - on that machine, within those limits - is carried along (`Walked`): the next
session may exceed it in the one variable that its rung raises, and in nothing else, whatever changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.ladder import A_WEEK, LADDER, LAST, WEEKS, Rung, Variable, rung_of
from backstride.domain.readiness import DAY
from backstride.domain.record import Head
from backstride.domain.units import KMH, MINUTE, Incline, Ms, Speed, show_incline, show_speed
from backstride.domain.workout import Level

EFFORT: Final = 13
"""Borg's 6 to 20; 13 is "somewhat hard"."""
PAIN: Final = 3
HEART: Final = 85
"""% of the maximum."""
AWAY: Final = 14
"""Days without a session that lead a week back."""
WORTH: Final[Ms] = 1 * MINUTE
"""Less time backward than this was an attempt: it counts neither as a session nor as a failure [CHOICE]."""
BEGINNER_SPEED: Final[Speed] = 2 * KMH
"""Beginners work at 1.0 to 2.0 km/h."""
JOG_SPEED: Final[Speed] = 3 * KMH
"""Of the last clean sessions, before the jog is unlocked: the plan's fastest [CHOICE]."""
JOG_SESSIONS: Final = 3
"""So many of them in a row [CHOICE]."""


class Decision(StrEnum):
    """What the plan does with the last session."""

    BEGIN = "begin"
    ADVANCE = "advance"
    REPEAT = "repeat"
    STEP_BACK = "step_back"
    KEEP = "keep"


class Doubt(StrEnum):
    """Why a session was not clean; the value is the sentence, for the walker's own eyes."""

    ALARM = "there was an alarm"
    EARLY = "it ended early"
    EFFORT = "it was harder than 13 on Borg's scale"
    PAIN = "the pain was above 3 of 10"
    HEART = "the heart rate reached 85 % of the maximum"
    UNSAID = "nobody has said yet how hard it was and whether it hurt"


class Now(Struct, frozen=True):
    """The time of day: ms since 1970, and the minutes by which local time is ahead."""

    at: int
    offset: int = 0

    @property
    def day(self) -> int:
        """The local day, counted from 1970."""
        return (self.at + self.offset * MINUTE) // DAY


class Walked(Struct, frozen=True):
    """What the last clean session of the plan was like. `steady`: as many in a row went at that speed."""

    speed: Speed
    backward: Ms
    incline: Incline
    steady: int = 1


class Place(Struct, frozen=True, kw_only=True):
    """Where somebody stands. `due` is the first local day on which the next session may be.

    `done` is the last rung that was walked clean. `clean` counts clean sessions of the plan since the last
    trouble or absence, `failures` those in a row that were not, `away` the days that led back.
    `most` is how fast those since the last clean one were: whoever slowed down does not begin faster.
    """

    index: int = 0
    done: int = 0
    decision: Decision = Decision.BEGIN
    doubts: tuple[Doubt, ...] = ()
    away: int = 0
    failures: int = 0
    clean: int = 0
    due: int = 0
    walked: Walked | None = None
    most: Speed | None = None

    @property
    def rung(self) -> Rung:
        """What the ladder has here."""
        return LADDER[self.index]


def find_doubts(head: Head, maximum: int | None) -> tuple[Doubt, ...]:
    """Why a session was not clean; empty if it was. `maximum` is the walker's heart rate, if they told it."""
    rate = head.heart_rate_max
    found = {
        Doubt.ALARM: head.alarms > 0,
        Doubt.EARLY: not head.completed,
        Doubt.EFFORT: head.effort is not None and head.effort > EFFORT,
        Doubt.PAIN: head.pain is not None and head.pain > PAIN,
        Doubt.HEART: rate is not None and maximum is not None and rate * 100 >= maximum * HEART,
        Doubt.UNSAID: head.effort is None or head.pain is None,
    }
    return tuple(doubt for doubt, holds in found.items() if holds)


_HARMLESS: Final = frozenset({Doubt.EARLY, Doubt.UNSAID})
"""Says nothing about the body: another program may be ended early, and needs no words afterwards."""


def find_place(history: Iterable[Head], maximum: int | None, now: Now) -> Place:
    """Fold one walker's sessions, in any order, into their place now."""
    place, days = Place(), list[int]()
    for head in sorted(history, key=lambda each: each.started):
        doubts = find_doubts(head, maximum)
        if head.backward < WORTH and set(doubts) <= _HARMLESS:
            continue
        day = Now(head.started, head.offset).day
        if days:
            place = _return(place, day - days[-1])
        days.append(day)
        place = _judge(place, head, doubts)
    if days:
        place = _return(place, now.day - days[-1])
    return replace(place, due=_due(days))


def _due(days: list[int]) -> int:
    """One session a day, and A_WEEK in any seven days."""
    after = [days[-1] + 1] if days else [0]
    week = [days[-A_WEEK] + 7] if len(days) >= A_WEEK else []
    return max(after + week)


def _return(place: Place, away: int) -> Place:
    """Come back after so many days."""
    if away < AWAY or place.decision is Decision.BEGIN:
        return place
    index = max(min(place.index, place.done) - A_WEEK * (away // AWAY), 0)
    return replace(
        place, index=index, done=index, decision=Decision.STEP_BACK, doubts=(), away=away, clean=0
    )


def _judge(place: Place, head: Head, doubts: tuple[Doubt, ...]) -> Place:
    rung = rung_of(head.program)
    if rung is None:
        return _elsewhere(place, tuple(d for d in doubts if d not in _HARMLESS))
    here = min(rung, place.index)
    if not doubts:
        return _advance(place, here, head)
    if head.work_speed:
        place = replace(place, most=min(place.most or head.work_speed, head.work_speed))
    if doubts == (Doubt.UNSAID,):
        return replace(place, index=here, decision=Decision.REPEAT, doubts=doubts)
    failures = place.failures + 1
    back = failures > 1
    return replace(
        place, index=max(here - back, 0), failures=failures, clean=0, doubts=doubts,
        decision=Decision.STEP_BACK if back else Decision.REPEAT,
    )  # fmt: skip


def _elsewhere(place: Place, doubts: tuple[Doubt, ...]) -> Place:
    """After another program: only trouble matters, and takes back what the last clean session earned."""
    if not doubts:
        return place
    index = min(place.index, place.done)
    return replace(place, index=index, clean=0, doubts=doubts, decision=Decision.REPEAT)


def _advance(place: Place, here: int, head: Head) -> Place:
    before = place.walked
    # A head without a work segment says nothing of the speed: then what was walked before still holds.
    speed = head.work_speed or (before.speed if before else LADDER[here].speed)
    steady = before.steady if before is not None and before.speed == speed else 0
    walked = Walked(speed, head.backward, head.top_incline, steady + 1)
    return replace(
        place, index=min(here + 1, LAST), done=here, walked=walked, most=None, failures=0,
        clean=place.clean + 1, doubts=(),
        decision=Decision.KEEP if here == LAST else Decision.ADVANCE,
    )  # fmt: skip


def earned_level(place: Place) -> Level:
    """The level that the history shows: staged unlocking. LOCKED only by the criteria of the jog."""
    if not jog_misses(place):
        return Level.LOCKED
    if place.rung.week > WEEKS:
        return Level.ADVANCED
    return Level.REGULAR if place.rung.speed > BEGINNER_SPEED else Level.BEGINNER


def jog_misses(place: Place) -> tuple[str, ...]:
    """What is missing before a backward jog, as sentences. Walk before you run [CHOICE]."""
    walked = place.walked
    found = {
        f"the {WEEKS} weeks of the plan are walked": place.rung.week > WEEKS,
        f"the last {JOG_SESSIONS} sessions were clean": place.clean >= JOG_SESSIONS,
        f"the last was walked at {show_speed(JOG_SPEED)}": walked is not None
        and walked.speed >= JOG_SPEED,
    }
    return tuple(sentence for sentence, holds in found.items() if not holds)


def explain(place: Place) -> str:
    """Why the next session is what it is: a sentence for the walker's own eyes, with its source."""
    rung = place.rung
    doubts = " and ".join(place.doubts)
    match place.decision:
        case Decision.BEGIN:
            return (
                "The first session: half of a slow forward pace (lay trainers), in bouts of a minute"
                " with both hands on the rails (the project's source articles)."
            )
        case Decision.KEEP:
            return "The last session was clean and the ladder ends here: the same again."
        case Decision.REPEAT:
            return f"The same again, because of the last session {doubts} (advance only after a clean one)."
        case Decision.STEP_BACK if place.doubts:
            return f"One step back, because again of the last session {doubts} [our choice]."
        case Decision.STEP_BACK:
            return f"Back by a week for each {AWAY} days away; it were {place.away} [our choice]."
        case Decision.ADVANCE:
            return f"The last session was clean: {_RAISED[rung.raises](rung)}"
        case unknown:
            assert_never(unknown)


def summarise(place: Place) -> str:
    """The same without a word about anybody's body: for the broker."""
    return _NEUTRAL[place.decision]


_RAISED: Final[dict[Variable, Callable[[Rung], str]]] = {
    Variable.NOTHING: lambda _: "once more the same, to get used to it (technique before speed).",
    Variable.SPEED: lambda rung: (
        f"the speed goes up to {show_speed(rung.speed)} and nothing else changes (at most 0.2 km/h with a"
        " clean session, below the 0.5 mph a week of lay trainers)."
    ),
    Variable.TIME: lambda rung: (
        f"more time, {rung.pattern.work * rung.pattern.repeats // MINUTE} min of work at the same speed"
        " (10 to 20 min a session in trials)."
    ),
    Variable.INCLINE: lambda rung: (
        f"the slope goes up to {show_incline(rung.incline)} at the same speed (1 % a week after the speed,"
        " lay trainers)."
    ),
}
_NEUTRAL: Final = {
    Decision.BEGIN: "the first session",
    Decision.ADVANCE: "one step further than the last session",
    Decision.REPEAT: "the last session again",
    Decision.STEP_BACK: "one step back",
    Decision.KEEP: "the top of the plan: the last session again",
}
