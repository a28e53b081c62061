"""The first station of a step: what an event makes us believe."""

from __future__ import annotations

from typing import Final, assert_never

from msgspec.structs import replace

from backstride.domain import cues
from backstride.domain.ceiling import follow_heart
from backstride.domain.console import observe_status
from backstride.domain.envelope import FOLLOWING
from backstride.domain.events import (
    Adopt,
    BusDown,
    BusUp,
    CueHeard,
    Event,
    HeartRate,
    LinkDown,
    LinkUp,
    MachineStatus,
    Outcome,
    Request,
    Shutdown,
    Telemetry,
    Tick,
    Training,
    Verdict,
)
from backstride.domain.evidence import Evidence, observe
from backstride.domain.following import answering
from backstride.domain.heart import hear, rest
from backstride.domain.notices import CueKind
from backstride.domain.operator import operate
from backstride.domain.outcomes import ANSWER_TIME, conclude, hear_outcome
from backstride.domain.plausibility import OVER
from backstride.domain.recovery import (
    adopt,
    link_down,
    link_up,
    recognise,
    recognise_in_silence,
    shut_down,
)
from backstride.domain.session import ACTIVE, Control, Draft, Drive, Phase, Session, Trigger
from backstride.domain.supervision import GAP_HOLD, underway
from backstride.domain.units import MINUTE, Ms, Speed

OUTAGE_MEMORY: Final[Ms] = MINUTE
"""A broker must be back this long before its outage is forgotten: flapping adds up."""


def believe(d: Draft, event: Event) -> None:  # noqa: C901, PLR0912  one case an event is the point
    """Fold one event into what is known. The event belongs to the present connection."""
    match event:
        case Tick():
            _tick(d, event)
        case Telemetry():
            _telemetry(d, event)
        case Outcome():
            hear_outcome(d, event)
        case MachineStatus():
            observe_status(d, event)
        case Training():
            pass  # what it says is shown, but proves neither motion nor rest
        case Request():
            operate(d, event)
        case LinkUp():
            link_up(d, event)
        case LinkDown():
            link_down(d, event.reason)
        case BusUp():
            d.set(bus=True, bus_since=d.s.now)
        case BusDown():
            d.set(bus=False)
        case CueHeard(cue=number):
            cues.heard(d, number)
        case HeartRate():
            d.set(heart=hear(d.s.heart, event))
        case Shutdown():
            shut_down(d)
        case Adopt():
            adopt(d, event)
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
    elif s.now - s.bus_since > OUTAGE_MEMORY:
        d.set(outage=0)
    d.set(heart=follow_heart(d.s) if underway(d.s) else rest(d.s.heart))
    pending = s.drive.pending
    if pending is not None and s.now - pending.sent_at > ANSWER_TIME:
        conclude(d, pending, Verdict.UNKNOWN, "")
    if s.control is Control.ASKED and s.now - s.control_at > ANSWER_TIME:
        d.set(control=Control.ASSUMED)
    if s.adopted is not None and s.phase is Phase.IDLE:
        recognise_in_silence(d, s.adopted)


def _telemetry(d: Draft, frame: Telemetry) -> None:
    s = d.s
    cap = s.envelope.speed.value if s.envelope else None
    seen, speed = observe(s.evidence, frame, cap, OVER), frame.speed
    drive = _followed(_found_at(s, seen), speed)
    above = speed is not None and speed > drive.target + OVER
    kept = s.off_since if speed is None else None
    downhill = seen.incline is not None and seen.incline < 0
    d.set(
        evidence=seen,
        drive=drive,
        top_speed=max(s.top_speed, speed) if speed and s.phase in ACTIVE else s.top_speed,
        off_since=(s.off_since if s.off_since is not None else s.now) if above else kept,
        downhill_since=(s.downhill_since if s.downhill_since is not None else s.now)
        if downhill
        else None,
    )
    if s.adopted is not None and s.phase is Phase.IDLE and speed is not None:
        recognise(d, s.adopted)
    if s.phase is Phase.ARMED and seen.moving():
        d.say(CueKind.ALARM, "the belt moves: the arming is void")
        d.move(Trigger.DISARM, program=None, workout=None)


def _followed(drive: Drive, speed: Speed | None) -> Drive:
    """Note when the belt comes to its target: what leaves it afterwards was moved by somebody."""
    came = speed is not None and abs(speed - drive.target) <= FOLLOWING
    return replace(drive, followed=True) if came else drive


def _found_at(s: Session, seen: Evidence) -> Drive:
    """Until the first command the target is whatever the belt, still getting going, is found at."""
    speed = seen.speed
    commanded = s.drive.probed or s.drive.probe_at is not None or s.drive.pending is not None
    if commanded or answering(s) or s.phase not in {Phase.RUNNING, Phase.HOLDING} or not s.owed:
        return s.drive
    if not speed or speed == s.drive.target:
        return s.drive
    return replace(s.drive, target=speed, previous=speed, target_at=s.now)
