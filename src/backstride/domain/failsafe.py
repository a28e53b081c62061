"""What is done about what is wrong: an ordered ladder of actions, of which the worst wins."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from msgspec import Struct


class Action(IntEnum):
    """From a word to letting go; a larger one includes the concern of the smaller ones."""

    ANNOUNCE = 1
    """Say it. Nothing changes."""
    HOLD = 2
    """Keep the present target; the script's clock stops."""
    SLOW_DOWN = 3
    """Ramp down to the machine's lowest speed, then stop. Latches."""
    STOP = 4
    """Stop now, with the machine's own deceleration. Latches."""
    HAND_OVER = 5
    """Somebody else controls the belt: watch, and send nothing but Stop on overspeed."""


class Cause(StrEnum):
    """Why an action was taken; part of the published contract."""

    STALE = "stale"
    BLIND = "blind"
    FROZEN = "frozen"
    OVERSPEED = "overspeed"
    NOT_FOLLOWING = "not_following"
    PROBE = "probe"
    DOWNHILL = "downhill"
    SLOPE_CHANGED = "slope_changed"
    BROKER_LOST = "broker_lost"
    CLOCK = "clock"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    NO_CONTROL = "no_control"
    START_FAILED = "start_failed"
    NOBODY_THERE = "nobody_there"
    CUE_NOT_HEARD = "cue_not_heard"
    LINK_LOST = "link_lost"
    STOP_UNCONFIRMED = "stop_unconfirmed"
    RESTARTED = "restarted"
    BELT_MOVED = "belt_moved"
    CONSOLE = "console"
    SAFETY_KEY = "safety_key"
    CONTROL_TAKEN = "control_taken"
    MACHINE_CHANGED = "machine_changed"
    SHUTDOWN = "shutdown"
    HEART_RATE = "heart_rate"
    HEART_RATE_LOST = "heart_rate_lost"


class Finding(Struct, frozen=True):
    """Something wrong, what to do about it, and a sentence that tells a person."""

    action: Action
    cause: Cause
    sentence: str


def worst(findings: tuple[Finding, ...]) -> Finding | None:
    """The finding with the largest action; of equal ones the first, which is the older rule."""
    return max(findings, key=lambda finding: finding.action, default=None)
