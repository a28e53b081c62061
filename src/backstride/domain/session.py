"""The session: its state, its phases, and the one table by which a phase can change.

Theory of operation
-------------------
A session is a value. `step.step(session, event)` folds an event into it and returns the next value, the
commands it wants and what it has to say; the daemon, the simulator, the replay tool and the model
checker fold the same function. Time is only what the events carry.

Every event passes the same four stations, in this order:

  1. *evidence*     what the event tells about the machine, the broker and the clock is believed
                    for as long as it is fresh; a new connection voids all of it;
  2. *operator*     what a person asks is granted or refused, with a reason;
  3. *supervision*  everything known is held against everything commanded; of all that is wrong the worst
                    action wins, and from SLOW_DOWN on it latches a fault that a person must acknowledge;
  4. *pilot*        the phase does its work: count down, start, follow the script, turn, slow, stop.

A station that wants another phase pulls a *trigger*. `TABLE` says where a trigger leads from each
phase, and `Draft.move` is the only place that changes a phase; a pair that the table lacks raises.

The life of a session:

    offline -- idle -- armed -- countdown -- starting -- running -- slowing -- stopping -- finished

`holding` keeps the belt's target while something is doubtful, or the place in the script while the
belt stands in a pause. `turning` slows the belt down, stops it (through `stopping`), waits for a
confirm and goes through `countdown` again: nobody ever turns on a moving belt. `handed_over` means that
the walker, the console or another client controls the belt; we watch. `faulted` latches.

From the moment a Start may reach the machine the session *owes* the belt a proven rest (`owed`). The
debt survives a lost link and, through the ownership record, a dead process. Two new zero frames
after an answered Stop settle it, or somebody else taking the belt over, or, where a machine falls
silent for good, a person who was asked to look and says so by acknowledging.

Three promises hold in every phase, and the model check looks for their breach at the plant itself:
Start is sent only from `starting`, with a belt measured at 0 and a confirm that nobody used before;
no connection but the one that was confirmed on can carry a Start; and a belt that is `owed` is not called
still before two new frames, seen after the answer to the Stop, say zero.
"""

from __future__ import annotations

from typing import Final, Unpack, assert_never

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.commands import Command, RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import Situation
from backstride.domain.errors import TransitionError
from backstride.domain.events import Ownership
from backstride.domain.evidence import NEVER, incline_of, void
from backstride.domain.failsafe import Finding
from backstride.domain.notices import Alarm, Answer, Cue, CueKind, Moved, Notice, Reply, Told
from backstride.domain.phases import Phase, Trigger
from backstride.domain.state import (
    IN_CONTROL,
    Control,
    Cues,
    Drive,
    Guide,
    Options,
    Pending,
    Session,
    Then,
)

_OFF, _IDLE, _ARMED, _COUNT = Phase.OFFLINE, Phase.IDLE, Phase.ARMED, Phase.COUNTDOWN
_START, _RUN, _TURN, _HOLD = Phase.STARTING, Phase.RUNNING, Phase.TURNING, Phase.HOLDING
_SLOW, _STOP, _FIN = Phase.SLOWING, Phase.STOPPING, Phase.FINISHED
_OVER, _FAULT = Phase.HANDED_OVER, Phase.FAULTED
_T = Trigger

