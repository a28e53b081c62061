"""A program made ready to be shown: on which machine, within which limits, as data and as a chart."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from backstride.cli import palette
from backstride.cli.chart import Area, Chart, Mark
from backstride.cli.figure import Picture, Stretch
from backstride.domain.envelope import Envelope, admit, envelope
from backstride.domain.limits import SiteRules
from backstride.domain.machine import Machine
from backstride.domain.units import KMH, PERCENT, SECOND, Speed
from backstride.domain.workout import (
    MACHINE_MINIMUM,
    Program,
    Repeat,
    Step,
    Turn,
    Workout,
    flatten,
)
from backstride.scripts.outline import outline, summarise

ASSUMED_MINIMUM: Speed = 1 * KMH
"""Drawn where a program says `machine minimum` and no machine is named."""

CHART_HEIGHT = 9
INCLINE_HEIGHT = 3


class Plan(Struct, frozen=True, kw_only=True):
    """A program, flat. `machine` and `within` are None when no machine was named.

    `refusal` says what keeps it from running on that machine, at this site.
    """

    program: Program
    workout: Workout
    machine: Machine | None
    within: Envelope | None
    refusal: str | None


def make_plan(program: Program, machine: Machine | None, site: SiteRules) -> Plan:
    """Lay a program out for a machine, or for none in particular."""
    if machine is None:
        workout = flatten(program, MACHINE_MINIMUM)
        return Plan(program=program, workout=workout, machine=None, within=None, refusal=None)
    workout = flatten(program, machine.speed.minimum)
    within = envelope(site, machine, None, program)
    refusals = admit(program, workout, within, site)
    return Plan(
        program=program,
        workout=workout,
        machine=machine,
        within=within,
        refusal="; ".join(refusal.sentence for refusal in refusals) or None,
    )


def mentions_minimum(program: Program) -> bool:
    """Whether some step leaves its speed to the machine."""

    def any_of(steps: tuple[Step | Turn | Repeat, ...]) -> bool:
        return any(
            any_of(step.steps)
            if isinstance(step, Repeat)
            else isinstance(step, Step) and MACHINE_MINIMUM in {step.speed, step.ramp_to}
            for step in steps
        )

    return any_of(program.steps)


def plan_data(plan: Plan) -> dict[str, Any]:
    """The plan for scripts: km/h, % and seconds; a speed left to the machine is null."""
    program, workout = plan.program, plan.workout
    summary = summarise(program, workout)
    return {
        "id": program.id,
        "name": program.name,
        "goal": program.goal,
        "level": program.level,
        "duration": summary.duration / SECOND,
        "backward": summary.backward / SECOND,
        "top_speed": summary.top_speed / KMH,
        "top_incline": summary.top_incline / PERCENT,
        "turns": summary.turns,
        "machine": plan.machine.name if plan.machine else None,
        "cap": plan.within.speed.value / KMH if plan.within else None,
        "refusal": plan.refusal,
    }


def steps_data(plan: Plan) -> list[dict[str, Any]]:
    """Every flat step for scripts."""
    return [
        {
            "index": row.index + 1,
            "start": row.start / SECOND,
            "duration": row.duration / SECOND,
            "effort": row.effort,
            "facing": row.facing,
            "speed": row.speed / KMH or None,
            "ramp_to": row.ramp_to / KMH or None,
            "incline": row.incline / PERCENT,
            "turn": row.turn,
            "cue": row.cue,
        }
        for row in outline(plan.workout)
    ]


def drawable(plan: Plan) -> Workout:
    """The workout with a height for every step, also where the machine would decide."""
    return plan.workout if plan.machine else flatten(plan.program, ASSUMED_MINIMUM)


def speed_chart(workout: Workout, height: int = CHART_HEIGHT) -> Chart:
    """The speeds of a workout as filled steps, coloured by where the walker faces."""
    return Chart(
        start=0,
        end=workout.duration,
        top=workout.top_speed,
        areas=areas_of(workout),
        marks=tuple(Mark(s.start, "↻", "bold") for s in workout.segments if s.turn),
        height=height,
    )


def areas_of(workout: Workout) -> tuple[Area, ...]:
    """The steps of a workout for a chart."""
    return tuple(
        Area(s.start, s.end, s.speed, s.ramp_to, palette.FACING[s.facing]) for s in workout.segments
    )


def incline_chart(workout: Workout) -> Chart | None:
    """The slope of a workout; None for a level one."""
    if not workout.top_incline:
        return None
    return Chart(
        start=0,
        end=workout.duration,
        top=workout.top_incline,
        areas=tuple(
            Area(s.start, s.end, s.incline, s.incline, palette.INCLINE) for s in workout.segments
        ),
        height=INCLINE_HEIGHT,
        unit="%",
        scale=PERCENT,
    )


def picture_of(plan: Plan) -> Picture:
    """The plan for a page."""
    workout = drawable(plan)
    summary = summarise(plan.program, workout)
    where = f" · on {plan.machine.name}" if plan.machine and plan.machine.name else ""
    return Picture(
        title=plan.program.name,
        subtitle=f"{summary.sentence.partition(': ')[2]}{where}",
        stretches=stretches_of(workout),
        turns=tuple(s.start for s in workout.segments if s.turn),
        cap=plan.within.speed.value if plan.within else plan.program.max_speed,
        cap_reason=plan.within.speed.reason if plan.within else "the program",
    )


def stretches_of(workout: Workout) -> tuple[Stretch, ...]:
    """The steps of a workout for a picture."""
    return tuple(
        Stretch(
            start=s.start,
            end=s.end,
            speed=s.speed,
            ramp_to=s.ramp_to,
            incline=s.incline,
            facing=s.facing,
        )
        for s in workout.segments
    )
