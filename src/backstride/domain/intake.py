"""The first two stations of a step: what an event makes us believe, and what a person asked."""

from __future__ import annotations

from typing import Final, assert_never

from msgspec.structs import replace

from backstride.domain import cues
from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Stop
from backstride.domain.envelope import envelope
from backstride.domain.events import (
    Adopt,
    BusDown,
    BusUp,
    CueHeard,
    Event,
    LinkDown,
    LinkUp,
    MachineStatus,
    Outcome,
    Ownership,
    Request,
    Shutdown,
    Status,
    Telemetry,
    Tick,
    Training,
    Verdict,
)
from backstride.domain.evidence import Evidence, observe
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.notices import CueKind
from backstride.domain.operator import operate
from backstride.domain.pilot import RETRY, STOP_AGAIN, fault, halt_now, hand_over
from backstride.domain.session import (
    ACTIVE,
    TABLE,
    Control,
    Draft,
    Drive,
    Pending,
    Phase,
    Session,
    Then,
    Trigger,
)
from backstride.domain.supervision import BLIND_AGE, GAP_HOLD, GRACE, OVER, SLOPE, underway
from backstride.domain.units import MINUTE, SECOND, Ms, Speed

ANSWER_TIME: Final[Ms] = 5 * SECOND
"""The adapter gives up on an answer after 3 s; one that owes an outcome longer is unknown."""
SPIN_UP: Final[Ms] = 10 * SECOND
"""Some machines refuse commands while the belt gets going; that is no loss of control yet."""
CONTROL_DENIED: Final = "refused: control not permitted"
"""The detail of an outcome with result code 05."""
OUTAGE_MEMORY: Final[Ms] = MINUTE
"""A broker must be back this long before its outage is forgotten: flapping adds up."""
STOP_VALID: Final[Ms] = MINUTE
"""A Stop asked while there is no connection is sent if it comes back within this [CHOICE]."""
SAME_RUN: Final[Ms] = 10 * MINUTE
"""A machine without counters is taken for ours again this long after our record [CHOICE]."""
SLACK: Final = 60
"""A counter may have gone on this much more than the record's age explains, s and m [CHOICE]."""


def believe(d: Draft, event: Event) -> None:  # noqa: C901, PLR0912  one case an event is the point
    """Fold one event into what is known. The event belongs to the present connection."""
    match event:
        case Tick():
            _tick(d, event)
        case Telemetry():
            _telemetry(d, event)
        case Outcome():
            _outcome(d, event)
        case MachineStatus():
            _status(d, event)
        case Training():
            pass  # what it says is shown, but proves neither motion nor rest
        case Request():
            operate(d, event)
        case LinkUp():
            _link_up(d, event)
        case LinkDown():
            _link_down(d, event.reason)
        case BusUp():
            d.set(bus=True, bus_since=d.s.now)
        case BusDown():
            d.set(bus=False, bus_since=d.s.now)
        case CueHeard(cue=number):
            cues.heard(d, number)
        case Shutdown():
            _shutdown(d)
        case Adopt():
            d.set(adopted=event.record, adopted_age=event.age, adopted_at=d.s.now)
        case _:
            assert_never(event)


def _tick(d: Draft, tick: Tick) -> None:
    s = d.s
    passed = 0 if s.ticked_at is None else s.now - s.ticked_at
    gap = passed + tick.slept
    d.set(ticked_at=s.now)
    if gap > GAP_HOLD:
        d.set(gap=gap, gap_at=s.now)
    elif s.evidence.moving() and underway(s):
        d.set(walked=s.walked + passed)
        if s.phase is Phase.RUNNING:
            d.set(script=s.script + passed)
    if not s.bus:
        d.set(outage=s.outage + passed)
    elif s.outage and s.now - s.bus_since > OUTAGE_MEMORY:
        d.set(outage=0)
    pending = s.drive.pending
    if pending is not None and s.now - pending.sent_at > ANSWER_TIME:
        _conclude(d, pending, Verdict.UNKNOWN, "")
    if s.adopted is not None and s.phase is Phase.IDLE and s.now - s.since > BLIND_AGE:
        _restarted(d)
        halt_now(d)


