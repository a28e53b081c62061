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


class Evidence(Struct, frozen=True, kw_only=True):
    """The newest telemetry of one connection and what can be concluded from it.

    `frames` counts records with a speed; `zeros`, `steady` and `over` count them in a row: at zero
    since the last command, at an unchanged speed, above the cap. `advanced_at` is when a counter of
    the machine (time, distance) last moved; `counts` says that one ever did. `falling` says that the
    newest two frames since the last command show the belt slowing; `since` counts frames since then.
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
    steps: int | None = None
    frames: int = 0
    zeros: int = 0
    steady: int = 0
    over: int = 0
    since: int = 0
    falling: bool = False
    advanced_at: Ms = 0
    counts: bool = False

    @property
    def still(self) -> bool:
        """Two new frames in a row say that the belt is at 0."""
        return self.zeros >= STILL_FRAMES

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
    known = replace(
        before,
        at=at,
        incline=before.incline if frame.incline is None else frame.incline,
        incline_at=before.incline_at if frame.incline is None else at,
        distance=distance,
        elapsed=elapsed,
        energy=before.energy if frame.energy is None else frame.energy,
        heart_rate=before.heart_rate if frame.heart_rate is None else frame.heart_rate,
        steps=before.steps if frame.steps is None else frame.steps,
        advanced_at=at if advanced or not speed else before.advanced_at,
        counts=before.counts or (advanced and _counted(before)),
    )
    if speed is None:
        return known
    return replace(
        known,
        speed=speed,
        speed_at=at,
        frames=before.frames + 1,
        since=before.since + 1,
        zeros=before.zeros + 1 if speed == 0 else 0,
        steady=before.steady + 1 if speed == before.speed else 0,
        over=before.over + 1 if cap is not None and speed > cap + margin else 0,
        falling=before.since > 0 and before.speed is not None and speed < before.speed,
    )


def _counted(before: Evidence) -> bool:
    """A first value is no advance: there must have been one to advance from."""
    return before.elapsed is not None or before.distance is not None


def void(before: Evidence) -> Evidence:
    """A command went out: what was seen so far proves nothing about what it does."""
    return replace(before, zeros=0, since=0, falling=False, steady=0)


def incline_of(evidence: Evidence, machine: Machine | None) -> Incline | None:
    """The measured incline; 0 for a machine that neither sets nor reports one; else unknown."""
    if evidence.incline is not None:
        return evidence.incline
    if machine is not None and machine.incline is None and not machine.reports_incline:
        return 0
    return None
