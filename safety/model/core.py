"""The product's `step()` and `permit()`, folded over representatives and remembered.

A stimulus is a plain tuple that describes an event *relative to the session* it meets: "the frame
after the last
one says 100", "the running procedure is confirmed". So one stimulus fits every session, raw or canonical,
and `(session, stimulus)` can be looked up. Whatever a look-up finds was computed once by the product itself.
"""

from __future__ import annotations

from typing import Final, NamedTuple, assert_never

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import Permit, permit
from backstride.domain.events import Ask, Event, Status, Verdict
from backstride.domain.notices import Alarm, Answer, Notice
from backstride.domain.session import Phase, Session, ownership
from backstride.domain.step import step
from safety.model import abstraction
from safety.model.abstraction import CONTROL, COUNTED, PENDING

type Stimulus = tuple[object, ...]
type Sid = int

PHASES: Final = tuple(Phase)
CONTROL_ASK, SPEED, INCLINE, START, STOP = range(5)
"""Kinds of commands, as small numbers."""
_CUED = frozenset({Phase.RUNNING, Phase.HOLDING})
GRAVE: Final = frozenset({"slow_down", "stop"})
"""Actions of alarms that a person must acknowledge."""


class Wish(NamedTuple):
    """A command that the session ordered, and whether the gate let it pass."""

    name: int
    kind: int
    value: int
    granted: bool
    rule: str


class Effect(NamedTuple):
    """What one stimulus did: the next session and everything that left it.

    `pending` and `control` say whether the procedures that had these names still have them. `grave`
    says that an alarm announced a slow-down or a stop, `code` is the answer's, "" when there is none.
    """

    sid: Sid
    wishes: tuple[Wish, ...]
    pending: bool
    control: bool
    code: str
    grave: bool


class View(NamedTuple):
    """What the world reads off a session: no more than a dashboard could."""

    phase: Phase
    linked: bool
    owed: bool
    fault: bool
    adopted: bool
    awaits_cue: bool
    paused: bool
    bus: bool
    debtor: bool
    planned: bool
    floor: bool


class Core:
    """Sessions by number. `canonical=False` keeps every session as it is, for stories and comparisons."""

    def __init__(
        self, seed: Session, machines: dict[str, object], *, canonical: bool = True
    ) -> None:
        self.seed = seed
        self.machines = machines
        self.canonical = canonical
        self.sessions: list[Session] = []
        self.views: list[View] = []
        self.notices: tuple[Notice, ...] = ()
        self.events: list[Event] = []
        self.steps = 0
        self._numbers: dict[tuple[object, ...], Sid] = {}
        self._memory: dict[tuple[Sid, Stimulus], Effect] = {}

    def number(self, session: Session) -> Sid:
        """The number of a session's representative."""
        if not self.canonical:
            return self._add(session)
        representative = abstraction.canonical(session)
        key = abstraction.key(representative)
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = self._add(representative)
        return known

    def _add(self, s: Session) -> Sid:
        self.sessions.append(s)
        self.views.append(
            View(
                phase=s.phase,
                linked=s.linked,
                owed=s.owed,
                fault=s.fault is not None,
                adopted=s.adopted is not None,
                awaits_cue=s.phase in _CUED and s.cues.heard_at is None and s.cues.segment >= 0,
                paused=s.paused,
                bus=s.bus,
                debtor=s.debtor is not None,
                planned=s.program is not None,
                floor=s.envelope is not None and s.drive.target <= s.envelope.floor,
            )
        )
        return len(self.sessions) - 1

    def fold(self, sid: Sid, stimulus: Stimulus) -> Effect:
        """Let a stimulus happen to a session."""
        if not self.canonical:
            return self._fold(sid, stimulus)
        found = self._memory.get((sid, stimulus))
        if found is None:
            found = self._memory[sid, stimulus] = self._fold(sid, stimulus)
        return found

    def _fold(self, sid: Sid, stimulus: Stimulus) -> Effect:
        before = self.sessions[sid]
        if stimulus[0] == "crash":
            return self._reborn(before, stimulus)
        event = translate(before, stimulus, self.machines)
        self.events.append(event)
        self.steps += 1
        transition = step(before, event)
        after = transition.session
        self.notices = transition.notices
        wishes = []
        for order in transition.orders:
            kind, value = _plain(order.command)
            verdict = permit(order.command, order.ticket, order.situation, after.envelope)
            granted = isinstance(verdict, Permit)
            name = _name(after, order.ticket)
            rule = "" if isinstance(verdict, Permit) else str(verdict.rule)
            wishes.append(Wish(name, kind, value, granted, rule))
        ours, theirs = before.drive.pending, after.drive.pending
        grave, code = False, ""
        for notice in transition.notices:
            if isinstance(notice, Alarm):
                grave = grave or notice.action in GRAVE
            elif isinstance(notice, Answer):
                code = notice.code
        return Effect(
            self.number(after),
            tuple(wishes),
            ours is not None and theirs is not None and ours.ticket == theirs.ticket,
            before.control_ticket == after.control_ticket,
            code,
            grave,
        )

    def _reborn(self, before: Session, stimulus: Stimulus) -> Effect:
        """The process died and came back with what is on its disk."""
        age = stimulus[1]
        if not isinstance(age, int):
            raise TypeError("a crash lasts so many ms")
        record = ownership(before)
        if record is None and before.adopted is not None:
            # The service keeps a claim on the disk until the session has judged it.
            record, age = before.adopted, age + before.adopted_age + before.now - before.adopted_at
        s = self.seed
        s = step(s, events.Tick(at=before.now)).session
        if record is not None:
            s = step(s, events.Adopt(at=before.now, record=record, age=age)).session
        s = step(s, events.BusUp(at=before.now)).session
        self.notices = ()
        return Effect(self.number(s), (), pending=False, control=False, code="", grave=False)