TABLE: Final[dict[Phase, dict[Trigger, Phase]]] = {
    _OFF: {_T.LINK_UP: _IDLE, _T.STOP: _OFF},
    _IDLE: {
        _T.LINK_DOWN: _OFF, _T.ARM: _ARMED, _T.STOP: _STOP, _T.SLOW: _SLOW, _T.FAULT: _FAULT,
    },
    _ARMED: {
        _T.LINK_DOWN: _OFF, _T.DISARM: _IDLE, _T.CONFIRM: _COUNT, _T.ARM: _ARMED, _T.STOP: _STOP,
    },
    _COUNT: {
        _T.LINK_DOWN: _OFF, _T.DISARM: _IDLE, _T.START: _START, _T.STOP: _STOP,
        _T.HAND_OVER: _OVER,
    },
    _START: {
        _T.LINK_DOWN: _FAULT, _T.MOTION: _RUN, _T.SLOW: _SLOW, _T.STOP: _STOP,
        _T.HAND_OVER: _OVER,
    },
    _RUN: {
        _T.LINK_DOWN: _FAULT, _T.TURN: _TURN, _T.HOLD: _HOLD, _T.SLOW: _SLOW, _T.STOP: _STOP,
        _T.HAND_OVER: _OVER,
    },
    _TURN: {
        _T.LINK_DOWN: _FAULT, _T.CONFIRM: _COUNT, _T.SLOW: _SLOW, _T.STOP: _STOP,
        _T.STILL: _FIN, _T.HAND_OVER: _OVER,
    },
    _HOLD: {
        _T.LINK_DOWN: _FAULT, _T.RELEASE: _RUN, _T.CONFIRM: _COUNT, _T.SLOW: _SLOW,
        _T.STOP: _STOP, _T.STILL: _FIN, _T.HAND_OVER: _OVER,
    },
    _SLOW: {
        _T.LINK_DOWN: _FAULT, _T.SLOW: _SLOW, _T.STOP: _STOP, _T.HAND_OVER: _OVER,
    },
    _STOP: {
        _T.LINK_DOWN: _FAULT, _T.STOP: _STOP, _T.STILL: _FIN, _T.PAUSED: _HOLD,
        _T.TURNED: _TURN, _T.FAULT: _FAULT,
    },
    _FIN: {
        _T.LINK_DOWN: _OFF, _T.ARM: _ARMED, _T.STOP: _STOP, _T.ACKNOWLEDGE: _IDLE,
    },
    _OVER: {_T.LINK_DOWN: _OFF, _T.STOP: _STOP, _T.STILL: _FIN, _T.FAULT: _FAULT},
    _FAULT: {_T.LINK_DOWN: _FAULT, _T.STOP: _FAULT, _T.ACKNOWLEDGE: _IDLE},
}  # fmt: skip
"""Every transition there is. A trigger that a phase does not have is a defect, and raises."""

MOVING: Final = frozenset({_START, _RUN, _TURN, _HOLD, _SLOW})
"""Phases in which this session may move the belt."""
ACTIVE: Final = MOVING | {_COUNT, _STOP}
"""Phases between a confirm and the proven end."""


class Order(Struct, frozen=True):
    """A command the session wants, with the ticket under which its outcome comes back.

    `situation` is what the gate judges it by: the facts before the command changed any of them.
    """

    ticket: int
    command: Command
    situation: Situation


class Transition(Struct, frozen=True):
    """One step: the next session, what it wants done, what it has to say."""

    session: Session
    orders: tuple[Order, ...]
    notices: tuple[Notice, ...]


class Draft:
    """One step in the making. Stations read and replace `s`; `move` alone changes its phase."""

    __slots__ = ("notices", "orders", "s")

    def __init__(self, session: Session) -> None:
        self.s = session
        self.orders: list[Order] = []
        self.notices: list[Notice] = []

    def set(self, **changes: object) -> None:
        """Replace fields of the session, but never its phase."""
        self.s = replace(self.s, **changes)

    def drive(self, **changes: object) -> None:
        """Replace fields of what was commanded."""
        self.s = replace(self.s, drive=replace(self.s.drive, **changes))

    def move(self, trigger: Trigger, **changes: object) -> None:
        """Follow the table from this phase.

        Raises:
            TransitionError: the table has no such pair.
        """
        before = self.s.phase
        after = TABLE[before].get(trigger)
        if after is None:
            raise TransitionError(f"{before} has no transition for {trigger}")
        since = self.s.since if after is before else self.s.now
        self.s = replace(self.s, phase=after, since=since, **changes)
        if after is not before:
            self.notices.append(Moved(at=self.s.now, before=before, after=after, trigger=trigger))

    def order(self, command: Command) -> None:
        """Want a command; from now on what was seen before it proves nothing."""
        ticket = self.s.tickets + 1
        self.orders.append(Order(ticket, command, situation(self.s)))
        now = self.s.now
        if isinstance(command, RequestControl):
            # It moves nothing and voids nothing, so it is not what we wait for before we move on.
            asks = self.s.control_asks + 1
            self.set(
                tickets=ticket,
                control=Control.ASKED,
                control_ticket=ticket,
                control_asks=asks,
                control_at=now,
            )
            return
        if isinstance(command, Start):
            self.set(start_granted=False, owed=True, started_at=now)
        drive = replace(_commanded(self.s, command), pending=Pending(ticket, command, now))
        self.set(tickets=ticket, drive=drive, evidence=void(self.s.evidence))

    def say(self, kind: CueKind, text: str, **about: Unpack[Told]) -> int:
        """Give a cue and return its number."""
        number = self.s.cues.number + 1
        self.s = replace(self.s, cues=replace(self.s.cues, number=number))
        self.notices.append(Cue(at=self.s.now, number=number, kind=kind, text=text, **about))
        return number

    def alarm(self, finding: Finding) -> None:
        """Tell everybody that something is wrong."""
        cause, action = str(finding.cause), finding.action.name.lower()
        self.notices.append(
            Alarm(at=self.s.now, cause=cause, action=action, sentence=finding.sentence)
        )
        self.say(CueKind.ALARM, finding.sentence, cause=cause, action=action)

    def answer(self, request: str, reply: Reply, code: str, sentence: str) -> None:
        """Answer a request."""
        self.notices.append(
            Answer(id=request, reply=reply, code=code, sentence=sentence, phase=self.s.phase)
        )


