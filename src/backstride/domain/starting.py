"""From an armed program to a moving belt: ask for control, count down, start, take the belt over."""

from __future__ import annotations

from typing import Final

from backstride.domain import cues
from backstride.domain.commands import RequestControl, Start
from backstride.domain.envelope import FRESH
from backstride.domain.evidence import incline_of, restart
from backstride.domain.machine import BeltStart
from backstride.domain.notices import CueKind
from backstride.domain.plausibility import SLOPE_SETTLE
from backstride.domain.session import IN_CONTROL, Control, Draft, Session, Then, Trigger
from backstride.domain.supervision import CONTROL_ASKS
from backstride.domain.units import Ms

CONTROL_RETRY: Final[Ms] = 500
"""Some machines grant control only at the second request, half a second later."""


def armed(d: Draft) -> None:
    """Ask for control meanwhile; an arming that nobody confirms dies."""
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


def count_down(d: Draft) -> None:
    """Speak the seconds; then start in the same instant in which everything was seen to be well."""
    ask_control(d)
    remaining = d.s.options.countdown - (d.s.now - d.s.since)
    cues.count_down(d, remaining)
    if remaining > 0 or not _all_well(d.s):
        return
    if d.s.machine is not None and d.s.machine.belt_start is BeltStart.CONSOLE:
        d.say(CueKind.STEP_ON, "press Start on the console now, then hold the rails")
    else:
        d.say(CueKind.STEP_ON, "the belt starts now; step on when ready")
    d.move(Trigger.START)
    starting(d)


def _all_well(s: Session) -> bool:
    """We are in control, and the belt was seen at rest a moment ago, since our last command."""
    seen = s.evidence.since > 0 and s.evidence.age(s.now) <= FRESH
    return s.control in IN_CONTROL and seen and s.evidence.speed == 0


def starting(d: Draft) -> None:
    """Send the Start that the confirm granted, and wait for the belt to move.

    One that was denied for want of control waits for control, and for a new frame that says 0.
    """
    if d.s.start_granted:
        ask_control(d)
        if _all_well(d.s):
            d.order(Start())
    elif d.s.evidence.moving():
        begin(d)


def begin(d: Draft) -> None:
    """The belt moves: take it over at whatever speed it chose, and let the script's clock run."""
    s = d.s
    speed = s.evidence.speed or 0
    incline = max(incline_of(s.evidence, s.machine) or 0, 0)
    d.drive(
        target=speed, target_at=s.now, previous=speed, lowered_at=s.now, incline=incline,
        # Nobody commanded the deck: whatever it does from here on is unexplained.
        incline_at=s.now - SLOPE_SETTLE, incline_from=incline, probed=0, probe_at=None,
        stop_at=None, stop_since=None, refusals=0, unknowns=0, commanded=False,
    )  # fmt: skip
    cues.forget(d)
    # Somebody at the console was quicker than our Start: without an answer it may take effect later.
    unanswered = s.drive.pending is not None and isinstance(s.drive.pending.command, Start)
    d.move(
        Trigger.MOTION, owed=True, moving_since=s.now, seen_at=s.now, then=Then.FINISH,
        asked_at=None, off_since=None, rested_at=None,
        started_at=s.started_at if unanswered else None, evidence=restart(s.evidence, s.now),
    )  # fmt: skip
