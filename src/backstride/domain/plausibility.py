"""Does what is measured agree with what was commanded, with the limits, and with itself?

Each check returns a finding, or None. They are independent of each other, know nothing of programs,
and hold no state but what the session keeps for them.
"""

from __future__ import annotations

from typing import Final

from backstride.domain.envelope import FOLLOWING
from backstride.domain.evidence import NEVER, STILL_FRAMES, incline_of
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.session import Drive, Session
from backstride.domain.units import SECOND, Incline, Ms, Speed, show_incline, show_speed

HOLD_AGE: Final[Ms] = 3 * SECOND
"""Telemetry older than this: hold and alert. Gaps of 2.5 s occur on healthy machines."""
BLIND_AGE: Final[Ms] = 5 * SECOND
"""Telemetry older than this on a moving belt: Stop."""
FROZEN_HOLD: Final[Ms] = 5 * SECOND
"""A moving belt whose counters stand still this long is not believed."""
FROZEN_SLOW: Final[Ms] = 10 * SECOND
"""And this long: bring it down while it still can be done gently [CHOICE]."""
METRE: Final = 360_000
"""A belt at 0.01 km/h takes so many ms for one metre."""
OVER: Final[Speed] = 30
"""How far above cap or target counts as overspeed, 0.01 km/h."""
OVER_TIME: Final[Ms] = 3 * SECOND
"""How long above the target before Stop."""
GRACE: Final[Ms] = 5 * SECOND
"""After a decrease a belt may be above its new target this long."""
SPIN_UP: Final[Ms] = 10 * SECOND
"""While the belt gets going some machines refuse commands, or tell the speeds on its way up."""
SETTLE: Final[Ms] = 10 * SECOND
"""With no command for this long, a speed that differs from its target was not ours [CHOICE]."""
DOWNHILL_TIME: Final[Ms] = 5 * SECOND
"""A deck below 0 may take this long to come up before we slow down."""
SLOPE: Final[Incline] = 5
"""An unexplained change of slope beyond this slows the belt down, 0.1 %."""
SLOPE_SETTLE: Final[Ms] = 40 * SECOND
"""Decks lag: a slope is not compared with its target sooner after a command [CHOICE]."""
PROBE_TIME: Final[Ms] = 5 * SECOND
"""A probe's effect must be seen this soon."""
PROBE_SIZE: Final[Speed] = 15
"""How far from what it was told a belt may settle: 0.5 mph is 0.80 km/h, so half of that error."""
PROBE_WAIT: Final[Ms] = 20 * SECOND
"""A running belt must be steady, and probed, within this [CHOICE]."""


def stale(s: Session) -> Finding | None:
    """The newest speed is too old to go by."""
    age = s.evidence.age(s.now)
    if age == NEVER:
        age = s.now - s.since
    if age > BLIND_AGE:
        return Finding(Action.STOP, Cause.BLIND, f"no telemetry for {age // SECOND} s")
    if age > HOLD_AGE:
        return Finding(Action.HOLD, Cause.STALE, f"no telemetry for {age // SECOND} s")
    return None


def frozen(s: Session) -> Finding | None:
    """A moving belt whose own counters stand still is not believed."""
    speed = s.evidence.speed
    if not s.evidence.counts or not speed:
        return None
    still = s.now - s.evidence.advanced_at
    if not s.evidence.ticks:
        # Only the distance counts, and at 0.5 km/h a whole metre takes 7.2 s.
        still -= METRE // speed
    if still <= FROZEN_HOLD:
        return None
    action = Action.SLOW_DOWN if still > FROZEN_SLOW else Action.HOLD
    sentence = "the belt reports a speed but its counters stand still; step to the rails"
    return Finding(action, Cause.FROZEN, sentence)


def over_cap(s: Session) -> Finding | None:
    """Two frames in a row above the cap."""
    if s.evidence.over < STILL_FRAMES or s.evidence.speed is None:
        return None
    cap = "the cap" if s.envelope is None else show_speed(s.envelope.speed.value)
    sentence = f"the belt runs at {show_speed(s.evidence.speed)}, above {cap}"
    return Finding(Action.STOP, Cause.OVERSPEED, sentence)


