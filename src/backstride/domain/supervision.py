"""Is the belt doing what it was told, and would we know if it were not?

Each check holds what is measured against what was commanded and returns a finding, or None. They
are independent of each other and of the pilot, know nothing of programs, and hold no state but what the
session keeps for them. `assess()` asks them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backstride.domain.envelope import FOLLOWING
from backstride.domain.evidence import NEVER, STILL_FRAMES, incline_of
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.session import MOVING, Control, Phase, Session
from backstride.domain.units import SECOND, Incline, Ms, Speed, show_incline, show_speed

HOLD_AGE: Final[Ms] = 3 * SECOND
"""Telemetry older than this: hold and alert. Gaps of 2.5 s occur on healthy machines."""
BLIND_AGE: Final[Ms] = 5 * SECOND
"""Telemetry older than this on a moving belt: Stop."""
FROZEN_HOLD: Final[Ms] = 5 * SECOND
"""A moving belt whose counters stand still this long is not believed."""
FROZEN_SLOW: Final[Ms] = 10 * SECOND
"""And this long: bring it down while it still can be done gently [CHOICE]."""
OVER: Final[Speed] = 30
"""How far above cap or target counts as overspeed, 0.01 km/h."""
OVER_TIME: Final[Ms] = 3 * SECOND
"""How long above the target before Stop."""
GRACE: Final[Ms] = 5 * SECOND
"""After a decrease a belt may be above its new target this long."""
SETTLE: Final[Ms] = 10 * SECOND
"""With no command for this long, a speed that differs from its target was not ours [CHOICE]."""
DOWNHILL_TIME: Final[Ms] = 5 * SECOND
"""A deck below 0 may take this long to come up before we slow down."""
SLOPE: Final[Incline] = 5
"""An unexplained change of slope beyond this slows the belt down, 0.1 %."""
SLOPE_SETTLE: Final[Ms] = 40 * SECOND
"""Decks lag: a slope is not compared with its target sooner after a command [CHOICE]."""
OUTAGE_SLOW: Final[Ms] = 15 * SECOND
"""Without a broker this long in sum: ramp down, unless the program may run unsupervised."""
GAP_HOLD: Final[Ms] = 1 * SECOND
"""The control loop was away this long: hold for a moment."""
GAP_SLOW: Final[Ms] = 3 * SECOND
"""The loop was away, or the host asleep, this long: nothing known is fresh; slow down."""
GAP_MEMORY: Final[Ms] = 2 * SECOND
"""How long a short gap holds."""
SILENCES: Final = 3
"""So many commands in a row without an answer end the session."""
START_TIME: Final[Ms] = 12 * SECOND
"""Time for a belt to move after Start: the slowest measured took 6.2 s."""
CONSOLE_TIME: Final[Ms] = 45 * SECOND
"""Time for a walker to press Start on the console [CHOICE]."""
PROBE_TIME: Final[Ms] = 5 * SECOND
"""A probe's effect must be seen this soon."""
CHECK_SLOW: Final[Ms] = 15 * SECOND
"""A check-in that nobody answers: the lowest speed after this long."""
CHECK_STOP: Final[Ms] = 30 * SECOND
"""And Stop after this long."""
CUE_TIME: Final[Ms] = 5 * SECOND
"""A cue that no outlet took within this is missing."""
RESTART_WATCH: Final[Ms] = 30 * SECOND
"""A belt that moves again this soon after our stop was restarted by our stop [CHOICE]."""


def assess(s: Session) -> tuple[Finding, ...]:
    """Everything that is wrong now, in the order of the rules."""
    return tuple(found for check in _CHECKS.get(s.phase, ()) if (found := check(s)) is not None)


def underway(s: Session) -> bool:
    """The belt moves, or may move, because of this session."""
    return s.phase in MOVING and s.owed and s.phase is not Phase.STARTING


def _stale(s: Session) -> Finding | None:
    age = s.evidence.age(s.now)
    if age == NEVER:
        age = s.now - s.since
    if age > BLIND_AGE:
        return Finding(Action.STOP, Cause.BLIND, f"no telemetry for {age // SECOND} s")
    if age > HOLD_AGE:
        return Finding(Action.HOLD, Cause.STALE, f"no telemetry for {age // SECOND} s")
    return None


