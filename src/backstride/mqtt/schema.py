"""Every JSON payload as a type; `schema_files` makes the JSON Schemas from them.

At this edge, and only here, quantities are decimal numbers: km/h, %, seconds. Inside they are
integers. A value that is not known is null, never 0. Each payload carries `v`; within a version
fields are only added, so a reader ignores what it does not know. A command is the exception: it is
checked strictly.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from backstride.domain.events import Ask
from backstride.domain.notices import CueKind, Reply
from backstride.domain.session import Phase
from backstride.domain.workout import Effort, Facing, Level
from backstride.mqtt.body import EnergyState, HeartState
from backstride.mqtt.health import Health
from backstride.mqtt.history import BorgEffort, History, Pain
from backstride.mqtt.offers import LimitInfo, MachineInfo
from backstride.mqtt.quantities import (
    Boot,
    CommandId,
    Count,
    Kmh,
    Percent,
    PhaseName,
    Pin,
    ProgramId,
    Seconds,
    Timestamp,
    Version,
)
from backstride.mqtt.training import Plan, Walkers

VERSION: Final = 1
"""Version of every payload below."""


class SpeedState(Struct, frozen=True, kw_only=True):
    """The speeds of a moment, km/h."""

    measured: Kmh | None = None
    """What the machine reports."""
    target: Kmh | None = None
    """What it was last told."""
    setpoint: Kmh | None = None
    """What the program wants now."""
    cap: Kmh | None = None
    """What is never exceeded in this session."""


class InclineState(Struct, frozen=True, kw_only=True):
    """The inclines of a moment, %."""

    measured: Percent | None = None
    target: Percent | None = None
    cap: Percent | None = None


class ScriptState(Struct, frozen=True, kw_only=True):
    """Where the program's own clock stands; it rests while holding."""

    elapsed: Seconds
    remaining: Seconds


class StepState(Struct, frozen=True, kw_only=True):
    """The step being walked. `index` counts from 1."""

    index: Count
    count: Count
    name: str
    effort: Effort
    facing: Facing
    remaining: Seconds


class NextState(Struct, frozen=True, kw_only=True):
    """The step after this one, and in how many seconds of the program it begins."""

    in_s: Seconds
    speed: Kmh | None = None
    facing: Facing | None = None
    cue: str | None = None


class CueState(Struct, frozen=True, kw_only=True):
    """The newest cue."""

    number: Count
    kind: CueKind
    text: str
    language: str = "en"


class AlarmState(Struct, frozen=True, kw_only=True):
    """What is wrong. `latched`: a person must acknowledge it."""

    cause: str
    sentence: str
    latched: bool


class State(Struct, frozen=True, kw_only=True):
    """Everything about this moment. `age` is that of the newest telemetry, in seconds."""

    v: Version = VERSION
    boot: Boot
    seq: Annotated[int, Meta(description="grows by one with each state of this boot", ge=0)]
    time: Timestamp
    phase: Phase
    stage: Annotated[str | None, Meta(description="finer than the phase, for dashboards")] = None
    sentence: Annotated[str, Meta(description="what is going on, for a person")] = ""
    program: Annotated[str | None, Meta(description="id of the program")] = None
    program_name: str | None = None
    speed: SpeedState = SpeedState()
    incline: InclineState = InclineState()
    age: Seconds | None = None
    script: ScriptState | None = None
    step: StepState | None = None
    next: NextState | None = None
    cue: CueState | None = None
    alarm: AlarmState | None = None
    holding: Annotated[tuple[str, ...], Meta(description="why the program stands still")] = ()
    distance: Annotated[int | None, Meta(description="m in this session")] = None
    elapsed: Annotated[float | None, Meta(description="seconds of belt motion")] = None
    heart_rate: Annotated[int | None, Meta(description="1/min")] = None
    energy: Annotated[float | None, Meta(description="kcal")] = None
    heart: HeartState | None = None
    cost: EnergyState | None = None
    voice: Annotated[bool, Meta(description="cues are said aloud")] = True
    link: Annotated[bool, Meta(description="the treadmill is connected")] = False
    machine: Annotated[str | None, Meta(description="name of the treadmill")] = None


class Connection(Struct, frozen=True, kw_only=True):
    """The radio link. `reason` says why it is down; `epoch` counts connections since boot."""

    v: Version = VERSION
    boot: Boot
    time: Timestamp
    up: bool
    stage: str | None = None
    address: str | None = None
    name: str | None = None
    rssi: Annotated[int | None, Meta(description="dBm")] = None
    epoch: Count = 0
    reason: str | None = None


class Info(Struct, frozen=True, kw_only=True):
    """What this daemon and this treadmill are. `boot` goes into every command but `stop`."""

    v: Version = VERSION
    boot: Boot
    id: str
    version: str
    schemas: Annotated[dict[str, int], Meta(description="payload name to newest version")]
    commands: tuple[Ask, ...] = tuple(Ask)
    capabilities: tuple[str, ...] = ()
    machine: MachineInfo | None = None
    limits: dict[str, LimitInfo] = {}
    refused: Annotated[
        dict[str, Count], Meta(description="commands not obeyed in this boot, by code")
    ] = {}


