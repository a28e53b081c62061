"""What each phase does with its time: count down, start, follow the script, turn, slow, stop.

The pilot wants; the gate permits. It plans inside the gate's limits so that a refusal is a defect and
not a way of working, and gives at most one command at a time, a Stop excepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from backstride.domain import cues
from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import FOLLOWING, FRESH, INCLINE_PAUSE, INCLINE_STEP, RISE, Envelope
from backstride.domain.evidence import incline_of
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.machine import BeltStart
from backstride.domain.notices import CueKind
from backstride.domain.session import TABLE, Control, Draft, Phase, Session, Then, Trigger
from backstride.domain.units import SECOND, Ms, Speed
from backstride.domain.workout import Facing, Setpoint, setpoint

PACE: Final[Ms] = 2 * SECOND
"""Shortest time between two changes of speed while the script runs: 0.1 km/h per 2 s upwards."""
CLIMB: Final[Speed] = 10
"""A usual step up, 0.01 km/h."""
DESCENT: Final[Speed] = 10
"""Planned ramp down, 0.01 km/h per s: 0.2 per 2 s."""
QUICK: Final[Speed] = 30
"""Ramp down when slowing to a stop, 0.01 km/h per s: the envelope's limit."""
RETRY: Final[Ms] = 5 * SECOND
"""After a refused or unanswered command, the next comes this much later."""
CONTROL_RETRY: Final[Ms] = 500
"""Some machines grant control only at the second request, half a second later."""
CONTROL_ASKS: Final = 2
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


def pilot(d: Draft) -> None:
    """Let the present phase do its work."""
    if work := _WORK.get(d.s.phase):
        work(d)


def _armed(d: Draft) -> None:
    ask_control(d)
    if d.s.now - d.s.since < d.s.options.confirm_window:
        return
    d.say(CueKind.STOPPED, "nobody confirmed; start again when you are ready")
    d.move(Trigger.DISARM, program=None, workout=None)


def ask_control(d: Draft) -> None:
    """Ask for control, once more half a second after a refusal, and then no more."""
    s = d.s
    asked_in_vain = s.control is Control.REFUSED and s.control_asks < CONTROL_ASKS
    if s.control is Control.NONE or (asked_in_vain and s.now - s.control_at >= CONTROL_RETRY):
        d.order(RequestControl())


def _countdown(d: Draft) -> None:
    remaining = d.s.options.countdown - (d.s.now - d.s.since)
    cues.count_down(d, remaining)
    if remaining > 0 or d.s.control is Control.ASKED:
        return
    if d.s.machine is not None and d.s.machine.belt_start is BeltStart.CONSOLE:
        d.say(CueKind.STEP_ON, "press Start on the console now, then hold the rails")
    else:
        d.say(CueKind.STEP_ON, "the belt starts now; step on when ready")
    d.move(Trigger.START)


def _starting(d: Draft) -> None:
    s = d.s
    if s.machine is None:
        return
    if s.machine.belt_start is BeltStart.REMOTE and s.start_granted:
        if s.evidence.age(s.now) <= FRESH:
            d.order(Start())
        return
    if s.evidence.moving() and (s.owed or s.machine.belt_start is BeltStart.CONSOLE):
        begin(d)


def begin(d: Draft) -> None:
    """The belt moves: take it over at whatever speed it chose, and let the script's clock run."""
    s = d.s
    speed = s.evidence.speed or 0
    d.drive(
        target=speed, target_at=s.now, previous=speed, lowered_at=s.now, incline_at=s.now,
        incline=max(incline_of(s.evidence, s.machine) or 0, 0), probed=0, probe_at=None,
        stop_at=None, refusals=0, unknowns=0,
    )  # fmt: skip
    cues.forget(d)
    d.move(
        Trigger.MOTION, owed=True, start_granted=False, moving_since=s.now, seen_at=s.now,
        then=Then.FINISH, asked_at=None, off_since=None,
    )  # fmt: skip


def _running(d: Draft) -> None:
    s = d.s
    if s.workout is None or s.envelope is None:
        return
    if s.script >= s.workout.duration:
        d.say(CueKind.STOPPING, "well done; the belt slows down and stops")
        d.move(Trigger.SLOW, then=Then.FINISH)
        return
    wanted = setpoint(s.workout, s.script)
    if wanted.segment.facing is not s.facing:
        d.say(CueKind.TURN, f"the belt stops; then you turn to walk {wanted.segment.facing}")
        d.move(Trigger.TURN, then=Then.TURN)
        return
    cues.announce(d)
    _check_in(d)
    follow(d, wanted, s.envelope)


def _check_in(d: Draft) -> None:
    s = d.s
    every = s.program.check_in if s.program else None
    if every is not None and s.asked_at is None and s.now - s.seen_at >= every:
        d.set(asked_at=s.now)
        d.say(CueKind.CHECK_IN, "are you well? tap, or say so on the dashboard")


