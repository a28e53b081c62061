"""A moving belt follows the script: probe it, lower it, raise it, and hold it while in doubt.

Plans inside the gate's limits, so that a refusal is a defect and not a way of working, and gives
one command at a time.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from backstride.domain import cues
from backstride.domain.ceiling import eases
from backstride.domain.commands import SetIncline, SetSpeed
from backstride.domain.envelope import (
    FOLLOWING,
    FRESH,
    INCLINE_PAUSE,
    INCLINE_STEP,
    RISE,
    Envelope,
    reach,
)
from backstride.domain.failsafe import Cause
from backstride.domain.notices import CueKind
from backstride.domain.plausibility import GRACE, PROBE_SIZE, obeyed
from backstride.domain.session import IN_CONTROL, Draft, Session, Then, Trigger
from backstride.domain.supervision import GAP_HOLD
from backstride.domain.units import SECOND, Ms, Speed
from backstride.domain.workout import Setpoint, setpoint

PACE: Final[Ms] = 2 * SECOND
"""Shortest time between two changes of speed while the script runs: 0.1 km/h per 2 s upwards."""
CLIMB: Final[Speed] = 10
"""A usual step up, 0.01 km/h."""
DESCENT: Final[Speed] = 10
"""Planned ramp down, 0.01 km/h per s: 0.2 per 2 s."""
EASE: Final[Speed] = 4
"""Ramp down for the heart, 0.01 km/h per s: 0.2 per 5 s, for a pulse takes its time to fall [CHOICE]."""
EASE_PACE: Final[Ms] = 5 * SECOND
"""Time between two of its steps."""
QUICK: Final[Speed] = 30
"""Ramp down when slowing to a stop, 0.01 km/h per s: the envelope's limit."""
NUDGE: Final[Speed] = 5
"""Smallest error that a step is allowed, however small the machine's increment is."""


def run(d: Draft) -> None:
    """Follow the script; at its turns and its end, bring the belt down."""
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
    """We are in control, no procedure runs, nothing was refused just now, and the belt is in sight."""
    free = s.drive.pending is None and s.now >= s.drive.retry_at
    return free and s.control in IN_CONTROL and in_sight(s)


def in_sight(s: Session) -> bool:
    """The belt was seen since the loop stood still: what was seen before may be long ago.

    Frames that waited for the end of a stall are as old, and do not say so.
    """
    seen = s.evidence.speed_at
    return s.gap <= GAP_HOLD or (seen is not None and seen > s.gap_at + GAP_HOLD)


def answering(s: Session) -> bool:
    """The belt may still be on its way to a commanded speed: where it is now is no wish of its own."""
    return s.drive.commanded and s.now - s.drive.target_at <= GRACE


