"""What remains of a session: the record that history keeps, plots show and exports write.

Instants are ms since the session's start on the monotonic clock, so that a step of the time of day cannot
bend a record; only `Head.started` is wall time. What was not known is None, never 0.
"""

from __future__ import annotations

from msgspec import Struct

from backstride.domain.units import Incline, Ms, Speed
from backstride.domain.workout import Effort, Facing, Level


class Sample(Struct, frozen=True, kw_only=True):
    """One second of a session. Distance in m, energy in 0.01 kcal and steps count from its start."""

    at: Ms
    speed: Speed | None = None
    setpoint: Speed | None = None
    incline: Incline | None = None
    heart_rate: int | None = None
    steps: int | None = None
    distance: int | None = None
    energy: int | None = None
    facing: Facing = Facing.FORWARD


class Lap(Struct, frozen=True, kw_only=True):
    """One segment as it was walked; `end` is None while it lasts. Speeds are the setpoints at both ends."""

    index: int
    effort: Effort
    facing: Facing
    start: Ms
    end: Ms | None = None
    speed: Speed = 0
    ramp_to: Speed = 0
    incline: Incline = 0


class Said(Struct, frozen=True, kw_only=True):
    """One cue, and whether an outlet took it."""

    at: Ms
    kind: str
    text: str
    heard: bool = False


class Trouble(Struct, frozen=True, kw_only=True):
    """One alarm, with what was done about it."""

    at: Ms
    cause: str
    action: str
    sentence: str


class Head(Struct, frozen=True, kw_only=True):
    """A session in one line: what a list shows and what the plan is computed from.

    `started` is ms since 1970 in UTC, `offset` the minutes that local time was ahead then, `length` how
    long the session lasted by the monotonic clock. `outcome` is None while it lasts; of one in which the
    process died, the next one says `interrupted`. `completed` says that the program was walked to its end.
    `effort` is Borg's 6 to 20 and `pain` 0 to 10, as the walker said afterwards. Energy in 0.01 kcal, an
    estimate. `top_speed` and `top_incline` were measured, `work_speed` is the fastest setpoint of a work
    segment that was walked to its end.
    """

    id: str
    treadmill: str
    program: str
    program_name: str
    level: Level
    started: int
    offset: int = 0
    walker: str | None = None
    length: Ms = 0
    outcome: str | None = None
    completed: bool = False
    walked: Ms = 0
    backward: Ms = 0
    distance: int | None = None
    steps: int | None = None
    top_speed: Speed = 0
    top_incline: Incline = 0
    work_speed: Speed = 0
    energy: int | None = None
    heart_rate_mean: int | None = None
    heart_rate_max: int | None = None
    alarms: int = 0
    effort: int | None = None
    pain: int | None = None


class Record(Struct, frozen=True, kw_only=True):
    """Everything about one session, in order of time."""

    head: Head
    samples: tuple[Sample, ...] = ()
    laps: tuple[Lap, ...] = ()
    said: tuple[Said, ...] = ()
    troubles: tuple[Trouble, ...] = ()