def too_fast_at_once(s: Session) -> Finding | None:
    """Machines choose their start speed: the very first frame is held against the cap."""
    speed, envelope = s.evidence.speed, s.envelope
    if speed is None or envelope is None or speed <= envelope.speed.value + OVER:
        return None
    cap = show_speed(envelope.speed.value)
    sentence = f"the belt started with {show_speed(speed)}, above {cap}"
    return Finding(Action.STOP, Cause.OVERSPEED, sentence)


def over_target(s: Session) -> Finding | None:
    """Faster than told, for longer than a belt needs to come down."""
    if s.off_since is None or s.evidence.speed is None:
        return None
    if s.now - s.off_since <= OVER_TIME or s.now - s.drive.lowered_at <= GRACE:
        return None
    sentence = (
        f"the belt was told {show_speed(s.drive.target)} and runs at {show_speed(s.evidence.speed)}"
    )
    return Finding(Action.STOP, Cause.NOT_FOLLOWING, sentence)


def probe(s: Session) -> Finding | None:
    """The probe had another effect than the one it was to have."""
    at, speed = s.drive.probe_at, s.evidence.speed
    if at is None or speed is None or s.now - at <= PROBE_TIME or s.evidence.since == 0:
        return None
    if obeyed(s.drive, speed):
        return None
    sentence = (
        f"told {show_speed(s.drive.target)}, the belt went to {show_speed(speed)}:"
        " the machine does not use km/h, or does not obey"
    )
    return Finding(Action.STOP, Cause.PROBE, sentence)


def obeyed(drive: Drive, speed: Speed) -> bool:
    """The belt came to where the probe was to bring it."""
    return abs(speed - drive.probe_goal) <= drive.probe_slack


def unprobed(s: Session) -> Finding | None:
    """A belt that never settles, or runs below its own lowest speed, cannot be trusted to rise."""
    if s.drive.probed or s.drive.probe_at is not None or s.drive.refusals:
        return None
    if s.now - s.since <= PROBE_WAIT:
        return None
    speed = show_speed(s.evidence.speed or 0)
    sentence = f"the belt does not settle, or is not in km/h: it reports {speed}"
    return Finding(Action.SLOW_DOWN, Cause.PROBE, sentence)


def unexplained(s: Session) -> Finding | None:
    """A steady belt that left its target without a command was moved by somebody.

    One that never came to its target was not: nobody took it over, it is ours, and it does not obey.
    While a probe runs, what the belt does is the probe's to judge.
    """
    speed, drive = s.evidence.speed, s.drive
    if not speed or drive.probed == 0 or drive.unknowns or drive.refusals:
        return None
    if drive.probe_at is not None:
        return None
    if s.now - drive.target_at <= SETTLE or s.evidence.since < STILL_FRAMES:
        return None
    if speed < drive.target - FOLLOWING and s.evidence.steady:
        if not drive.followed:
            sentence = f"told {show_speed(drive.target)}, the belt stays at {show_speed(speed)}"
            return Finding(Action.SLOW_DOWN, Cause.NOT_FOLLOWING, sentence)
        sentence = f"the belt went to {show_speed(speed)} and nobody here asked for it"
        return Finding(Action.HAND_OVER, Cause.BELT_MOVED, sentence)
    return None


def halted(s: Session) -> Finding | None:
    """A running belt that stands, without our Stop, was stopped at the machine."""
    if not s.evidence.still:
        return None
    return Finding(Action.HAND_OVER, Cause.CONSOLE, "the belt was stopped at the machine")


def downhill(s: Session) -> Finding | None:
    """The deck stands below 0: hold, and slow down if it stays."""
    if s.downhill_since is None or s.evidence.incline is None:
        return None
    action = Action.SLOW_DOWN if s.now - s.downhill_since > DOWNHILL_TIME else Action.HOLD
    sentence = f"the deck stands at {show_incline(s.evidence.incline)}, downhill"
    return Finding(action, Cause.DOWNHILL, sentence)


def slope(s: Session) -> Finding | None:
    """The deck is where nobody here sent it: not at its target, nor on its way there."""
    incline, drive = incline_of(s.evidence, s.machine), s.drive
    if incline is None:
        return None
    start = drive.incline_from if s.now - drive.incline_at <= SLOPE_SETTLE else drive.incline
    if min(start, drive.incline) - SLOPE <= incline <= max(start, drive.incline) + SLOPE:
        return None
    sentence = f"the slope is {show_incline(incline)}, not {show_incline(drive.incline)}"
    return Finding(Action.SLOW_DOWN, Cause.SLOPE_CHANGED, sentence)