def follow(d: Draft, wanted: Setpoint, within: Envelope) -> None:
    """Bring the belt one step nearer to the setpoint: first what lowers, then what raises."""
    if not ready(d.s):
        return
    if d.s.drive.probe_at is not None:
        _settle(d, d.s.drive.probe_at)
    s = d.s
    if s.drive.probed == 0:
        _probe(d, within)
        return
    target = within.grid(min(wanted.speed + s.trim, within.speed.value))
    incline = within.incline_grid(min(wanted.incline, within.incline.value))
    if target < s.drive.target:
        lower(d, target, within, DESCENT, PACE)
    elif incline < s.drive.incline:
        d.order(SetIncline(incline))
    elif not _may_rise(s):
        return
    elif target > s.drive.target:
        _raise(d, target, within)
    elif incline > s.drive.incline and s.now - s.drive.incline_at >= INCLINE_PAUSE:
        step = max(INCLINE_STEP // within.incline_increment, 1) * within.incline_increment
        d.order(SetIncline(min(incline, s.drive.incline + step)))


def _may_rise(s: Session) -> bool:
    """The belt is known and not slowing down, no probe runs, and the walker was told.

    A belt that was stopped at its console passes every speed on its way, also the one it was told.
    """
    seen = s.evidence.age(s.now) <= FRESH and not s.evidence.falling
    return seen and s.drive.probe_at is None and cues.may_rise(s)


def _settle(d: Draft, since: Ms) -> None:
    """Count a probe once its effect was seen: direction and size are what was asked."""
    s = d.s
    late = s.now - since > PACE and s.evidence.since > 1
    if late and s.evidence.speed is not None and obeyed(s.drive, s.evidence.speed):
        d.drive(probed=s.drive.probed + 1, probe_at=None)


def _probe(d: Draft, within: Envelope) -> None:
    """The first command of a run asks for what is already there, and must change nothing.

    Only a steady belt is asked: some machines lose their radio when a speed comes during spin-up.
    A belt that is steady far below its lowest speed speaks another unit, and is not asked at all.
    """
    s = d.s
    speed = s.evidence.speed
    asked = s.drive.probe_at is not None
    if asked or not speed or not s.evidence.steady or s.evidence.age(s.now) > FRESH:
        return
    if answering(s):
        return
    target = within.grid(min(speed, within.speed.value))
    if target > speed + PROBE_SIZE:
        return
    d.drive(target=max(speed, target))
    if fall_due(d.s, target):
        d.order(SetSpeed(target))
        d.drive(probe_at=s.now, probe_goal=target, probe_slack=PROBE_SIZE)


def fall_due(s: Session, target: Speed) -> bool:
    """Enough time has passed since the last change for this decrease."""
    fall = s.drive.target - target
    return fall * SECOND <= QUICK * (s.now - s.drive.target_at)


def _not_above(speed: Speed | None, told: Speed, aim: Speed, within: Envelope) -> Speed | None:
    """`aim`, or what the belt runs at if it runs slower than told; None if neither may be asked.

    To a belt that lags behind what it was told, a smaller target can still mean faster.
    """
    if speed is None:
        return aim
    if told - speed > FOLLOWING:
        aim = min(aim, within.grid(speed))
    return aim if speed and aim - speed <= FOLLOWING else None


def lower(d: Draft, target: Speed, within: Envelope, rate: Speed, pace: Ms) -> None:
    """One step down. A grid coarser than the step goes one increment at a time."""
    s = d.s
    if s.now - s.drive.target_at < pace:
        return
    step = max(rate * pace // SECOND, within.increment)
    aim = within.grid(min(max(target, s.drive.target - step), within.speed.value))
    below = _not_above(s.evidence.speed, s.drive.target, aim, within)
    if below is not None and below < s.drive.target and fall_due(s, below):
        d.order(SetSpeed(below))


def _raise(d: Draft, target: Speed, within: Envelope) -> None:
    s = d.s
    step = max(CLIMB // within.increment, 1) * within.increment
    since = s.now - s.drive.target_at
    if since < PACE or step * SECOND > RISE * since:
        return
    speed = s.evidence.speed
    above = min(target, within.grid(s.drive.target) + step)
    if not speed or abs(speed - s.drive.target) > FOLLOWING or above - speed > reach(within):
        return
    rise = above - s.drive.target
    second = s.drive.probed == 1
    d.order(SetSpeed(above))
    if second:
        d.drive(probe_at=s.now, probe_goal=speed + rise, probe_slack=max(rise // 2, NUDGE))


def hold(d: Draft) -> None:
    """Keep the target while in doubt; lower what is safer lower, and ask what was not answered."""
    s = d.s
    if s.envelope is None or not ready(s):
        return
    deck = s.evidence.incline
    tilts = s.machine is not None and s.machine.incline is not None
    if tilts and deck is not None and deck < 0 and s.drive.incline_at < s.since:
        d.order(SetIncline(0))
    elif Cause.NOBODY_THERE in s.holds and s.drive.target > s.envelope.floor:
        lower(d, s.envelope.floor, s.envelope, QUICK, SECOND)
    elif s.drive.unknowns:
        if not s.evidence.falling:
            _ask_again(d, s.envelope)
    elif eases(s):
        _ease(d, s.envelope)


def _ease(d: Draft, within: Envelope) -> None:
    """One step down for the heart; the first of them is told."""
    before = d.s.drive.target
    lower(d, within.floor, within, EASE, EASE_PACE)
    if d.s.drive.target < before and not d.s.heart.eased:
        d.set(heart=replace(d.s.heart, eased=True))
        text = "your heart rate stays high: the belt slows down step by step"
        d.say(CueKind.SLOWER, text, speed=d.s.drive.target, cause=str(Cause.HEART_RATE))


def _ask_again(d: Draft, within: Envelope) -> None:
    """Only an answer ends this hold, and only a question brings one: for the lower of the two speeds.

    A belt that slows down is not asked: it may have been stopped at its console, and a speed could set
    it going again.
    """
    s = d.s
    aim = within.grid(min(s.drive.target, s.drive.previous, within.speed.value))
    below = _not_above(s.evidence.speed, s.drive.target, aim, within)
    if below is not None and below <= s.drive.target and fall_due(s, below):
        d.order(SetSpeed(below))