class ProgramStep(Struct, frozen=True, kw_only=True):
    """One step of a program as this machine would run it: from one speed to another, or at one."""

    seconds: Seconds
    from_speed: Kmh
    speed: Annotated[float, Meta(description="km/h at its end", ge=0)]
    incline: Percent
    effort: Effort
    facing: Facing
    cue: str | None = None


class ProgramInfo(Struct, frozen=True, kw_only=True):
    """One program on offer. `refusal` says why it cannot run on this machine, null if it can."""

    id: str
    name: str
    goal: str
    level: Level
    duration: Seconds
    backward: Seconds | None = None
    top_speed: Kmh | None = None
    top_incline: Percent | None = None
    refusal: str | None = None
    steps: tuple[ProgramStep, ...] = ()


class Programs(Struct, frozen=True, kw_only=True):
    """The programs on offer, and the one that `start` without a name arms."""

    v: Version = VERSION
    programs: tuple[ProgramInfo, ...]
    selected: str | None = None


class SessionSummary(Struct, frozen=True, kw_only=True):
    """The current or the last session. `ended` is null while it lasts.

    `walked` is the time with the belt in motion, `backward` the part of it facing the rear.
    """

    v: Version = VERSION
    boot: Boot
    program: str
    program_name: str
    started: Timestamp
    ended: Timestamp | None = None
    outcome: Annotated[str | None, Meta(description="how it ended")] = None
    walked: Seconds | None = None
    backward: Seconds | None = None
    distance: Annotated[int | None, Meta(description="m")] = None
    top_speed: Kmh | None = None
    energy: Annotated[float | None, Meta(description="kcal, an estimate")] = None
    cost: EnergyState | None = None


class EventNote(Struct, frozen=True, kw_only=True):
    """Something happened. `number` grows by one with each event of this boot."""

    v: Version = VERSION
    boot: Boot
    number: Count
    time: Timestamp
    kind: Annotated[str, Meta(description="moved, alarm, refused, command, link, session")]
    sentence: str
    data: dict[str, str | int | float | bool | None] = {}


class CueNote(Struct, frozen=True, kw_only=True):
    """Show `text` now, and say `speech` in `language` if `voice`. `within`: seconds until what it announces.

    `speech` is empty where only a tone says it. What has a greater `urgency` (4 is an alarm) interrupts.
    """

    v: Version = VERSION
    number: Count
    time: Timestamp
    kind: CueKind
    text: str
    speech: str = ""
    language: str = "en"
    urgency: Count = 0
    speed: Kmh | None = None
    within: Seconds | None = None
    voice: bool = True


class CommandNote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command. `stop` needs nothing but the word; the others need `v`, `id` and `command`.

    `start`, `confirm`, `continue`, `speed`, `faster`, `skip` and `walker` can set the belt in motion or make
    it faster, and must prove that they are new: with `ts` if the daemon's clock is synchronised, else
    with `boot` and either `ts` or an MQTT 5 message expiry of at most 10 s. Best send `ts` and `boot`.
    `program` goes with `start`, `select` and `confirm`; a `confirm` that names one fits no other.
    """

    v: Version
    id: CommandId
    command: Ask
    program: ProgramId | None = None
    speed: Annotated[Kmh | None, Meta(description="km/h; goes with speed")] = None
    on: Annotated[bool | None, Meta(description="goes with voice")] = None
    effort: BorgEffort | None = None
    """How hard it was, on Borg's scale from 6 to 20; goes with feedback."""
    pain: Pain | None = None
    """How much it hurt, from 0 to 10; goes with feedback."""
    walker: Annotated[
        str | None, Meta(description="id of who walks; goes with start and walker")
    ] = None
    pin: Pin | None = None
    ts: Annotated[
        int | float | str | None,
        Meta(description="when it was sent: seconds or ms since 1970, or ISO 8601 with offset"),
    ] = None
    expect: Annotated[PhaseName | None, Meta(description="refuse unless in this phase")] = None
    boot: Annotated[str | None, Meta(description="`boot` of info; refuse in another life")] = None


class ResponseNote(Struct, frozen=True, kw_only=True):
    """The answer to a command: `code` for programs, `sentence` for people."""

    v: Version = VERSION
    id: Annotated[str | None, Meta(description="null if the command's id was not legible")]
    reply: Reply
    code: str
    sentence: str
    phase: PhaseName


PAYLOADS: Final[dict[str, type[Struct]]] = {
    "state": State,
    "connection": Connection,
    "info": Info,
    "programs": Programs,
    "session": SessionSummary,
    "health": Health,
    "history": History,
    "walkers": Walkers,
    "plan": Plan,
    "event": EventNote,
    "cue": CueNote,
    "command": CommandNote,
    "response": ResponseNote,
}
VERSIONS: Final[dict[str, int]] = dict.fromkeys(PAYLOADS, VERSION)
"""For `info`: the newest version of each payload."""

_encoder = msgspec.json.Encoder()


def encode(payload: Struct) -> bytes:
    """Encode one payload as compact JSON; None becomes null."""
    return _encoder.encode(payload)