def _frozen(s: Session) -> Finding | None:
    if not s.evidence.counts or not s.evidence.moving():
        return None
    still = s.now - s.evidence.advanced_at
    if still <= FROZEN_HOLD:
        return None
    action = Action.SLOW_DOWN if still > FROZEN_SLOW else Action.HOLD
    sentence = "the belt reports a speed but its counters stand still; step to the rails"
    return Finding(action, Cause.FROZEN, sentence)


def _over_cap(s: Session) -> Finding | None:
    if s.evidence.over < STILL_FRAMES or s.evidence.speed is None:
        return None
    cap = "the cap" if s.envelope is None else show_speed(s.envelope.speed.value)
    sentence = f"the belt runs at {show_speed(s.evidence.speed)}, above {cap}"
    return Finding(Action.STOP, Cause.OVERSPEED, sentence)


def _over_target(s: Session) -> Finding | None:
    if s.off_since is None or s.evidence.speed is None:
        return None
    if s.now - s.off_since <= OVER_TIME or s.now - s.drive.lowered_at <= GRACE:
        return None
    sentence = (
        f"the belt was told {show_speed(s.drive.target)} and runs at {show_speed(s.evidence.speed)}"
    )
    return Finding(Action.STOP, Cause.NOT_FOLLOWING, sentence)


def _probe(s: Session) -> Finding | None:
    at, speed = s.drive.probe_at, s.evidence.speed
    if at is None or speed is None or s.now - at <= PROBE_TIME or s.evidence.since == 0:
        return None
    if abs(speed - s.drive.target) <= FOLLOWING:
        return None
    sentence = (
        f"told to keep {show_speed(s.drive.target)}, the belt went to {show_speed(speed)}:"
        " the machine does not use km/h, or does not obey"
    )
    return Finding(Action.STOP, Cause.PROBE, sentence)


def _unexplained(s: Session) -> Finding | None:
    """A steady belt that left its target without a command was moved by somebody."""
    speed, drive = s.evidence.speed, s.drive
    if speed is None or drive.probed == 0 or drive.unknowns or drive.refusals:
        return None
    if s.now - drive.target_at <= SETTLE or s.evidence.since < STILL_FRAMES:
        return None
    if s.evidence.still or (speed < drive.target - FOLLOWING and s.evidence.steady):
        sentence = f"the belt went to {show_speed(speed)} and nobody here asked for it"
        return Finding(Action.HAND_OVER, Cause.BELT_MOVED, sentence)
    return None


def _halted(s: Session) -> Finding | None:
    """A running belt that stands, without our Stop, was stopped at the machine."""
    if not s.evidence.still:
        return None
    return Finding(Action.HAND_OVER, Cause.CONSOLE, "the belt was stopped at the machine")


def _downhill(s: Session) -> Finding | None:
    if s.downhill_since is None or s.evidence.incline is None:
        return None
    action = Action.SLOW_DOWN if s.now - s.downhill_since > DOWNHILL_TIME else Action.HOLD
    sentence = f"the deck stands at {show_incline(s.evidence.incline)}, downhill"
    return Finding(action, Cause.DOWNHILL, sentence)


def _slope(s: Session) -> Finding | None:
    incline = incline_of(s.evidence, s.machine)
    if incline is None or s.now - s.drive.incline_at <= SLOPE_SETTLE:
        return None
    if abs(incline - s.drive.incline) <= SLOPE:
        return None
    sentence = f"the slope is {show_incline(incline)}, not {show_incline(s.drive.incline)}"
    return Finding(Action.SLOW_DOWN, Cause.SLOPE_CHANGED, sentence)


def _broker(s: Session) -> Finding | None:
    if s.program is not None and s.program.unsupervised:
        return None
    if s.outage > OUTAGE_SLOW:
        return Finding(Action.SLOW_DOWN, Cause.BROKER_LOST, "the broker is gone for too long")
    if not s.bus:
        return Finding(
            Action.HOLD, Cause.BROKER_LOST, "the broker is gone; no dashboard can see us"
        )
    return None


