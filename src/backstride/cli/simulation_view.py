"""A simulated session for a terminal, for a page and for scripts. Judged by the virtual machine's own log."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from backstride.cli import palette
from backstride.cli.chart import Area, Chart, Line, Mark
from backstride.cli.figure import Picture, Stretch
from backstride.domain.notices import Alarm, Cue, CueKind
from backstride.domain.session import Phase
from backstride.domain.units import (
    KMH,
    PERCENT,
    SECOND,
    Ms,
    show_duration,
    show_incline,
    show_speed,
)
from backstride.domain.workout import Program, setpoint
from backstride.service.simulation import Sample, Simulation

_HEIGHT: Final = 12
_SCRIPTED: Final = frozenset({Phase.RUNNING, Phase.HOLDING})
"""Phases in which the script's setpoint is what is wanted of the belt."""


def report_of(program: Program, result: Simulation, machine: str) -> RenderableType:
    """What a person wants to know of a simulated session."""
    title = Text.assemble((program.name, "bold"), f" on {machine}")
    if result.refusal is not None:
        return Group(title, Text(f"refused: {result.refusal.sentence}", style="red"))
    log = result.machine.log
    good = result.phase is Phase.FINISHED
    ended = result.reason or str(result.phase)
    facts = [
        Text.assemble(
            ("finished" if good else str(result.phase), "green" if good else "red"),
            f" after {show_duration(result.duration)}: {ended}",
        ),
        Text(f"top speed of the belt {show_speed(log.top_speed)}{_cap(result)}"),
        Text(
            f"incline {show_incline(log.lowest_incline)} to {show_incline(log.top_incline)} ·"
            f" {len(log.starts)} starts, {len(log.stops)} stops,"
            f" {len(log.speed_writes)} speeds written"
        ),
    ]
    alarms = [n for n in result.notices if isinstance(n, Alarm)]
    facts += [Text(f"alarm at {show_duration(a.at)}: {a.sentence}", style="red") for a in alarms]
    key = Text("       ")
    for facing, colour in palette.SHADE.items():
        key.append("█ ", colour).append(f"setpoint, facing {facing}   ")
    key.append("⣀⠤⠒", "bold").append(" true belt speed")
    return Group(title, *facts, Text(), key, chart_of(result))


def _cap(result: Simulation) -> str:
    within = result.session.envelope
    if within is None:
        return ""
    return f", capped at {show_speed(within.speed.value)} ({within.speed.reason})"


def chart_of(result: Simulation) -> Chart:
    """Setpoint and true belt speed over the session's own time."""
    stretches = stretches_of(result)
    top = max([s.ramp_to for s in stretches] + [s.belt for s in result.samples])
    return Chart(
        start=0,
        end=result.samples[-1].at,
        top=top,
        areas=tuple(
            Area(s.start, s.end, s.speed, s.ramp_to, palette.SHADE[s.facing]) for s in stretches
        ),
        lines=(Line(tuple((s.at, s.belt) for s in result.samples), "bold"),),
        marks=tuple(Mark(at, "↻", "bold") for at in turns_of(result)),
        height=_HEIGHT,
    )


def stretches_of(result: Simulation) -> tuple[Stretch, ...]:
    """What the script wanted, on the session's time line, while the script ran."""
    workout = result.session.workout
    if workout is None:
        return ()
    found: list[Stretch] = []
    before: Sample | None = None
    for sample in result.samples:
        if before is not None and before.phase in _SCRIPTED:
            first, last = setpoint(workout, before.script), setpoint(workout, sample.script)
            segment = first.segment
            # A step within this second: draw the edge, not a slope.
            end = last.speed if last.segment is segment else first.speed
            found.append(
                Stretch(
                    start=before.at,
                    end=sample.at,
                    speed=first.speed,
                    ramp_to=end,
                    incline=first.incline,
                    facing=segment.facing,
                )
            )
        before = sample
    return tuple(_joined(found))


def _joined(found: list[Stretch]) -> list[Stretch]:
    """Neighbours that continue each other at one speed, as one."""
    joined: list[Stretch] = []
    for stretch in found:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.end == stretch.start
            and last.facing is stretch.facing
            and last.speed == last.ramp_to == stretch.speed == stretch.ramp_to
            and last.incline == stretch.incline
        ):
            joined[-1] = Stretch(
                start=last.start,
                end=stretch.end,
                speed=last.speed,
                ramp_to=stretch.ramp_to,
                incline=last.incline,
                facing=last.facing,
            )
        else:
            joined.append(stretch)
    return joined


def turns_of(result: Simulation) -> tuple[Ms, ...]:
    """When the walker was asked to turn."""
    return tuple(
        notice.at
        for notice in result.notices
        if isinstance(notice, Cue) and notice.kind is CueKind.TURN and "confirm" in notice.text
    )


def picture_of(program: Program, result: Simulation, machine: str) -> Picture:
    """The session for a page."""
    within = result.session.envelope
    ended = result.reason or str(result.phase)
    return Picture(
        title=f"{program.name} on {machine}",
        subtitle=f"simulated: {show_duration(result.duration)}, {ended}",
        stretches=stretches_of(result),
        turns=turns_of(result),
        cap=within.speed.value if within else None,
        cap_reason=within.speed.reason if within else "",
        belt=tuple((s.at, s.belt) for s in result.samples),
        belt_label="true belt speed",
    )


def data_of(program: Program, result: Simulation, machine: str) -> dict[str, Any]:
    """The session for scripts: seconds, km/h, %."""
    log = result.machine.log
    return {
        "program": program.id,
        "machine": machine,
        "phase": result.phase,
        "reason": result.reason,
        "refused": result.refusal is not None,
        "duration": result.duration / SECOND,
        "top_speed": log.top_speed / KMH,
        "cap": result.session.envelope.speed.value / KMH if result.session.envelope else None,
        "lowest_incline": log.lowest_incline / PERCENT,
        "top_incline": log.top_incline / PERCENT,
        "starts": len(log.starts),
        "starts_while_moving": len(log.moving_starts()),
        "stops": len(log.stops),
        "largest_rise": log.largest_rise() / KMH,
        "alarms": [n.sentence for n in result.notices if isinstance(n, Alarm)],
        "samples": [
            {
                "at": s.at / SECOND,
                "phase": s.phase,
                "setpoint": s.setpoint / KMH,
                "target": s.target / KMH,
                "belt": s.belt / KMH,
                "incline": s.incline / PERCENT,
            }
            for s in result.samples
        ],
    }
