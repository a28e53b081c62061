"""How our commands ended, and what that makes us believe of the belt."""

from __future__ import annotations

from typing import Final, assert_never

from msgspec.structs import replace

from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.events import Outcome, Verdict
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.plausibility import SPIN_UP
from backstride.domain.session import Control, Draft, Pending, Phase
from backstride.domain.stopping import STOP_AGAIN, halt_now, hand_over
from backstride.domain.supervision import CONTROL_ASKS, underway
from backstride.domain.units import SECOND, Ms

ANSWER_TIME: Final[Ms] = 5 * SECOND
"""The adapter gives up on an answer after 3 s; one that owes an outcome longer is unknown."""
RETRY: Final[Ms] = 5 * SECOND
"""After a refused or unanswered command, the next comes this much later."""
CONTROL_DENIED: Final = "refused: control not permitted"
"""The detail of an outcome with result code 05."""


def hear_outcome(d: Draft, outcome: Outcome) -> None:
    """An outcome arrived; one that nobody waits for any more changes nothing."""
    s = d.s
    if outcome.ticket == s.control_ticket:
        d.set(control=_control_after(outcome.verdict), control_at=s.now)
    elif s.drive.pending is not None and outcome.ticket == s.drive.pending.ticket:
        conclude(d, s.drive.pending, outcome.verdict, outcome.detail)


def _control_after(verdict: Verdict) -> Control:
    match verdict:
        case Verdict.CONFIRMED:
            return Control.GRANTED
        case Verdict.REJECTED:
            return Control.REFUSED
        case Verdict.UNKNOWN:
            return Control.ASSUMED
        case _:
            assert_never(verdict)


def conclude(d: Draft, pending: Pending, verdict: Verdict, detail: str) -> None:
    """The one procedure that ran is over, one way or the other."""
    d.drive(pending=None)
    if detail == CONTROL_DENIED:
        d.set(control=Control.NONE)
    command = pending.command
    match command:
        case Stop():
            _stop(d, verdict)
        case Start() if d.s.phase is not Phase.STARTING:
            pass  # the belt moved before the answer came, and says more than the answer
        case Start() if detail == CONTROL_DENIED and d.s.control_asks < CONTROL_ASKS:
            # Some machines grant control and mean it only at the second request. Nothing was carried
            # out, so the confirm is still good; who was denied twice is not wanted.
            d.set(control=Control.REFUSED, control_at=d.s.now, start_granted=True)
        case SetSpeed() | SetIncline() | Start() | RequestControl():
            _concluded(d, command, verdict)
            if detail == CONTROL_DENIED and underway(d.s):
                _denied(d)
        case _:
            assert_never(command)


def _concluded(
    d: Draft, command: SetSpeed | SetIncline | Start | RequestControl, verdict: Verdict
) -> None:
    s, drive = d.s, d.s.drive
    match verdict:
        case Verdict.CONFIRMED:
            d.drive(unknowns=0, refusals=0)
            return
        case Verdict.UNKNOWN:
            d.drive(unknowns=drive.unknowns + 1, retry_at=s.now + RETRY, probe_at=None)
            # It may or may not have had an effect; assume the faster of the two.
            told = (drive.target, drive.previous) if isinstance(command, SetSpeed) else None
            fast, slow = (max(told), min(told)) if told else (drive.target, drive.target)
            d.drive(target=fast, previous=slow)
        case Verdict.REJECTED:
            d.drive(refusals=drive.refusals + 1, retry_at=s.now + RETRY, probe_at=None)
            if isinstance(command, SetSpeed):
                d.drive(target=drive.previous)
        case _:
            assert_never(verdict)
    if isinstance(command, SetIncline):
        # Where the deck stands says what is still to be asked for.
        d.drive(incline=max(s.evidence.incline or 0, 0))


def _denied(d: Draft) -> None:
    """Result code 05. While the belt gets going it means "not yet", later "no longer you"."""
    s = d.s
    if s.moving_since is not None and s.now - s.moving_since <= SPIN_UP:
        d.order(RequestControl())
        return
    if s.phase is Phase.SLOWING:
        # It comes down because of us: Stop needs nobody's leave, and asks for control once more.
        halt_now(d)
        return
    sentence = "the treadmill no longer takes our commands: somebody else controls it"
    hand_over(d, Finding(Action.HAND_OVER, Cause.CONTROL_TAKEN, sentence))


def _stop(d: Draft, verdict: Verdict) -> None:
    s = d.s
    if verdict is Verdict.REJECTED:
        d.drive(stop_retry_at=s.now + STOP_AGAIN)
        return
    d.drive(stop_answered_at=s.now)
    d.set(evidence=replace(s.evidence, zeros=0))
    if verdict is Verdict.UNKNOWN and s.evidence.since == 0:
        # Neither an answer nor a frame: nothing says that it arrived.
        d.drive(stop_retry_at=s.now + STOP_AGAIN)
