"""What stands around a session: the machine, the limits in force, the programs on offer. Pure."""

from __future__ import annotations

from backstride.domain.envelope import Envelope, admit, envelope
from backstride.domain.machine import Machine
from backstride.domain.session import Session
from backstride.domain.workout import MACHINE_MINIMUM, Program, flatten
from backstride.mqtt import offers, quantities, schema


def offer(program: Program, s: Session) -> schema.ProgramInfo:
    """A program on offer, with what keeps it from running here."""
    refusal = None
    minimum = s.machine.speed.minimum if s.machine else MACHINE_MINIMUM
    workout = flatten(program, minimum)
    if s.machine is not None:
        within = envelope(s.site, s.machine, s.walker, program, s.person)
        refusals = admit(program, workout, within, s.site, s.person)
        refusal = refusals[0].sentence if refusals else None
    return schema.ProgramInfo(
        id=program.id,
        name=program.name,
        goal=program.goal,
        level=program.level,
        duration=workout.duration / 1_000,
        backward=workout.backward_time / 1_000,
        top_speed=quantities.kmh(workout.top_speed),
        top_incline=quantities.percent(workout.top_incline),
        refusal=refusal,
        steps=tuple(
            schema.ProgramStep(
                seconds=segment.duration / 1_000,
                from_speed=segment.speed / 100,
                speed=segment.ramp_to / 100,
                incline=segment.incline / 10,
                effort=segment.effort,
                facing=segment.facing,
                cue=segment.cue,
            )
            for segment in workout.segments
        ),
    )


def capabilities(machine: Machine | None) -> tuple[str, ...]:
    """What this machine can do, as words for programs."""
    if machine is None:
        return ()
    found = [f"belt_start_{machine.belt_start}"]
    found += ["incline"] if machine.incline else []
    found += ["distance"] if machine.reports_distance else []
    found += ["elapsed"] if machine.reports_elapsed else []
    found += ["telemetry.heart_rate"] if machine.reports_heart_rate else []
    found += ["telemetry.steps"] if machine.reports_steps else []
    return tuple(found)


def machine(machine: Machine | None) -> offers.MachineInfo | None:
    """The machine as its radio describes it."""
    if machine is None:
        return None
    speed, incline = machine.speed, machine.incline
    return offers.MachineInfo(
        name=machine.name,
        address=machine.address,
        fingerprint=machine.fingerprint,
        speed=offers.RangeInfo(
            minimum=speed.minimum / 100,
            maximum=speed.maximum / 100,
            increment=speed.increment / 100,
        ),
        incline=None
        if incline is None
        else offers.RangeInfo(
            minimum=incline.minimum / 10,
            maximum=incline.maximum / 10,
            increment=incline.increment / 10,
        ),
        belt_start=machine.belt_start,
    )


def limits(within: Envelope | None) -> dict[str, offers.LimitInfo]:
    """The limits in force, each with who set it and why."""
    if within is None:
        return {}
    rows = (
        ("speed", within.speed, 100, "km/h"),
        ("incline", within.incline, 10, "%"),
        ("backward_time", within.backward_time, 60_000, "min"),
    )
    return {
        name: offers.LimitInfo(
            value=limit.value / scale, unit=unit, layer=limit.layer, reason=limit.reason
        )
        for name, limit, scale, unit in rows
    }