def _telemetry(d: Draft, frame: Telemetry) -> None:
    s = d.s
    cap = s.envelope.speed.value if s.envelope else None
    seen = observe(s.evidence, frame, cap, OVER)
    speed = seen.speed or 0
    above = frame.speed is not None and speed > s.drive.target + OVER
    kept = s.off_since if frame.speed is None else None
    downhill = seen.incline is not None and seen.incline < 0
    d.set(
        evidence=seen,
        top_speed=max(s.top_speed, speed) if s.phase in ACTIVE else s.top_speed,
        off_since=(s.off_since if s.off_since is not None else s.now) if above else kept,
        downhill_since=(s.downhill_since if s.downhill_since is not None else s.now)
        if downhill
        else None,
    )
    if s.adopted is not None and s.phase is Phase.IDLE and frame.speed is not None:
        _recognise(d, s.adopted)
    if s.phase is Phase.ARMED and seen.moving():
        d.say(CueKind.ALARM, "the belt moves: the arming is void")
        d.move(Trigger.DISARM, program=None, workout=None)


def _outcome(d: Draft, outcome: Outcome) -> None:
    s = d.s
    if outcome.ticket == s.control_ticket:
        match outcome.verdict:
            case Verdict.CONFIRMED:
                control = Control.GRANTED
            case Verdict.REJECTED:
                control = Control.REFUSED
            case Verdict.UNKNOWN:
                control = Control.ASSUMED
            case _:
                assert_never(outcome.verdict)
        d.set(control=control, control_at=s.now)
    elif s.drive.pending is not None and outcome.ticket == s.drive.pending.ticket:
        _conclude(d, s.drive.pending, outcome.verdict, outcome.detail)


def _conclude(d: Draft, pending: Pending, verdict: Verdict, detail: str) -> None:
    """The one procedure that ran is over, one way or the other."""
    d.drive(pending=None)
    if detail == CONTROL_DENIED:
        d.set(control=Control.NONE)
    if isinstance(pending.command, Stop):
        _conclude_stop(d, verdict)
        return
    s, drive = d.s, d.s.drive
    match verdict:
        case Verdict.CONFIRMED:
            d.drive(unknowns=0, refusals=0)
        case Verdict.UNKNOWN:
            # It may or may not have had an effect; assume the faster of the two.
            target = max(drive.target, drive.previous)
            d.drive(unknowns=drive.unknowns + 1, target=target, retry_at=s.now + RETRY)
        case Verdict.REJECTED:
            d.drive(refusals=drive.refusals + 1, retry_at=s.now + RETRY)
            if isinstance(pending.command, SetSpeed):
                d.drive(target=drive.previous, probe_at=None)
            elif isinstance(pending.command, SetIncline):
                d.drive(incline=max(s.evidence.incline or 0, 0))
            if detail == CONTROL_DENIED and s.moving_since is not None:
                _denied(d, s.moving_since)
        case _:
            assert_never(verdict)


def _denied(d: Draft, moving_since: Ms) -> None:
    if d.s.now - moving_since > SPIN_UP:
        sentence = "the treadmill no longer takes our commands: somebody else controls it"
        hand_over(d, Finding(Action.HAND_OVER, Cause.CONTROL_TAKEN, sentence))
    else:
        d.order(RequestControl())


def _conclude_stop(d: Draft, verdict: Verdict) -> None:
    s = d.s
    if verdict is Verdict.REJECTED:
        d.drive(stop_retry_at=s.now + STOP_AGAIN)
        return
    d.drive(stop_answered_at=s.now)
    d.set(evidence=replace(s.evidence, zeros=0))
    if verdict is Verdict.UNKNOWN and s.evidence.since == 0:
        # Neither an answer nor a frame: nothing says that it arrived.
        d.drive(stop_retry_at=s.now + STOP_AGAIN)


def _status(d: Draft, event: MachineStatus) -> None:
    s = d.s
    match event.status:
        case Status.SAFETY_KEY:
            _take(d, Cause.SAFETY_KEY, "the safety key was pulled")
        case Status.STOPPED_BY_USER | Status.PAUSED_BY_USER:
            _take(d, Cause.CONSOLE, "the belt was stopped at the console")
        case Status.STARTED_BY_USER:
            if s.phase is Phase.ARMED or (s.phase in ACTIVE and not s.owed and not _starts(s)):
                _take(d, Cause.CONSOLE, "the belt was started at the console")
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


def _starts(s: Session) -> bool:
    return s.phase is Phase.STARTING


def _our_speed(s: Session, value: Speed) -> bool:
    """The machine repeats our own target, or streams the speeds on the way to it."""
    drive = s.drive
    if drive.probed == 0:
        return True
    if s.now - drive.target_at > GRACE and drive.pending is None:
        return value == drive.target
    measured = drive.target if s.evidence.speed is None else s.evidence.speed
    low = min(drive.target, drive.previous, measured)
    high = max(drive.target, drive.previous, measured)
    return low <= value <= high


