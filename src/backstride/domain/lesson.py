"""The next session as a program: a rung of the ladder, made for this machine, this site and this person.

Nothing here is above the envelope, and what would be is made smaller or refused with the reason. The same
pieces each time: a warm-up forward, a turn over a stopped belt, a warm-up backward, work and rest, and the
way back. The rest is half a km/h slower than the work, the largest change between two intervals by default,
so that the warm-up backward is a ramp up to it.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.admission import admit, coarse
from backstride.domain.bounds import Envelope, envelope
from backstride.domain.envelope import COARSEST
from backstride.domain.ladder import INCLINE_RISE, SPEED_RISE, Pattern, Rung, Variable
from backstride.domain.limits import Caps, Limit, SiteRules
from backstride.domain.machine import Machine
from backstride.domain.progression import BEGINNER_SPEED, Place, Walked
from backstride.domain.units import (
    KMH,
    MINUTE,
    Incline,
    Ms,
    Speed,
    show_duration,
    show_incline,
    show_speed,
)
from backstride.domain.walker import Walker
from backstride.domain.workout import (
    MACHINE_MINIMUM,
    Effort,
    Facing,
    Level,
    Program,
    Repeat,
    Step,
    Turn,
    flatten,
)

START_MOST: Final[Speed] = 1 * KMH + 50
"""A machine that cannot go slower than this is nobody's first one."""
FORWARD: Final[Speed] = 1 * KMH + 50
"""The warm-up forward, as in the shipped first program."""
REST_DROP: Final[Speed] = 50
"""The largest change between two intervals by default; 1.0 km/h is the hard limit."""
AROUND: Final[Ms] = 3 * MINUTE
"""Backward besides work and rests: two minutes of warm-up and one of cool-down."""
CHECK_IN: Final[Ms] = 5 * MINUTE
NOISE: Final[Incline] = 4
"""A measured slope may read so much low; half a percent is the least that machines step by."""
RAILS_UNTIL: Final = 3
"""In the weeks up to here both hands stay on the rails, then fingertips."""


class Setting(Struct, frozen=True, kw_only=True):
    """Where the session would be walked. `walker` is what the treadmill's configuration allows anybody."""

    machine: Machine
    site: SiteRules = SiteRules()
    walker: Caps | None = None


class Lesson(Struct, frozen=True, kw_only=True):
    """A session ready to be armed, or why there is none. `notes` say what limits made smaller."""

    program: Program | None = None
    refusal: str | None = None
    notes: tuple[str, ...] = ()


class _Dose(Struct, frozen=True, kw_only=True):
    """What is walked backward."""

    speed: Speed
    rest: Speed
    warm: Speed
    incline: Incline
    pattern: Pattern


