"""Judging a whole workout before it is armed, and the words in which anything is refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from backstride.domain.bounds import Envelope
from backstride.domain.limits import SiteRules
from backstride.domain.units import Incline, Speed, show_duration, show_incline, show_speed
from backstride.domain.walker import Walker, may_walk
from backstride.domain.workout import Level, Program, Workout

COARSEST: Final[Speed] = 50
"""Machines that cannot move in steps of at most this much are refused."""


class Rule(StrEnum):
    """The rule that refused a command or a program."""

    NO_LINK = "no_link"
    NO_CONTROL = "no_control"
    HANDED_OVER = "handed_over"
    NOT_MOVING = "not_moving"
    MOVING = "moving"
    NOT_CONFIRMED = "not_confirmed"
    STALE = "stale"
    NOT_FOLLOWING = "not_following"
    TOO_FAST = "too_fast"
    TOO_SLOW = "too_slow"
    OFF_GRID = "off_grid"
    TOO_STEEP = "too_steep"
    DOWNHILL = "downhill"
    NO_INCLINE = "no_incline"
    INCLINE_UNKNOWN = "incline_unknown"
    STEP = "step"
    SLEW = "slew"
    TOO_LONG = "too_long"
    JUMP = "jump"
    COARSE = "coarse"
    LOCKED = "locked"
    LEVEL = "level"


class Refusal(Struct, frozen=True):
    """Why something is not permitted, as a rule for programs and a sentence for people."""

    rule: Rule
    sentence: str


def admit(
    program: Program,
    workout: Workout,
    within: Envelope,
    site: SiteRules,
    person: Walker | None = None,
) -> tuple[Refusal, ...]:
    """Judge a whole workout before it is armed. Empty: it may be armed.

    A program above a limit is refused with the limit that bit; it is never clamped in silence.
    """
    refusals: list[Refusal] = []
    if program.level is Level.LOCKED and not site.jog:
        sentence = f"{program.name!r} is locked; a coach unlocks it in the site's configuration"
        refusals.append(Refusal(Rule.LOCKED, sentence))
    if person is not None and not may_walk(person, program.level):
        refusals.append(_above_level(program, person))
    if within.increment > COARSEST:
        refusals.append(coarse(within))
    if workout.top_speed > within.speed.value:
        refusals.append(too_fast(workout.top_speed, within))
    slowest = min(min(s.speed, s.ramp_to) for s in workout.segments)
    if slowest < within.floor:
        sentence = (
            f"the program walks at {show_speed(slowest)},"
            f" this machine not below {show_speed(within.floor)}"
        )
        refusals.append(Refusal(Rule.TOO_SLOW, sentence))
    if workout.top_incline > within.incline.value:
        refusals.append(too_steep(workout.top_incline, within))
    if workout.backward_time > within.backward_time.value:
        limit = within.backward_time
        sentence = (
            f"{show_duration(workout.backward_time)} backward is longer than"
            f" {show_duration(limit.value)} ({limit.layer}: {limit.reason})"
        )
        refusals.append(Refusal(Rule.TOO_LONG, sentence))
    refusals.extend(_jumps(workout, within))
    return tuple(refusals)


def _above_level(program: Program, person: Walker) -> Refusal:
    how = (
        "the plan's jog criteria" if program.level is Level.LOCKED else "the plan's clean sessions"
    )
    sentence = (
        f"{program.name!r} is for the level {program.level}, and the walker's is {person.level};"
        f" {how} unlock it"
    )
    return Refusal(Rule.LEVEL, sentence)


def _jumps(workout: Workout, within: Envelope) -> list[Refusal]:
    for before, after in zip(workout.segments, workout.segments[1:], strict=False):
        jump = abs(after.speed - before.ramp_to)
        if before.facing is after.facing and jump > within.jump.value:
            at = show_duration(after.start)
            sentence = f"the step at {at} changes the speed by {show_speed(jump)} at once"
            return [Refusal(Rule.JUMP, sentence)]
    return []


def too_fast(speed: Speed, within: Envelope) -> Refusal:
    """The refusal of a speed above the limit, with the layer that set it."""
    limit = within.speed
    sentence = (
        f"{show_speed(speed)} is above {show_speed(limit.value)} ({limit.layer}: {limit.reason})"
    )
    return Refusal(Rule.TOO_FAST, sentence)


def too_steep(incline: Incline, within: Envelope) -> Refusal:
    """The refusal of a slope above the limit, with the layer that set it."""
    limit = within.incline
    sentence = (
        f"{show_incline(incline)} is above {show_incline(limit.value)}"
        f" ({limit.layer}: {limit.reason})"
    )
    return Refusal(Rule.TOO_STEEP, sentence)


def coarse(within: Envelope) -> Refusal:
    """The refusal of a machine whose steps are too large for a ramp."""
    sentence = f"this machine moves in steps of {show_speed(within.increment)}, too coarse to ramp"
    return Refusal(Rule.COARSE, sentence)