def _our_incline(s: Session, value: int) -> bool:
    drive = s.drive
    if drive.probed == 0:
        return True
    measured = drive.incline if s.evidence.incline is None else s.evidence.incline
    return min(drive.incline, measured) - SLOPE <= value <= max(drive.incline, measured) + SLOPE


def _take(d: Draft, cause: Cause, sentence: str) -> None:
    """The machine says that somebody else acted."""
    s = d.s
    if s.phase is Phase.ARMED:
        d.say(CueKind.ALARM, sentence)
        d.move(Trigger.DISARM, program=None, workout=None)
    elif Trigger.HAND_OVER in TABLE[s.phase]:
        hand_over(d, Finding(Action.HAND_OVER, cause, sentence))


def _link_up(d: Draft, event: LinkUp) -> None:
    if d.s.linked:
        _link_down(d, "a new connection replaced it")
    d.set(
        epoch=event.epoch, linked=True, machine=event.machine, control=Control.NONE,
        control_asks=0, evidence=Evidence(), drive=Drive(), off_since=None, downhill_since=None,
    )  # fmt: skip
    if d.s.phase is not Phase.OFFLINE:
        return
    wanted = d.s.stop_wanted_at
    d.move(Trigger.LINK_UP, stop_wanted_at=None)
    if wanted is not None and d.s.now - wanted <= STOP_VALID:
        d.set(then=Then.FINISH, ended_by="stopped by request")
        halt_now(d)


def _link_down(d: Draft, reason: str) -> None:
    s = d.s
    d.set(
        linked=False, control=Control.NONE, start_granted=False, drive=Drive(), paused=False,
        evidence=Evidence(), off_since=None, downhill_since=None,
    )  # fmt: skip
    lost = Finding(
        Action.STOP, Cause.LINK_LOST, f"the connection to the treadmill is lost: {reason}"
    )
    if TABLE[s.phase].get(Trigger.LINK_DOWN) is Phase.FAULTED and s.phase is not Phase.FAULTED:
        fault(d, lost)
    elif s.phase in {Phase.ARMED, Phase.COUNTDOWN, Phase.HANDED_OVER}:
        d.alarm(lost)
    if s.phase is not Phase.OFFLINE:
        d.move(Trigger.LINK_DOWN)


def _recognise(d: Draft, record: Ownership) -> None:
    """The first speed after a restart: is this the belt that we left moving?"""
    s = d.s
    if s.evidence.still:
        _restarted(d)
        d.move(Trigger.FAULT, owed=False)
    elif s.evidence.moving() and _continues(s, record):
        _restarted(d)
        if s.machine is not None:
            d.set(envelope=envelope(s.site, s.machine, s.walker, None))
        speed = s.evidence.speed or 0
        d.drive(target=speed, target_at=s.now, previous=speed)
        d.order(RequestControl())
        d.move(Trigger.SLOW, owed=True, confirmed_epoch=s.epoch)
    elif s.evidence.moving():
        sentence = "the belt moves, but not as we left it: only watching"
        d.set(adopted=None)
        d.alarm(Finding(Action.ANNOUNCE, Cause.RESTARTED, sentence))


def _restarted(d: Draft) -> None:
    sentence = "the service was interrupted during a session: the belt is being stopped"
    d.set(adopted=None)
    fault(d, Finding(Action.SLOW_DOWN, Cause.RESTARTED, sentence))


def _continues(s: Session, record: Ownership) -> bool:
    if s.machine is None or s.machine.fingerprint != record.fingerprint:
        return False
    age = s.adopted_age + s.now - s.adopted_at
    pairs = ((record.elapsed, s.evidence.elapsed), (record.distance, s.evidence.distance))
    told = [(then, now) for then, now in pairs if then and now is not None]
    if not told:
        return age <= SAME_RUN
    return any(then <= now <= then + age // SECOND * 7 + SLACK for then, now in told)


def _shutdown(d: Draft) -> None:
    s = d.s
    d.set(ended_by=s.ended_by or str(Cause.SHUTDOWN))
    if s.phase in {Phase.ARMED, Phase.COUNTDOWN}:
        d.move(Trigger.DISARM)
    elif underway(s) and s.phase is not Phase.SLOWING:
        d.say(CueKind.STOPPING, "the service ends: the belt slows down and stops")
        d.move(Trigger.SLOW, then=Then.FINISH, holds=())
    elif s.phase is Phase.STARTING:
        halt_now(d)
    elif s.phase in {Phase.TURNING, Phase.HOLDING}:
        d.move(Trigger.STILL, paused=False)