def make_lesson(place: Place, person: Walker, setting: Setting) -> Lesson:
    """The next session of a prepared person on one machine."""
    rung, last = place.rung, place.walked
    within = envelope(setting.site, setting.machine, setting.walker, None, person)
    if within.increment > COARSEST:
        return Lesson(refusal=coarse(within).sentence)
    ceiling = _ceiling(rung, last, within)
    if place.most is not None:
        ceiling = min(ceiling, place.most)
    wanted = min(rung.speed, ceiling)
    if within.floor > min(ceiling, max(rung.speed, START_MOST)):
        sentence = (
            f"this treadmill cannot go slower than {show_speed(within.floor)}, and the plan is at"
            f" {show_speed(wanted)}: take one that starts slower"
        )
        return Lesson(refusal=sentence)
    speed = within.grid(min(wanted, within.speed.value))
    dose = _Dose(
        speed=speed,
        rest=max(speed - REST_DROP // within.increment * within.increment, within.floor),
        warm=within.grid(min(FORWARD, within.speed.value)),
        incline=within.incline_grid(min(_slope(rung, last), within.incline.value)),
        pattern=_shorten(rung, last, within),
    )
    program = write_program(rung, dose)
    whole = envelope(setting.site, setting.machine, setting.walker, program, person)
    workout = flatten(program, within.floor)
    for refusal in admit(program, workout, whole, setting.site, person):
        return Lesson(refusal=refusal.sentence)
    return Lesson(program=program, notes=_notes(rung, dose, within))


def _ceiling(rung: Rung, last: Walked | None, within: Envelope) -> Speed:
    """How fast the work may be after what was walked last; a first session may be at the machine's lowest.

    A machine with steps above SPEED_RISE goes one step further after as many clean sessions at one speed
    as earn it, so that the mean stays within SPEED_RISE.
    """
    if last is None:
        return max(rung.speed, START_MOST)
    if rung.raises is not Variable.SPEED:
        return last.speed
    if within.increment <= SPEED_RISE:
        return last.speed + SPEED_RISE
    earned = last.steady * SPEED_RISE >= within.increment
    return last.speed + within.increment if earned else last.speed


def _slope(rung: Rung, last: Walked | None) -> Incline:
    """How steep it may be after what was walked last, in whole percents as the ladder's."""
    if last is None:
        return rung.incline
    walked = (last.incline + NOISE) // INCLINE_RISE * INCLINE_RISE
    return min(rung.incline, walked + INCLINE_RISE * (rung.raises is Variable.INCLINE))


def _shorten(rung: Rung, last: Walked | None, within: Envelope) -> Pattern:
    """As many repeats as the limit of the time backward allows, and what was walked last."""
    pattern = rung.pattern
    cycle = pattern.work + pattern.rest
    most = within.backward_time.value
    if last is not None and rung.raises is not Variable.TIME:
        most = min(most, last.backward + cycle // 2)
    return replace(pattern, repeats=min(pattern.repeats, max((most - AROUND) // cycle, 1)))


def write_program(rung: Rung, dose: _Dose) -> Program:
    """The program of a dose; it faces backward for AROUND besides the work and its rests."""
    pattern, hands = dose.pattern, _HANDS[rung.week > RAILS_UNTIL]
    work = Step(
        effort=Effort.WORK, duration=pattern.work, speed=dose.speed, incline=dose.incline,
        cue="toes first, then the heel; stay tall",
    )  # fmt: skip
    rest = Step(effort=Effort.RECOVER, duration=pattern.rest, speed=dose.rest, incline=dose.incline)
    return Program(
        id=rung.program,
        name=f"Today: week {rung.week}, session {rung.session}",
        goal=_goal(dose),
        level=Level.BEGINNER if dose.speed <= BEGINNER_SPEED else Level.REGULAR,
        facing=Facing.FORWARD,
        max_speed=max(dose.speed, dose.warm),
        max_incline=dose.incline,
        check_in=CHECK_IN,
        steps=(
            _warm_up(1 * MINUTE, MACHINE_MINIMUM, dose.warm),
            _warm_up(3 * MINUTE, dose.warm, cue="walk tall and easy; find the rails with both hands"),
            Turn(to=Facing.BACKWARD),
            _warm_up(1 * MINUTE, MACHINE_MINIMUM, cue=hands),
            _warm_up(1 * MINUTE, MACHINE_MINIMUM, dose.rest),
            Repeat(times=pattern.repeats, steps=(work, rest)),
            _cool_down(1 * MINUTE, dose.rest, MACHINE_MINIMUM),
            Turn(to=Facing.FORWARD),
            _cool_down(1 * MINUTE, MACHINE_MINIMUM, dose.warm),
            _cool_down(
                2 * MINUTE, dose.warm, MACHINE_MINIMUM,
                cue="let the shoulders drop and breathe out slowly",
            ),
        ),
    )  # fmt: skip


def _warm_up(
    duration: Ms, speed: Speed, ramp_to: Speed | None = None, cue: str | None = None
) -> Step:
    return Step(effort=Effort.WARMUP, duration=duration, speed=speed, ramp_to=ramp_to, cue=cue)


def _cool_down(duration: Ms, speed: Speed, ramp_to: Speed, cue: str | None = None) -> Step:
    return Step(effort=Effort.COOLDOWN, duration=duration, speed=speed, ramp_to=ramp_to, cue=cue)


def _goal(dose: _Dose) -> str:
    pattern = dose.pattern
    slope = f" and {show_incline(dose.incline)}" if dose.incline else ""
    return (
        f"{pattern.repeats} times {show_duration(pattern.work)} min at {show_speed(dose.speed)}{slope},"
        f" {show_duration(pattern.rest)} min of rest between"
    )


def _notes(rung: Rung, dose: _Dose, within: Envelope) -> tuple[str, ...]:
    """What is less than the rung, each with what made it so."""
    found: list[str] = []
    if dose.speed < rung.speed:
        why = _reason(within.speed, rung.speed)
        found.append(f"{show_speed(dose.speed)} instead of {show_speed(rung.speed)}: {why}")
    if dose.incline < rung.incline:
        why = _reason(within.incline, rung.incline)
        found.append(f"{show_incline(dose.incline)} instead of {show_incline(rung.incline)}: {why}")
    if dose.pattern.repeats < rung.pattern.repeats:
        why = _reason(within.backward_time, AROUND + rung.pattern.length)
        found.append(f"{dose.pattern.repeats} repeats instead of {rung.pattern.repeats}: {why}")
    return tuple(found)


def _reason(limit: Limit, wanted: int) -> str:
    if limit.value < wanted:
        return f"{limit.layer}: {limit.reason}"
    return "no more than what was walked last and this machine's steps allow"


_HANDS: Final = ("both hands on the rails; short steps", "fingertips on the rails; short steps")
