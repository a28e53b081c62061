"""What the machine says of itself: our own echo, or somebody at its console.

The walker always wins. A console press, the safety key, another controller: each ends our control.
"""

from __future__ import annotations

from typing import assert_never

from backstride.domain.events import MachineStatus, Status
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.notices import CueKind
from backstride.domain.plausibility import GRACE, SLOPE, SPIN_UP
from backstride.domain.session import (
    ACTIVE,
    Control,
    Draft,
    Phase,
    Session,
    Trigger,
)
from backstride.domain.stopping import hand_over
from backstride.domain.supervision import underway
from backstride.domain.units import Incline, Speed


def observe_status(d: Draft, event: MachineStatus) -> None:
    """Fold a status notification."""
    s = d.s
    match event.status:
        case Status.SAFETY_KEY:
            _take(d, Cause.SAFETY_KEY, "the safety key was pulled")
        case Status.STOPPED_BY_USER | Status.PAUSED_BY_USER:
            # Some machines say so of our own Stop, and late: a belt at rest was stopped by us.
            if s.owed or s.phase not in {Phase.TURNING, Phase.HOLDING}:
                _take(d, Cause.CONSOLE, "the belt was stopped at the console")
        case Status.STARTED_BY_USER:
            _started(d)
        case Status.TARGET_SPEED:
            if event.value is not None and underway(s) and not _our_speed(s, event.value):
                _take(d, Cause.CONSOLE, "the speed was changed at the console")
        case Status.TARGET_INCLINE:
            if event.value is not None and underway(s) and not _our_incline(s, event.value):
                _take(d, Cause.CONSOLE, "the incline was changed at the console")
        case Status.CONTROL_LOST | Status.RESET:
            d.set(control=Control.NONE)
            _take(d, Cause.CONTROL_TAKEN, "another device took control of the treadmill")
        case _:
            assert_never(event.status)


def _started(d: Draft) -> None:
    s = d.s
    if s.phase is Phase.ARMED or (
        s.phase in ACTIVE and not s.owed and s.phase is not Phase.STARTING
    ):
        _take(d, Cause.CONSOLE, "the belt was started at the console")
    elif not s.owed:
        # Somebody walks on their own: what moves now was not restarted by our Stop.
        d.set(rested_at=None)


def _our_speed(s: Session, value: Speed) -> bool:
    """The machine repeats our own target, or streams the speeds on the way to it."""
    drive = s.drive
    if drive.probed == 0:
        return True
    low = high = drive.target
    if s.now - drive.target_at <= GRACE or drive.pending is not None:
        measured = drive.target if s.evidence.speed is None else s.evidence.speed
        low = min(drive.target, drive.previous, measured)
        high = max(drive.target, drive.previous, measured)
    if s.moving_since is not None and s.now - s.moving_since <= SPIN_UP:
        low = 0
    return low <= value <= high


def _our_incline(s: Session, value: Incline) -> bool:
    drive = s.drive
    if drive.probed == 0:
        return True
    measured = drive.incline if s.evidence.incline is None else s.evidence.incline
    return min(drive.incline, measured) - SLOPE <= value <= max(drive.incline, measured) + SLOPE


def _take(d: Draft, cause: Cause, sentence: str) -> None:
    """The machine says that somebody else acted."""
    s = d.s
    if s.phase is Phase.ARMED:
        d.say(CueKind.ALARM, sentence, cause=str(cause))
        d.move(Trigger.DISARM, program=None, workout=None)
    else:
        hand_over(d, Finding(Action.HAND_OVER, cause, sentence))