def _plain(command: RequestControl | SetSpeed | SetIncline | Start | Stop) -> tuple[int, int]:
    match command:
        case RequestControl():
            return CONTROL_ASK, 0
        case SetSpeed(target=target):
            return SPEED, target
        case SetIncline(target=target):
            return INCLINE, target
        case Start():
            return START, 0
        case Stop():
            return STOP, 0
        case _:
            assert_never(command)


def _name(s: Session, ticket: int) -> int:
    if s.drive.pending is not None and s.drive.pending.ticket == ticket:
        return PENDING
    return CONTROL if s.control_ticket == ticket else 0


def translate(  # noqa: C901, PLR0912  one case a stimulus is the point
    s: Session, stimulus: Stimulus, machines: dict[str, object]
) -> Event:
    """The event that a stimulus is for this session."""
    now = s.now
    match stimulus:
        case ("tick", int(passed), int(slept)):
            return events.Tick(at=now + passed, slept=slept)
        case (
            "frame",
            int() | None as speed,
            int() | None as incline,
            bool(advances),
            bool(counts),
        ):
            elapsed = _elapsed(s, advances=advances) if counts else None
            return events.Telemetry(
                at=now, epoch=s.epoch, speed=speed, incline=incline, elapsed=elapsed
            )
        case ("outcome", int(name), Verdict() as verdict, str(detail)):
            pending = s.drive.pending.ticket if s.drive.pending else -1
            ticket = {PENDING: pending, CONTROL: s.control_ticket}.get(name, -1)
            return events.Outcome(
                at=now, epoch=s.epoch, ticket=ticket, verdict=verdict, detail=detail
            )
        case ("ask", Ask() as ask):
            return events.Request(at=now, id="r", ask=ask, program=None, source="model")
        case ("link_up", str(which)):
            return events.LinkUp(at=now, epoch=s.epoch + 1, machine=machines[which])  # type: ignore[arg-type]
        case ("link_down",):
            return events.LinkDown(at=now, epoch=s.epoch, reason="model")
        case ("bus", bool(there)):
            return events.BusUp(at=now) if there else events.BusDown(at=now)
        case ("pulse", int(bpm)):
            return events.HeartRate(at=now, bpm=bpm)
        case ("heard",):
            return events.CueHeard(at=now, cue=s.cues.about)
        case ("status", Status() as status, int() | None as value):
            return events.MachineStatus(at=now, epoch=s.epoch, status=status, value=value)
        case ("shutdown",):
            return events.Shutdown(at=now)
        case ("ghost", "frame", int(speed)):
            return events.Telemetry(at=now, epoch=s.epoch - 1, speed=speed, incline=0)
        case ("ghost", "down"):
            return events.LinkDown(at=now, epoch=s.epoch - 1, reason="an old connection")
        case ("ghost", "up"):
            return events.LinkUp(at=now, epoch=s.epoch, machine=machines["ours"])  # type: ignore[arg-type]
        case ("ghost", "outcome"):
            ticket = s.drive.pending.ticket if s.drive.pending else s.control_ticket
            return events.Outcome(
                at=now, epoch=s.epoch - 1, ticket=ticket, verdict=Verdict.CONFIRMED
            )
        case _:
            raise AssertionError(f"no such stimulus: {stimulus}")


def _elapsed(s: Session, *, advances: bool) -> int:
    """The machine's counter of seconds: one further than last time, or where it was."""
    if s.evidence.elapsed is not None:
        return s.evidence.elapsed + advances
    if s.adopted is not None and s.adopted.elapsed is not None:
        return s.adopted.elapsed + (s.adopted_age + s.now - s.adopted_at) // 1_000
    return COUNTED