def ready(s: Session) -> bool:
    """No procedure runs and nothing was refused just now."""
    return s.drive.pending is None and s.now >= s.drive.retry_at


def follow(d: Draft, wanted: Setpoint, within: Envelope) -> None:
    """Bring the belt one step nearer to the setpoint: first what lowers, then what raises."""
    s = d.s
    if not ready(s):
        return
    if s.drive.probed == 0:
        _probe(d, within)
        return
    target = within.grid(min(wanted.speed + s.trim, within.speed.value))
    incline = within.incline_grid(min(wanted.incline, within.incline.value))
    if target < s.drive.target:
        _lower(d, target, within, DESCENT, PACE)
    elif incline < s.drive.incline:
        d.order(SetIncline(incline))
    elif s.evidence.age(s.now) > FRESH or not cues.may_rise(s):
        return
    elif target > s.drive.target:
        _raise(d, target, within)
    elif incline > s.drive.incline and s.now - s.drive.incline_at >= INCLINE_PAUSE:
        step = max(INCLINE_STEP // within.incline_increment, 1) * within.incline_increment
        d.order(SetIncline(min(incline, s.drive.incline + step)))


def _probe(d: Draft, within: Envelope) -> None:
    """The first command of a run asks for what is already there, and must change nothing.

    Only a steady belt is asked: some machines lose their radio when a speed comes during spin-up.
    """
    s = d.s
    speed = s.evidence.speed
    if s.drive.probe_at is not None:
        settled = s.now - s.drive.probe_at > PACE and s.evidence.since > 1
        if settled and speed is not None and abs(speed - s.drive.target) <= FOLLOWING:
            d.drive(probed=1, probe_at=None)
        return
    if speed is None or not speed or s.evidence.steady == 0 or s.evidence.age(s.now) > FRESH:
        return
    target = min(within.grid(speed), within.grid(within.speed.value))
    d.drive(target=speed)
    if fall_due(d.s, target, QUICK):
        d.order(SetSpeed(target))
        d.drive(probe_at=s.now)


def fall_due(s: Session, target: Speed, rate: Speed) -> bool:
    """Enough time has passed since the last change for this decrease at this rate."""
    fall = s.drive.target - target
    return fall * SECOND <= rate * (s.now - s.drive.target_at)


def _lower(d: Draft, target: Speed, within: Envelope, rate: Speed, pace: Ms) -> None:
    """One step down. A grid coarser than the step goes one increment at a time."""
    s = d.s
    since = s.now - s.drive.target_at
    if since < pace:
        return
    step = max(rate * pace // SECOND, within.increment)
    lower = within.grid(max(target, s.drive.target - step))
    if fall_due(s, lower, QUICK) and lower < s.drive.target:
        d.order(SetSpeed(lower))


def _raise(d: Draft, target: Speed, within: Envelope) -> None:
    s = d.s
    step = max(CLIMB // within.increment, 1) * within.increment
    since = s.now - s.drive.target_at
    if since < PACE or step * SECOND > RISE * since:
        return
    speed = s.evidence.speed
    if not speed or abs(speed - s.drive.target) > FOLLOWING:
        return
    d.order(SetSpeed(min(target, within.grid(s.drive.target) + step)))


def _holding(d: Draft) -> None:
    s = d.s
    if s.paused:
        _out_of_patience(d)
        return
    if s.envelope is None or not ready(s):
        return
    if s.evidence.incline is not None and s.evidence.incline < 0 and s.drive.incline_at < s.since:
        d.order(SetIncline(0))
    elif Cause.NOBODY_THERE in s.holds and s.drive.target > s.envelope.floor:
        _lower(d, s.envelope.floor, s.envelope, DESCENT, PACE)
    elif s.drive.unknowns and s.drive.target >= s.envelope.floor:
        # Only an answer ends this hold, and only a question brings one: ask for what there is.
        d.order(SetSpeed(s.envelope.grid(min(s.drive.target, s.envelope.speed.value))))


def _turning(d: Draft) -> None:
    if d.s.owed:
        _descend(d)
    else:
        _out_of_patience(d)


def _out_of_patience(d: Draft) -> None:
    if d.s.now - d.s.since < d.s.options.patience:
        return
    d.say(CueKind.FINISHED, "nobody went on; the session is over")
    d.move(Trigger.STILL, ended_by="nobody went on", paused=False)


def _descend(d: Draft) -> None:
    """Ramp down to the machine's lowest speed, then stop."""
    s = d.s
    if s.envelope is None or s.now - s.since > SLOWEST or s.drive.refusals:
        halt_now(d)
        return
    if s.control not in {Control.GRANTED, Control.ASSUMED}:
        if s.control is Control.REFUSED or s.now - s.since > STOP_SILENCE:
            halt_now(d)
        return
    floor = s.envelope.floor
    if s.drive.target <= floor:
        arrived = s.evidence.speed is not None and s.evidence.speed <= floor + ARRIVED
        if arrived or s.now - s.drive.target_at > 2 * PACE:
            halt_now(d)
    elif ready(s):
        _lower(d, floor, s.envelope, QUICK, SECOND)


def halt_now(d: Draft) -> None:
    """Send Stop and wait for the proof of rest, whatever phase this is."""
    send_stop(d)
    d.move(Trigger.STOP, owed=True, start_granted=False, paused=False)


def _stopping(d: Draft) -> None:
    s = d.s
    if s.drive.stop_at is None or not s.linked:
        return
    answered = s.drive.stop_answered_at
    if answered is None and s.now - s.drive.stop_at > STOP_SILENCE:
        answered = s.now
        d.drive(stop_answered_at=answered)
        d.set(evidence=replace(s.evidence, zeros=0))
    elif answered is not None and s.evidence.still:
        _rest(d)
    elif s.now - s.since > STOP_PATIENCE and s.phase is Phase.STOPPING:
        sentence = "the belt is not proven still: look at it, pull the clip if it moves"
        fault(d, Finding(Action.STOP, Cause.STOP_UNCONFIRMED, sentence))
        d.move(Trigger.FAULT)
    elif _stop_again(d.s):
        send_stop(d)


def send_stop(d: Draft) -> None:
    """Order a Stop, and the control it needs where we do not have it."""
    if d.s.control in {Control.NONE, Control.REFUSED}:
        d.order(RequestControl())
    d.order(Stop())


def _stop_again(s: Session) -> bool:
    """A Stop is repeated when refused, or when two new frames show a belt that does not slow."""
    drive = s.drive
    if drive.stop_retry_at is not None:
        return s.now >= drive.stop_retry_at
    if (
        drive.stop_at is None
        or s.now - drive.stop_at < STOP_AGAIN
        or drive.stop_answered_at is None
    ):
        return False
    return s.evidence.since > 1 and not s.evidence.falling and s.evidence.moving()


def _rest(d: Draft) -> None:
    """The belt is proven still: the debt is paid, and what was planned comes next."""
    s = d.s
    d.drive(stop_at=None, pending=None)
    if s.phase is Phase.FAULTED:
        d.set(owed=False)
        return
    if s.fault is not None or s.then is Then.FAULT:
        d.move(Trigger.FAULT, owed=False)
    elif s.then is Then.PAUSE:
        d.say(CueKind.STOPPED, "paused; continue when you are ready")
        d.move(Trigger.PAUSED, owed=False, paused=True, holds=())
    elif s.then is Then.TURN and s.workout is not None:
        segment = s.workout.segment_at(s.script)
        rear = "the rear" if segment.facing is Facing.BACKWARD else "the console"
        d.say(CueKind.TURN, f"the belt stands; turn to face {rear}, hold the rails, then confirm")
        d.move(Trigger.TURNED, owed=False)
    else:
        d.say(CueKind.FINISHED, "the belt stands; the session is over")
        d.move(Trigger.STILL, owed=False, ended_by=s.ended_by or "completed")


def fault(d: Draft, finding: Finding) -> None:
    """Latch a fault; the first one stays, because it is the one to understand."""
    d.alarm(finding)
    if d.s.fault is None:
        d.set(fault=finding, then=Then.FAULT, ended_by=str(finding.cause))


def hand_over(d: Draft, finding: Finding) -> None:
    """Somebody else has the belt: watch, and owe it nothing. Void where there is nothing to give."""
    if Trigger.HAND_OVER in TABLE[d.s.phase]:
        d.alarm(finding)
        d.move(
            Trigger.HAND_OVER, owed=False, start_granted=False, paused=False, holds=(),
            ended_by=str(finding.cause),
        )  # fmt: skip


def _faulted(d: Draft) -> None:
    s = d.s
    if not s.owed or not s.linked:
        return
    if s.drive.stop_at is None:
        send_stop(d)
    else:
        _stopping(d)


def _handed_over(d: Draft) -> None:
    if d.s.evidence.still:
        d.move(Trigger.STILL, owed=False)


_WORK: Final[dict[Phase, Callable[[Draft], None]]] = {
    Phase.ARMED: _armed,
    Phase.COUNTDOWN: _countdown,
    Phase.STARTING: _starting,
    Phase.RUNNING: _running,
    Phase.HOLDING: _holding,
    Phase.TURNING: _turning,
    Phase.SLOWING: _descend,
    Phase.STOPPING: _stopping,
    Phase.HANDED_OVER: _handed_over,
    Phase.FAULTED: _faulted,
}
