"""One session written down while it lasts: samples, laps, cues, alarms, and the head that sums them up.

Made from what the core folded and from nothing else, so a replay or a simulation makes the same record. A
session is one from the moment the belt is to move (`starting`); what came before it nobody has walked.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from backstride.domain.ceiling import heart_rate_of
from backstride.domain.events import CueHeard, Event, Request
from backstride.domain.evidence import incline_of
from backstride.domain.notices import Alarm, Cue
from backstride.domain.plausibility import HOLD_AGE
from backstride.domain.record import Head, Lap, Said, Sample, Trouble
from backstride.domain.session import Phase, Session, Transition
from backstride.domain.units import SECOND, Ms, Speed
from backstride.domain.workout import Effort
from backstride.history.store import Entry
from backstride.service.account import Account
from backstride.service.moment import wanted

OVER: Final = frozenset({Phase.OFFLINE, Phase.IDLE, Phase.ARMED, Phase.FINISHED, Phase.FAULTED})
"""Phases in which no session lasts."""
_COMPLETED: Final = "completed"


class Scribe:
    """Follows one session. `head` is its newest summary, `take` what was added since it was last asked.

    Args:
        head: who, where, what and when; the rest is filled in here.
        session: the state in which the belt is about to move.
    """

    def __init__(self, head: Head, session: Session) -> None:
        self.head = head
        self._begun = session.now
        self._entries: list[Entry] = []
        self._next = 0
        self._laps = 0
        self._lap: Lap | None = None
        self._wanted: Speed = 0
        self._jumped = False
        self._said: dict[int, Said] = {}
        self._pulses = (0, 0)
        self._steps: int | None = None
        self._counter = session.evidence.steps

    def take(self) -> list[Entry]:
        """What was added since the last time."""
        entries, self._entries = self._entries, []
        return entries

    def follow(
        self, before: Session, event: Event, transition: Transition, account: Account
    ) -> bool:
        """Add what one event made of the session; tells whether a second has passed or it is over."""
        after = transition.session
        at = after.now - self._begun
        self._listen(event, transition, at)
        self._count_steps(after)
        jumped = isinstance(event, Request) and after.script != before.script
        self._jumped = self._jumped or jumped
        self._lay_laps(after, at, jumped=jumped)
        over, due = after.phase in OVER, at >= self._next * SECOND
        if due and not over:
            self._sample(after, at // SECOND, account)
            self._next = at // SECOND + 1
        if due or over:
            self._sum_up(after, at, account)
        if over:
            self._end(after, at)
        return due or over

    def _listen(self, event: Event, transition: Transition, at: Ms) -> None:
        for notice in transition.notices:
            if isinstance(notice, Cue):
                said = Said(at=at, kind=notice.kind, text=notice.text)
                self._said[notice.number] = said
                self._add(notice.number, said)
            elif isinstance(notice, Alarm):
                alarms = self.head.alarms + 1
                self.head = replace(self.head, alarms=alarms)
                self._add(
                    alarms,
                    Trouble(
                        at=at, cause=notice.cause, action=notice.action, sentence=notice.sentence
                    ),
                )
        if isinstance(event, CueHeard) and event.cue in self._said:
            self._add(event.cue, replace(self._said.pop(event.cue), heard=True))

    def _count_steps(self, s: Session) -> None:
        """Machines count steps from their own Start, and begin again at 0 at the next."""
        before, now = self._counter, s.evidence.steps
        if now is None:
            return
        risen = 0 if before is None else now - before if now >= before else now
        self._counter, self._steps = now, (self._steps or 0) + risen

    # -- laps ----------------------------------------------------------------------------------

    def _lay_laps(self, s: Session, at: Ms, *, jumped: bool) -> None:
        """A lap lasts as long as its segment, pauses included; a turn ends it, and a jump cuts it short."""
        if s.workout is None:
            return
        segment, through = s.workout.segment_at(s.script), s.script >= s.workout.duration
        if self._lap is not None and (segment.index != self._lap.index or through):
            self._close_lap(at, whole=not jumped)
        if self._lap is None and s.phase in {Phase.RUNNING, Phase.HOLDING} and not through:
            self._lap = Lap(
                index=segment.index, effort=segment.effort, facing=segment.facing, start=at,
                speed=wanted(s) or segment.speed, ramp_to=segment.ramp_to, incline=segment.incline,
            )  # fmt: skip
            self._add(self._laps, self._lap)
        self._wanted = wanted(s) or self._wanted

    def _close_lap(self, at: Ms, *, whole: bool) -> None:
        if self._lap is None:
            return
        self._add(self._laps, replace(self._lap, end=at, ramp_to=self._wanted))
        if whole and self._lap.effort is Effort.WORK:
            fastest = max(self.head.work_speed, self._wanted)
            self.head = replace(self.head, work_speed=fastest)
        self._lap, self._laps = None, self._laps + 1

    # -- figures -------------------------------------------------------------------------------

    def _sample(self, s: Session, second: int, account: Account) -> None:
        seen, fresh = s.evidence, s.evidence.age(s.now) <= HOLD_AGE
        incline, pulse = incline_of(seen, s.machine) if fresh else None, heart_rate_of(s)
        sample = Sample(
            at=second * SECOND,
            speed=seen.speed if fresh else None,
            setpoint=wanted(s),
            incline=incline,
            heart_rate=pulse,
            steps=self._steps,
            distance=account.distance,
            energy=round(account.energy * 100),
            facing=s.facing,
        )
        self._add(second, sample)
        if pulse is not None:
            self._pulses = self._pulses[0] + 1, self._pulses[1] + pulse
            self.head = replace(self.head, heart_rate_max=max(self.head.heart_rate_max or 0, pulse))
        self.head = replace(self.head, top_incline=max(self.head.top_incline, incline or 0))

    def _sum_up(self, s: Session, at: Ms, account: Account) -> None:
        count, total = self._pulses
        self.head = replace(
            self.head,
            length=at,
            walked=s.walked,
            backward=account.backward,
            distance=account.distance,
            steps=self._steps,
            top_speed=s.top_speed,
            energy=round(account.energy * 100),
            heart_rate_mean=(2 * total + count) // (2 * count) if count else None,
        )

    def _end(self, s: Session, at: Ms) -> None:
        self._close_lap(at, whole=False)
        cause = None if s.fault is None else str(s.fault.cause)
        outcome = s.ended_by or cause or str(s.phase)
        completed = outcome == _COMPLETED and not self._jumped
        self.head = replace(self.head, outcome=outcome, completed=completed)

    def _add(self, number: int, part: Sample | Lap | Said | Trouble) -> None:
        self._entries.append(Entry(number, part))
