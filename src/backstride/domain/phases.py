"""The names of the phases and of what changes them. Which may follow which: the table in `session`."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a session is; published, and part of the contract."""

    OFFLINE = "offline"
    """No connection to the treadmill."""
    IDLE = "idle"
    """Connected; we do not control the belt."""
    ARMED = "armed"
    """A program is chosen and stated; a confirm is awaited."""
    COUNTDOWN = "countdown"
    """Confirmed; the belt will start in a few seconds."""
    STARTING = "starting"
    """The belt was told to start, or the walker is asked to press Start; no motion seen yet."""
    RUNNING = "running"
    """The script runs and the belt follows it."""
    TURNING = "turning"
    """The belt comes to rest so that the walker can turn, or waits for them to confirm it."""
    HOLDING = "holding"
    """The script stands still: something is doubtful, or the walker paused."""
    SLOWING = "slowing"
    """Ramping down to the machine's lowest speed, to stop there."""
    STOPPING = "stopping"
    """Stop was sent; rest is not proven yet."""
    FINISHED = "finished"
    """The session is over and the belt was proven still."""
    HANDED_OVER = "handed_over"
    """The walker, the console or another client controls the belt; we only watch."""
    FAULTED = "faulted"
    """Something went wrong and waits for a person to acknowledge it."""


class Trigger(StrEnum):
    """Why a phase changes."""

    LINK_UP = "link_up"
    LINK_DOWN = "link_down"
    ARM = "arm"
    DISARM = "disarm"
    CONFIRM = "confirm"
    START = "start"
    MOTION = "motion"
    TURN = "turn"
    HOLD = "hold"
    RELEASE = "release"
    SLOW = "slow"
    STOP = "stop"
    PAUSED = "paused"
    TURNED = "turned"
    STILL = "still"
    FAULT = "fault"
    HAND_OVER = "hand_over"
    ACKNOWLEDGE = "acknowledge"
