"""Is all well: the belt, the people around it, the broker, the clock? And who is asked in which phase.

The checks of the belt itself are in `plausibility`. `assess()` asks all that bind in a phase.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backstride.domain import plausibility
from backstride.domain.ceiling import strain, unfelt
from backstride.domain.evidence import incline_of
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.plausibility import HOLD_AGE
from backstride.domain.session import MOVING, Control, Phase, Session
from backstride.domain.units import SECOND, Ms, show_incline

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
CONTROL_ASKS: Final = 2
"""A machine that refuses control so often means it."""
CHECK_SLOW: Final[Ms] = 15 * SECOND
"""A check-in that nobody answers: the lowest speed after this long."""
CHECK_STOP: Final[Ms] = 30 * SECOND
"""And Stop after this long."""
SIGNS: Final = 30
"""So many signs of somebody there, before their absence means anything: a hand may touch a sensor."""
ABSENT_SLOW: Final[Ms] = 20 * SECOND
"""No step and no pulse for this long: the lowest speed."""
ABSENT_STOP: Final[Ms] = 35 * SECOND
"""And Stop after this long."""
DOUBT_TIME: Final[Ms] = 60 * SECOND
"""An unanswered command that nothing resolves for this long slows the belt down [CHOICE]."""
CUE_TIME: Final[Ms] = 5 * SECOND
"""A cue that no outlet took within this is missing."""
RESTART_WATCH: Final[Ms] = 30 * SECOND
"""A belt that moves again this soon after our Stop, at nobody's word, was restarted by it [CHOICE]."""


def assess(s: Session) -> tuple[Finding, ...]:
    """Everything that is wrong now, in the order of the rules."""
    return tuple(found for check in _CHECKS.get(s.phase, ()) if (found := check(s)) is not None)


def underway(s: Session) -> bool:
    """The belt moves, or may move, because of this session."""
    return s.phase in MOVING and s.owed and s.phase is not Phase.STARTING


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
    if s.drive.unknowns and s.phase is Phase.HOLDING and s.now - s.since > DOUBT_TIME:
        sentence = "an unanswered command cannot be resolved"
        return Finding(Action.SLOW_DOWN, Cause.NO_ANSWER, sentence)
    if s.drive.unknowns:
        return Finding(Action.HOLD, Cause.NO_ANSWER, "the treadmill did not answer a command")
    return None


def _start(s: Session) -> Finding | None:
    waited = s.now - s.since
    if s.start_granted and s.evidence.moving():
        # Our Start was denied: whoever moves the belt, it is not for the walker who waits for ours.
        return Finding(Action.HAND_OVER, Cause.BELT_MOVED, "the belt moved before it was told to")
    if s.start_granted and (doubt := _deck(s) or _broker(s)):
        # What was denied once is told again only under what the countdown asked for.
        return Finding(Action.STOP, doubt.cause, doubt.sentence)
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


def _absence(s: Session) -> Finding | None:
    """Where the machine tells of steps or a pulse, somebody who leaves the belt is missed."""
    if s.evidence.signs < SIGNS:
        return None
    missed = s.now - s.evidence.sign_at
    if missed <= ABSENT_SLOW:
        return None
    action = Action.STOP if missed > ABSENT_STOP else Action.HOLD
    sentence = f"no step and no pulse for {missed // SECOND} s: nobody seems to be on the belt"
    return Finding(action, Cause.NOBODY_THERE, sentence)


def _cue(s: Session) -> Finding | None:
    cues = s.cues
    if cues.segment < 0 or cues.heard_at is not None:
        return None
    if not cues.missed and s.now - cues.asked_at <= CUE_TIME:
        return None
    sentence = "no outlet took the last cue: the belt will not go faster until one does"
    return Finding(Action.ANNOUNCE, Cause.CUE_NOT_HEARD, sentence)


def _restarted(s: Session) -> Finding | None:
    if s.rested_at is None or s.now - s.rested_at > RESTART_WATCH:
        return None
    if s.owed or not s.evidence.moving():
        return None
    return Finding(Action.STOP, Cause.BELT_MOVED, "the belt moved again after it was stopped")


def _moved_early(s: Session) -> Finding | None:
    if not s.evidence.moving():
        return None
    if restarted := _restarted(s):
        return restarted
    return Finding(Action.HAND_OVER, Cause.BELT_MOVED, "the belt moved before it was told to")


def _resting(s: Session) -> Finding | None:
    """While the walker turns or pauses the belt must stand; whoever moves it takes it over."""
    if s.owed or not s.evidence.moving():
        return None
    if restarted := _restarted(s):
        return restarted
    return Finding(Action.HAND_OVER, Cause.CONSOLE, "the belt was started at the machine")


def _control(s: Session) -> Finding | None:
    if s.control is Control.REFUSED and s.control_asks >= CONTROL_ASKS:
        # A belt at rest needs no Stop; a start without control is called off.
        action = Action.HOLD if s.phase is Phase.COUNTDOWN else Action.STOP
        return Finding(action, Cause.NO_CONTROL, "the treadmill refuses to be controlled")
    return None


def _unseen(s: Session) -> Finding | None:
    if s.evidence.age(s.now) <= HOLD_AGE:
        return None
    return Finding(Action.HOLD, Cause.STALE, "the treadmill no longer reports its speed")


def _deck(s: Session) -> Finding | None:
    """Nobody starts on a slope that would not be allowed, or that is not known."""
    incline = incline_of(s.evidence, s.machine)
    if s.envelope is None or (incline is not None and 0 <= incline <= s.envelope.incline.value):
        return None
    if incline is None:
        return Finding(Action.HOLD, Cause.SLOPE_CHANGED, "the incline is unknown")
    cause = Cause.DOWNHILL if incline < 0 else Cause.SLOPE_CHANGED
    return Finding(Action.HOLD, cause, f"the deck stands at {show_incline(incline)}")


type Check = Callable[[Session], Finding | None]


def _if_underway(check: Check) -> Check:
    def guarded(s: Session) -> Finding | None:
        return check(s) if underway(s) else None

    return guarded


_ALWAYS: Final[tuple[Check, ...]] = (
    plausibility.over_cap,
    plausibility.stale,
    plausibility.frozen,
    plausibility.over_target,
    plausibility.probe,
    plausibility.downhill,
)
_STEERED: Final[tuple[Check, ...]] = (
    *_ALWAYS,
    plausibility.halted,
    plausibility.unexplained,
    plausibility.slope,
    _broker,
    _clock,
    _answers,
    _presence,
    _absence,
    _control,
    strain,
)
_DOWN: Final[tuple[Check, ...]] = (*_ALWAYS, plausibility.halted, _answers)

_CHECKS: Final[dict[Phase, tuple[Check, ...]]] = {
    Phase.IDLE: (_restarted,),
    Phase.ARMED: (_restarted, _clock),
    Phase.COUNTDOWN: (_moved_early, _unseen, _deck, _broker, _clock, _control),
    Phase.STARTING: (plausibility.too_fast_at_once, plausibility.stale, _start, _control, _clock),
    Phase.RUNNING: (*_STEERED, plausibility.unprobed, _cue, unfelt),
    Phase.HOLDING: (_resting, *map(_if_underway, _STEERED)),
    Phase.TURNING: (_resting, *map(_if_underway, (*_DOWN, _clock))),
    Phase.SLOWING: _DOWN,
    Phase.HANDED_OVER: (plausibility.over_cap,),
    Phase.FINISHED: (_restarted,),
    Phase.FAULTED: (_restarted,),
}  # fmt: skip
"""Which checks bind in which phase. What is not listed cannot happen there, or is the point of it."""
