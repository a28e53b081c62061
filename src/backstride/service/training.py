"""One treadmill's people and their plan: `mqtt.people.People` over the roster and the session.

What goes to the broker from here names ids, names and places in the plan, and nothing of anybody's body.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from backstride.domain.ladder import A_WEEK, LADDER, WEEKS
from backstride.domain.lesson import Lesson, Setting, make_lesson
from backstride.domain.progression import Now, Place, summarise
from backstride.domain.readiness import DAY, Clearance
from backstride.domain.session import Phase, Session
from backstride.domain.units import MINUTE, SECOND, Ms
from backstride.domain.walker import Walker
from backstride.domain.workout import Program
from backstride.mqtt import schema
from backstride.mqtt.people import NobodyError, NoPlanError
from backstride.mqtt.training import Plan, PlanWeek, WalkerName, Walkers
from backstride.service import surroundings
from backstride.service.choice import Choice
from backstride.service.walkers import Roster, Trainee, local_now

SAME: Final[Ms] = 5 * SECOND
"""The history may have stamped the same start so much earlier."""


class Training:
    """Answers for one treadmill. `session` is its session now; `now` the host's time of day.

    `choice` knows whoever was chosen in an earlier life, whom the session has not met yet.
    """

    def __init__(
        self,
        roster: Roster,
        session: Callable[[], Session],
        boot: str,
        now: Callable[[], Now] = local_now,
        choice: Choice | None = None,
    ) -> None:
        self._roster = roster
        self._session = session
        self._boot = boot
        self._now = now
        self._choice = choice
        self._armed = False
        self._begun: tuple[str, int] | None = None

    # -- people --------------------------------------------------------------------------------

    def find(self, walker: str) -> Walker:
        """The walker with this id, prepared.

        Raises:
            NobodyError: there is none, or they are to ask a professional first.
        """
        trainee = self._roster.book.get(walker)
        if not self._roster.known:
            raise NobodyError("who walks here is not read from the disk yet: try again in a moment")
        if trainee is None:
            raise NobodyError(f"nobody here has the id {walker!r}; `walkers` lists who there is")
        if trainee.clearance(self._now()) is Clearance.REFUSED:
            raise NobodyError(
                "this walker cannot be chosen; `backstride walkers show` on this treadmill's host says why"
            )
        return trainee.prepared(self._now())

    def present(self) -> Walker | None:
        """Whoever was chosen, as they are now.

        Raises:
            NobodyError: they are gone, or may walk no more.
        """
        chosen = self._id()
        return None if chosen is None else self.find(chosen)

    def selected(self) -> Program | None:
        """The program that `start` without a name arms."""
        return self._session().selected

    def today(self, walker: Walker | None) -> Program:
        """The next session of a walker's plan.

        Raises:
            NoPlanError: nobody is named, it is not due, or not for this machine.
        """
        trainee = None if walker is None else self._roster.book.get(walker.id)
        if trainee is None:
            raise NoPlanError("the plan is somebody's: choose a walker first")
        now = self._now()
        place = trainee.place(now)
        lesson = self._lesson(trainee, place, now)
        refusal = self._unwritten(trainee) or lesson.refusal or wait(place, now)
        if lesson.program is None or refusal is not None:
            raise NoPlanError(refusal or "")
        return lesson.program

    def follow(self) -> None:
        """Remember when somebody began to walk: their plan waits until the history has that session."""
        s = self._session()
        if s.phase is Phase.ARMED:
            self._armed = True
        elif s.phase is Phase.STARTING and self._armed and s.person is not None:
            self._armed, self._begun = False, (s.person.id, self._now().at)

    def _unwritten(self, trainee: Trainee) -> str | None:
        if self._begun is None or self._begun[0] != trainee.walker.id:
            return None
        if any(head.started >= self._begun[1] - SAME for head in trainee.heads):
            return None
        return "the last session is not in the history yet: try again in a moment"

    def _lesson(self, trainee: Trainee, place: Place, now: Now) -> Lesson:
        s = self._session()
        if s.machine is None:
            return Lesson(refusal="the treadmill has not introduced itself yet")
        setting = Setting(machine=s.machine, site=s.site, walker=s.walker)
        return make_lesson(place, trainee.prepared(now), setting)

    # -- what is published -----------------------------------------------------------------------

    def version(self) -> tuple[object, ...]:
        """Changes with whatever `plan` and `walkers` show."""
        s = self._session()
        return self._roster.version, self._now().day, s.person, self._id(), s.machine

    def walkers(self) -> Walkers:
        """Who may walk here."""
        people = tuple(
            WalkerName(id=each.walker.id, name=each.walker.name)
            for each in self._roster.book.values()
        )
        return Walkers(boot=self._boot, walkers=people, selected=self._id())

    def plan(self) -> Plan:
        """The next session of whoever was chosen."""
        trainee = self._chosen()
        if trainee is None:
            return Plan(boot=self._boot)
        now = self._now()
        place = trainee.place(now)
        lesson = self._lesson(trainee, place, now)
        program, rung = lesson.program, place.rung
        return Plan(
            boot=self._boot,
            walker=trainee.walker.id,
            week=rung.week,
            session=rung.session,
            program=rung.program,
            title=f"Week {rung.week}, session {rung.session}",
            goal=None if program is None else program.goal,
            decision=place.decision,
            reason=summarise(place),
            due=date_of(max(place.due, now.day)),
            refusal=lesson.refusal or wait(place, now),
            weeks=tuple(_week(week, place) for week in range(1, max(WEEKS, rung.week) + 1)),
        )

    def join(self, programs: schema.Programs) -> schema.Programs:
        """The programs on offer, with the plan's next session at their head."""
        trainee = self._chosen()
        if trainee is None:
            return programs
        now = self._now()
        place = trainee.place(now)
        program = self._lesson(trainee, place, now).program
        if program is None:
            return programs
        offer = surroundings.offer(program, self._session())
        if (refusal := wait(place, now)) is not None:
            offer = replace(offer, refusal=refusal)
        return replace(programs, programs=(offer, *programs.programs))

    def _chosen(self) -> Trainee | None:
        chosen = self._id()
        return None if chosen is None else self._roster.book.get(chosen)

    def _id(self) -> str | None:
        """Of whoever was chosen, in this life or before it."""
        person = self._session().person
        before = None if self._choice is None else self._choice.walker
        return before if person is None else person.id


def date_of(day: int) -> str:
    """A local day as ISO 8601."""
    return datetime.fromtimestamp(day * DAY // 1_000, UTC).date().isoformat()


def wait(place: Place, now: Now) -> str | None:
    """Why the next session is not for today; None if it is."""
    if now.day >= place.due:
        return None
    return (
        f"the next session of the plan is on {date_of(place.due)}: one a day, three a week at most"
    )


def _week(week: int, place: Place) -> PlanWeek:
    last = LADDER[week * A_WEEK - 1]
    behind = place.index - (week - 1) * A_WEEK
    return PlanWeek(
        week=week,
        speed=last.speed / 100,
        minutes=last.pattern.work * last.pattern.repeats / MINUTE,
        incline=last.incline / 10,
        done=min(max(behind, 0), A_WEEK),
        sessions=A_WEEK,
    )
