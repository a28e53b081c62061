"""A plan: everything that a session will be, as data; kept in a file when it broke a promise.

Times are ms of virtual time, speeds 0.01 km/h, inclines 0.1 %.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from backstride.domain.units import Incline, Ms, Speed
from backstride.domain.walker import Walker
from backstride.domain.workout import Effort, Facing, Level, Program, Step, Turn
from backstride.virtual.catalogue import load_machine
from backstride.virtual.model import MachineModel
from backstride.virtual.quirks import Choice


class Walk(Struct, frozen=True, kw_only=True):
    """One step of the program; `turn` before it the walker turns."""

    duration: Ms
    speed: Speed
    ramp_to: Speed | None = None
    incline: Incline = 0
    turn: bool = False


class Mishap(Struct, frozen=True, kw_only=True):
    """Something that goes wrong `at` ms after the session first came to the phase `after`, or began.

    `what`, `value`, `percent`, `times` and `lasting` mean what the kind says; see `mishaps`.
    """

    kind: str
    at: Ms
    after: str = ""
    what: str = ""
    value: int = 0
    percent: int = 100
    times: int = 0
    lasting: Ms = 0


class Change(Struct, frozen=True, kw_only=True):
    """One setting of the machine that differs from its file, such as `control_point.busy` = `IGNORE`."""

    path: str
    value: str


class Person(Struct, frozen=True, kw_only=True):
    """Who uses it. `care` is how reliably they do what they are asked to, in percent."""

    reaction: Ms = 1_500
    care: int = 95
    sessions: int = 1


class Plan(Struct, frozen=True, kw_only=True):
    """A whole session. After `length` the mishaps end, and everything must come to rest."""

    seed: int
    machine: str
    cap: Speed
    length: Ms
    walks: tuple[Walk, ...]
    person: Person = Person()
    latency: Ms = 4
    console: bool = False
    """The belt is started at its console, as on machines that nobody commissioned."""
    facing: Facing = Facing.BACKWARD
    unsupervised: bool = False
    check_in: Ms | None = None
    changes: tuple[Change, ...] = ()
    mishaps: tuple[Mishap, ...] = ()
    strap: bool = False
    """The walker wears a heart-rate strap."""
    highest: int | None = None
    """The highest heart rate of whoever walks here, as the configuration tells it."""
    walker: Walker | None = None
    """Who said that they walk."""
    about: str = ""
    """What this plan once showed."""


def model_of(plan: Plan) -> MachineModel:
    """The plan's machine, with its changes."""
    model = load_machine(plan.machine)
    for change in plan.changes:
        model = _change(model, change.path.split("."), change.value)
    return model


def _change[T: Struct](record: T, path: list[str], value: str) -> T:
    present = getattr(record, path[0])
    if len(path) > 1:
        new = _change(present, path[1:], value)
    elif isinstance(present, Choice):
        new = type(present)[value]
    else:
        new = (int(value),) if isinstance(present, tuple) else int(value)
    return msgspec.structs.replace(record, **{path[0]: new})


def cap_of(plan: Plan) -> Speed:
    """The highest speed that the program and the walker allow."""
    caps = plan.walker.caps if plan.walker else None
    return min(plan.cap, caps.speed) if caps and caps.speed else plan.cap


def ceiling_of(plan: Plan) -> int | None:
    """The highest heart rate that is no reason to hold: below 85 % of the lowest highest that was told."""
    told = (plan.highest, plan.walker.max_heart_rate if plan.walker else None)
    known = [highest for highest in told if highest is not None]
    return (min(known) * 85 - 1) // 100 if known else None


def program_of(plan: Plan) -> Program:
    """The plan's program."""
    steps: list[Step | Turn] = []
    facing = plan.facing
    for walk in plan.walks:
        if walk.turn:
            facing = Facing.FORWARD if facing is Facing.BACKWARD else Facing.BACKWARD
            steps.append(Turn(to=facing))
        steps.append(
            Step(
                effort=Effort.WORK,
                duration=walk.duration,
                speed=walk.speed,
                ramp_to=walk.ramp_to,
                incline=walk.incline,
            )
        )
    return Program(
        id="swarm",
        name="Swarm",
        goal="to be disturbed",
        level=Level.REGULAR,
        facing=plan.facing,
        max_speed=plan.cap,
        max_incline=max((walk.incline for walk in plan.walks), default=0),
        unsupervised=plan.unsupervised,
        check_in=plan.check_in,
        steps=tuple(steps),
    )


def write_plan(plan: Plan) -> str:
    """The plan as TOML; what has its default value is left out."""
    return "".join(_lines("", plan))


def _lines(name: str, record: Struct) -> Iterator[str]:
    tables: list[tuple[str, object]] = []
    for field in msgspec.structs.fields(record):
        value = getattr(record, field.name)
        if field.default is not msgspec.NODEFAULT and value == field.default:
            continue
        if isinstance(value, Struct | tuple):
            tables.append((field.name, value))
        else:
            yield f"{field.name} = {json.dumps(value)}\n"
    for key, value in tables:
        path = f"{name}.{key}" if name else key
        for item in value if isinstance(value, tuple) else ():
            yield f"\n[[{path}]]\n"
            yield from _lines(path, item)
        if isinstance(value, Struct):
            yield f"\n[{path}]\n"
            yield from _lines(path, value)


def read_plan(path: Path) -> Plan:
    """A plan from its file."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Plan)
