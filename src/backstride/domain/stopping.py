"""Bringing a belt to rest, proving it, and what a rest is followed by."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from backstride.domain.commands import RequestControl, Start, Stop
from backstride.domain.evidence import STILL_FRAMES, void
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.following import PACE, QUICK, lower, ready
from backstride.domain.notices import CueKind
from backstride.domain.plausibility import HOLD_AGE
from backstride.domain.session import (
    IN_CONTROL,
    TABLE,
    Control,
    Draft,
    Phase,
    Session,
    Then,
    Trigger,
)
from backstride.domain.supervision import GAP_HOLD, START_TIME
from backstride.domain.units import SECOND, Ms, Speed
from backstride.domain.workout import Facing

STOP_AGAIN: Final[Ms] = 500
"""A refused Stop is repeated this much later."""
STOP_PATIENCE: Final[Ms] = 20 * SECOND
"""A Stop without proof for this long is unconfirmed: the slowest measured belt took 9.1 s."""
STOP_SILENCE: Final[Ms] = 4 * SECOND
"""An outcome that the adapter owes longer than this will not come."""
ARRIVED: Final[Speed] = 10
"""A belt this near to its lowest speed has come down far enough to be stopped."""
SLOWEST: Final[Ms] = 60 * SECOND
"""A ramp down longer than this ends in Stop: 5.5 km/h takes 20 s."""


def descend(d: Draft) -> None:
    """Ramp down to the machine's lowest speed, then stop."""
    s = d.s
    refused = s.drive.refusals > 0 and s.drive.target_at >= s.since
    if s.envelope is None or s.now - s.since > SLOWEST or refused:
        halt_now(d)
        return
    if s.control not in IN_CONTROL:
        if s.control is Control.REFUSED or s.now - s.since > STOP_SILENCE:
            halt_now(d)
        return
    floor = s.envelope.floor
    down = s.drive.target <= floor and s.now - s.drive.target_at > 2 * PACE
    if down or (s.evidence.speed is not None and s.evidence.speed <= floor + ARRIVED):
        halt_now(d)
    elif s.drive.target > floor and ready(s) and not _may_coast(s):
        lower(d, floor, s.envelope, QUICK, SECOND)


def _may_coast(s: Session) -> bool:
    """Nothing of ours drives this belt yet, and it may be slowing down by itself.

    After an earlier life's Stop, or one pressed at the console, a speed could set it going again.
    """
    falls = s.evidence.since < STILL_FRAMES or s.evidence.falling
    return falls and not s.drive.commanded


def halt_now(d: Draft) -> None:
    """Send Stop and wait for the proof of rest, whatever phase this is."""
    s = d.s
    # What an earlier life sent last, before its claim was judged, may have been a Start.
    started = s.started_at if s.adopted is None else s.adopted_at - s.adopted_age
    send_stop(d)
    d.move(Trigger.STOP, owed=True, start_granted=False, paused=False, holds=(), started_at=started)


def send_stop(d: Draft) -> None:
    """Order a Stop, and the control it needs where we do not have it."""
    if d.s.control in {Control.NONE, Control.REFUSED}:
        d.order(RequestControl())
    d.order(Stop())


def await_rest(d: Draft) -> None:
    """Watch the belt come to rest; repeat a Stop that had no effect; tell a person in the end."""
    s = d.s
    sent, since = s.drive.stop_at, s.drive.stop_since
    if sent is None or since is None:
        return
    if s.drive.stop_answered_at is None and s.now - sent > STOP_SILENCE:
        d.drive(stop_answered_at=s.now)
        d.set(evidence=replace(s.evidence, zeros=0))
    elif s.drive.stop_answered_at is not None and s.evidence.still and not _may_yet_start(s):
        _rest(d)
    elif s.now - since > STOP_PATIENCE and not s.drive.unconfirmed:
        _unconfirmed(d, "the belt is not proven still")
    elif _stop_again(s):
        _repeat(d)


def _may_yet_start(s: Session) -> bool:
    """Our Start went out, and every zero was seen before it must have had its effect.

    The frames' own time counts, and a frame that arrives with the end of a stall is of unknown age: a loop
    that stood still must not take old zeros for the end of the wait.
    """
    seen, started = s.evidence.speed_at, s.started_at
    if started is None:
        return False
    return seen is None or seen <= max(started + START_TIME, s.gap_at + GAP_HOLD)