def _commanded(s: Session, command: SetSpeed | SetIncline | Start | Stop) -> Drive:
    """What is known of our commands once this one went out."""
    drive, now = s.drive, s.now
    match command:
        case SetSpeed(target=target):
            lowered = now if target < drive.target else drive.lowered_at
            return replace(
                drive, target=target, target_at=now, previous=drive.target, lowered_at=lowered,
                probe_at=None, commanded=True, followed=False,
            )  # fmt: skip
        case SetIncline(target=target):
            deck = incline_of(s.evidence, s.machine)
            start = drive.incline if deck is None else deck
            return replace(drive, incline=target, incline_at=now, incline_from=start)
        case Stop():
            since = now if drive.stop_since is None else drive.stop_since
            return replace(
                drive, stop_at=now, stop_since=since, stop_answered_at=None, stop_retry_at=None
            )
        case Start():
            return drive
        case _:
            assert_never(command)


def situation(session: Session) -> Situation:
    """The plain facts by which the gate judges a command of this session, at this instant."""
    drive = session.drive
    return Situation(
        now=session.now,
        epoch=session.epoch if session.linked else 0,
        control=session.control in IN_CONTROL,
        moves=session.phase in MOVING and session.epoch == session.confirmed_epoch,
        start_granted=session.start_granted and session.phase is Phase.STARTING,
        speed=session.evidence.speed,
        incline=incline_of(session.evidence, session.machine),
        age=session.evidence.age(session.now),
        target=drive.target,
        target_at=drive.target_at,
        incline_target=drive.incline,
        incline_target_at=drive.incline_at,
    )


def is_owed(session: Session) -> bool:
    """Whether a belt may be moving because of us: by this life, or by an earlier one until that is judged."""
    return session.owed or session.adopted is not None


def ownership(session: Session) -> Ownership | None:
    """The claim that must be on the disk while this session is in this state; None when none.

    A record of an earlier life (`adopted`) stays on the disk as it is until this one has judged it.
    """
    if not session.owed or session.machine is None:
        return None
    # What the counters say before the belt moves belongs to the run before: machines reset them then.
    seen = session.started_at is None
    return Ownership(
        fingerprint=session.machine.fingerprint,
        program=session.program.id if session.program else "",
        target=session.drive.target,
        distance=session.evidence.distance if seen else None,
        elapsed=session.evidence.elapsed if seen else None,
    )


__all__ = [
    "ACTIVE", "IN_CONTROL", "MOVING", "NEVER", "TABLE", "Control", "Cues", "Draft", "Drive", "Guide",
    "Options", "Order", "Pending", "Phase", "Session", "Then", "Transition", "Trigger", "is_owed",
    "ownership", "situation",
]  # fmt: skip