def _clock(s: Session) -> Finding | None:
    if s.gap <= GAP_HOLD or s.now - s.gap_at > GAP_MEMORY:
        return None
    action = Action.SLOW_DOWN if s.gap > GAP_SLOW else Action.HOLD
    return Finding(action, Cause.CLOCK, f"the control loop stood still for {s.gap} ms")


def _answers(s: Session) -> Finding | None:
    if s.drive.unknowns >= SILENCES:
        return Finding(Action.STOP, Cause.NO_ANSWER, "the treadmill no longer answers commands")
    if s.drive.refusals >= SILENCES:
        return Finding(Action.STOP, Cause.REFUSED, "the treadmill keeps refusing commands")
    if s.drive.unknowns:
        return Finding(Action.HOLD, Cause.NO_ANSWER, "the treadmill did not answer a command")
    return None


def _start(s: Session) -> Finding | None:
    waited = s.now - s.since
    if s.drive.refusals:
        return Finding(Action.STOP, Cause.START_FAILED, "the treadmill refused to start")
    if s.owed and s.drive.stop_at is None and waited > START_TIME:
        return Finding(Action.STOP, Cause.START_FAILED, "the belt did not start")
    if waited > CONSOLE_TIME:
        return Finding(Action.STOP, Cause.START_FAILED, "nobody pressed Start on the console")
    return None


def _presence(s: Session) -> Finding | None:
    if s.asked_at is None:
        return None
    waited = s.now - s.asked_at
    if waited > CHECK_STOP:
        return Finding(Action.STOP, Cause.NOBODY_THERE, "nobody answered the check-in")
    if waited > CHECK_SLOW:
        return Finding(Action.HOLD, Cause.NOBODY_THERE, "answer the check-in, or the belt stops")
    return None


def _cue(s: Session) -> Finding | None:
    cues = s.cues
    if cues.segment < 0 or cues.heard_at is not None or s.now - cues.asked_at <= CUE_TIME:
        return None
    sentence = "no outlet took the last cue: the belt will not go faster until one does"
    return Finding(Action.ANNOUNCE, Cause.CUE_NOT_HEARD, sentence)


def _restarted(s: Session) -> Finding | None:
    if s.now - s.since > RESTART_WATCH or not s.evidence.moving() or s.ended_by == Cause.CONSOLE:
        return None
    return Finding(Action.STOP, Cause.BELT_MOVED, "the belt moved again after it was stopped")


def _moved_early(s: Session) -> Finding | None:
    if not s.evidence.moving():
        return None
    return Finding(Action.HAND_OVER, Cause.BELT_MOVED, "the belt moved before it was told to")


def _resting(s: Session) -> Finding | None:
    """While the walker turns or pauses the belt must stand; whoever moves it takes it over."""
    if s.owed or not s.evidence.moving():
        return None
    return Finding(Action.HAND_OVER, Cause.CONSOLE, "the belt was started at the machine")


def _control(s: Session) -> Finding | None:
    if s.control is Control.REFUSED:
        return Finding(Action.STOP, Cause.NO_CONTROL, "the treadmill refuses to be controlled")
    return None


type Check = Callable[[Session], Finding | None]


def _if_underway(check: Check) -> Check:
    def guarded(s: Session) -> Finding | None:
        return check(s) if underway(s) else None

    return guarded


_ALWAYS: Final[tuple[Check, ...]] = (_over_cap, _stale, _frozen, _over_target, _probe, _downhill)
_STEERED: Final[tuple[Check, ...]] = (
    *_ALWAYS, _halted, _unexplained, _slope, _broker, _clock, _answers, _presence,
)  # fmt: skip

_CHECKS: Final[dict[Phase, tuple[Check, ...]]] = {
    Phase.COUNTDOWN: (_moved_early, _control),
    Phase.STARTING: (_over_cap, _stale, _start, _control),
    Phase.RUNNING: (*_STEERED, _cue),
    Phase.HOLDING: (_resting, *map(_if_underway, _STEERED)),
    Phase.TURNING: (_resting, *map(_if_underway, (*_ALWAYS, _halted, _clock, _answers))),
    Phase.SLOWING: (*_ALWAYS, _halted, _answers),
    Phase.HANDED_OVER: (_over_cap,),
    Phase.FINISHED: (_restarted,),
}  # fmt: skip
"""Which checks bind in which phase. What is not listed cannot happen there, or is the point of it."""