def _unconfirmed(d: Draft, trouble: str) -> None:
    sentence = f"{trouble}: look at it, pull the clip if it moves; acknowledge if it stands"
    d.drive(unconfirmed=True)
    fault(d, Finding(Action.STOP, Cause.STOP_UNCONFIRMED, sentence))
    if d.s.phase is Phase.STOPPING:
        d.move(Trigger.FAULT)


def _stop_again(s: Session) -> bool:
    """A Stop is repeated when it was refused, or when new frames show a belt that does not slow down.

    Without an answer and without frames too, but never to a belt that is seen to slow down: some machines
    take a second Stop while the belt coasts for a Start.
    """
    seen, retry_at = s.evidence, s.drive.stop_retry_at
    blind = seen.age(s.now) > HOLD_AGE
    due = retry_at is not None and s.now >= retry_at
    if s.drive.stop_answered_at is None:
        return due and (blind or not seen.falling)
    if due and (blind or seen.since == 0):
        return True
    return seen.insistent and not (s.drive.crept and _creeps(s))


def _creeps(s: Session) -> bool:
    """It moves below its lowest speed: some belts do so for a while after a Stop."""
    return s.machine is not None and s.evidence.speed in range(s.machine.speed.minimum)


def _repeat(d: Draft) -> None:
    """Send Stop again; a belt that creeps gets no third one.

    It may have taken the second one for a Start, and would go on like that for ever.
    """
    s = d.s
    if s.evidence.insistent and _creeps(s):
        d.drive(crept=True)
    elif s.drive.crept and not s.drive.unconfirmed:
        _unconfirmed(d, "a second Stop set the belt going again")
    send_stop(d)


def _rest(d: Draft) -> None:
    """The belt is proven still: the debt is paid, and what was planned comes next."""
    s = d.s
    d.drive(stop_at=None, stop_since=None, unconfirmed=False, crept=False, pending=None)
    d.set(owed=False, adopted=None, rested_at=s.now, moving_since=None, started_at=None)
    if s.phase is Phase.FAULTED:
        return
    if s.fault is not None or s.then is Then.FAULT:
        d.move(Trigger.FAULT)
    elif s.then is Then.PAUSE:
        d.say(CueKind.STOPPED, "paused; continue when you are ready")
        d.move(Trigger.PAUSED, paused=True)
    elif s.then is Then.TURN and s.workout is not None:
        segment = s.workout.segment_at(s.script)
        rear = "the rear" if segment.facing is Facing.BACKWARD else "the console"
        d.say(CueKind.TURN, f"the belt stands; turn to face {rear}, hold the rails, then confirm")
        d.move(Trigger.TURNED)
    else:
        d.say(CueKind.FINISHED, "the belt stands; the session is over")
        d.move(Trigger.STILL, ended_by=s.ended_by or "completed")


def fault(d: Draft, finding: Finding) -> None:
    """Latch a fault; the first one stays, because it is the one to understand."""
    d.alarm(finding)
    if d.s.fault is None:
        d.set(fault=finding, then=Then.FAULT, ended_by=str(finding.cause))


def _start_is_out(s: Session) -> bool:
    """A Start of ours may yet take effect, also where the walker's own was quicker."""
    pending = s.drive.pending
    unanswered = pending is not None and isinstance(pending.command, Start)
    recent = s.started_at is not None and s.now - s.started_at <= START_TIME
    return unanswered or recent or (s.phase is Phase.STARTING and s.owed)


def hand_over(d: Draft, finding: Finding) -> None:
    """Somebody else has the belt: watch, and owe it nothing. Void where there is nothing to give.

    A belt that our Start may yet set in motion is nobody's: it is stopped.
    """
    s = d.s
    if Trigger.HAND_OVER not in TABLE[s.phase]:
        return
    d.alarm(finding)
    d.set(ended_by=str(finding.cause), then=Then.FINISH)
    if _start_is_out(s):
        halt_now(d)
        return
    d.drive(pending=None)
    d.move(
        Trigger.HAND_OVER, owed=False, start_granted=False, paused=False, holds=(),
        rested_at=None, started_at=None, evidence=void(s.evidence),
    )  # fmt: skip
