"""What the machine has told us, and how much of it still counts.

Evidence is a ladder: written, accepted, indicated, seen in telemetry. Only new frames climb it: a frame
is counted once, and every command of ours voids what was seen before it. Silence is never zero.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.events import Telemetry
from backstride.domain.machine import Machine
from backstride.domain.units import Incline, Ms, Speed

NEVER: Final[Ms] = 1 << 62
"""The age of what was never seen."""
STILL_FRAMES: Final = 2
"""So many new frames must say zero before a belt counts as still."""
TREMBLE: Final[Speed] = 5
"""A belt whose speed stays within this is steady: sensors of walked-on belts tremble [CHOICE]."""
STEADY_TIME: Final[Ms] = 900
"""For so long: two frames of a machine that reports once a second."""
NO_FALL: Final[Ms] = 900
"""A belt that reached no new low for this long is not slowing down."""


class Evidence(Struct, frozen=True, kw_only=True):
    """The newest telemetry of one connection and what can be concluded from it.

    `frames` counts records with a speed; `zeros` and `over` count them in a row: at zero since the last
    command, above the cap. `since` counts frames since the last command, the first of them at
    `since_at`; `low` is the lowest speed in them, reached at `low_at`. `level` is the speed around
    which the belt has been since `level_at`. `advanced_at` is when a counter of the machine (time,
    distance) last moved; `counts` says that one did since the belt started, `ticks` that the time did.
    `signs` counts records since then that show somebody there, by a new step or a pulse; the newest
    of them came at `sign_at`.
    """

    at: Ms | None = None
    speed: Speed | None = None
    speed_at: Ms | None = None
    incline: Incline | None = None
    incline_at: Ms | None = None
    distance: int | None = None
    elapsed: int | None = None
    energy: int | None = None
    heart_rate: int | None = None
    heart_rate_at: Ms | None = None
    steps: int | None = None
    frames: int = 0
    zeros: int = 0
    over: int = 0
    since: int = 0
    since_at: Ms = 0
    low: Speed = 0
    low_at: Ms = 0
    level: Speed | None = None
    level_at: Ms = 0
    advanced_at: Ms = 0
    counts: bool = False
    ticks: bool = False
    signs: int = 0
    sign_at: Ms = 0

    @property
    def still(self) -> bool:
        """Two new frames in a row say that the belt is at 0."""
        return self.zeros >= STILL_FRAMES

    @property
    def steady(self) -> bool:
        """The speed has not changed for STEADY_TIME, and no command since says that it should."""
        at = self.speed_at
        return self.level is not None and at is not None and at - self.level_at >= STEADY_TIME

    @property
    def falling(self) -> bool:
        """The frames since the last command show the belt slowing down, until now."""
        at = self.speed_at
        fell = self.since > 0 and self.low_at > self.since_at
        return fell and at is not None and at - self.low_at < NO_FALL

    @property
    def insistent(self) -> bool:
        """Two or more frames since the last command show a moving belt that does not slow down."""
        at = self.speed_at
        return (
            self.since >= STILL_FRAMES
            and self.moving()
            and at is not None
            and at - self.low_at >= NO_FALL
        )

    def age(self, now: Ms) -> Ms:
        """How old the newest speed is, in ms; NEVER when there is none."""
        return NEVER if self.speed_at is None else now - self.speed_at

    def moving(self) -> bool:
        """The newest speed is above 0. Unknown counts as not known to move."""
        return self.speed is not None and self.speed > 0


def observe(before: Evidence, frame: Telemetry, cap: Speed | None, margin: Speed) -> Evidence:
    """Fold one telemetry record; a field that the record lacks keeps its old value and its age."""
    speed, at = frame.speed, frame.at
    elapsed = before.elapsed if frame.elapsed is None else frame.elapsed
    distance = before.distance if frame.distance is None else frame.distance
    advanced = elapsed != before.elapsed or distance != before.distance
    # A first value is no advance: there must have been one to advance from.
    ticked = elapsed != before.elapsed and before.elapsed is not None
    walked = distance != before.distance and before.distance is not None
    stepped = frame.steps is not None and before.steps is not None and frame.steps != before.steps
    sign = stepped or bool(frame.heart_rate)
    known = replace(
        before,
        at=at,
        incline=before.incline if frame.incline is None else frame.incline,
        incline_at=before.incline_at if frame.incline is None else at,
        distance=distance,
        elapsed=elapsed,
        energy=before.energy if frame.energy is None else frame.energy,
        heart_rate=before.heart_rate if frame.heart_rate is None else frame.heart_rate,
        heart_rate_at=before.heart_rate_at if frame.heart_rate is None else at,
        steps=before.steps if frame.steps is None else frame.steps,
        advanced_at=at if advanced or speed == 0 else before.advanced_at,
        counts=before.counts or ticked or walked,
        ticks=before.ticks or ticked,
        signs=before.signs + sign,
        sign_at=at if sign else before.sign_at,
    )
    if speed is None:
        return known
    first = before.since == 0
    lower = first or speed < before.low
    left = before.level is None or abs(speed - before.level) > TREMBLE
    return replace(
        known,
        speed=speed,
        speed_at=at,
        frames=before.frames + 1,
        since=before.since + 1,
        since_at=at if first else before.since_at,
        low=speed if lower else before.low,
        low_at=at if lower else before.low_at,
        level=speed if left else before.level,
        level_at=at if left else before.level_at,
        zeros=before.zeros + 1 if speed == 0 else 0,
        over=before.over + 1 if cap is not None and speed > cap + margin else 0,
    )


def void(before: Evidence) -> Evidence:
    """A command went out: what was seen so far proves nothing about what it does."""
    return replace(before, zeros=0, since=0, level=None)


def restart(before: Evidence, now: Ms) -> Evidence:
    """The belt got going: its counters are compared from here on, and may take their time to begin.

    Some count nothing until somebody stands on the belt, and the walker is still on the rails.
    """
    return replace(before, counts=False, ticks=False, advanced_at=now, signs=0)


def incline_of(evidence: Evidence, machine: Machine | None) -> Incline | None:
    """The measured incline; 0 for a machine that neither sets nor reports one; else unknown."""
    if evidence.incline is not None:
        return evidence.incline
    if machine is not None and machine.incline is None and not machine.reports_incline:
        return 0
    return None
