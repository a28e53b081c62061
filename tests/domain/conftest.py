"""A session on a bench: the pure core, its gate, and a belt of a few lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import Permit, permit
from backstride.domain.events import Ask, Status, Verdict
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.domain.notices import Alarm, Answer, Cue, Moved
from backstride.domain.session import Phase, Session
from backstride.domain.step import step
from backstride.domain.workout import Effort, Facing, Level, Program, Repeat, Step, Turn

TICK = 100


def machine(**changes):
    known = {
        "address": "00:11:22:33:44:55",
        "name": "Bench",
        "fingerprint": "bench",
        "speed": SpeedRange(50, 1200, 10),
        "incline": InclineRange(0, 100, 5),
        "belt_start": BeltStart.REMOTE,
        "reports_incline": True,
        "reports_distance": True,
        "reports_elapsed": True,
    }
    return Machine(**{**known, **changes})


def program(**changes):
    steps = (
        Step(effort=Effort.WARMUP, duration=30_000, speed=100),
        Turn(to=Facing.BACKWARD),
        Repeat(
            times=2,
            steps=(
                Step(effort=Effort.WORK, duration=30_000, speed=120, cue="toes first"),
                Step(effort=Effort.RECOVER, duration=20_000, speed=0),
            ),
        ),
        Turn(to=Facing.FORWARD),
        Step(effort=Effort.COOLDOWN, duration=20_000, speed=100, ramp_to=60),
    )
    known = {
        "id": "bench",
        "name": "Bench",
        "goal": "test",
        "level": Level.BEGINNER,
        "facing": Facing.FORWARD,
        "max_speed": 150,
        "steps": steps,
    }
    return Program(**{**known, **changes})


@dataclass
class Rig:
    """Folds events into a session, asks the gate, and lets an obedient belt answer.

    The belt obeys with 1 km/h per second, reports once a second, and can be told to misbehave
    through its fields: `deaf` obeys and answers nothing, `mute` reports nothing, `refuses` answers the
    next commands with these (verdict, detail) without obeying, `units` is what its 100 means in 0.01 km/h,
    `start_speed` what it starts with, `start_delay` how long it takes, `streams` its status 05.
    """

    machine: Machine = field(default_factory=machine)
    session: Session = field(default_factory=Session)
    now: int = 1_000
    epoch: int = 0
    speed: int = 0
    target: int = 0
    incline: int = 0
    meters: int = 0
    ran: int = 0
    deaf: bool = False
    mute: bool = False
    deaf_to_control: bool = False
    granted: bool = True
    hears: bool = True
    stuck: bool = False
    refuses: list = field(default_factory=list)
    units: int = 100
    start_speed: int = 0
    start_delay: int = 0
    starts_at: int | None = None
    period: int = 1_000
    streams: bool = False
    step_up: int = 10
    sent: list = field(default_factory=list)
    notices: list = field(default_factory=list)
    refusals: list = field(default_factory=list)
    requests: int = 0

    def feed(self, event):
        transition = step(self.session, event)
        self.session = transition.session
        for notice in transition.notices:
            self.notices.append(notice)
        follow_up = [(order, self._execute(order)) for order in transition.orders]
        for order, outcome in follow_up:
            if outcome is not None:
                verdict, detail = outcome
                self.feed(
                    events.Outcome(
                        at=self.now,
                        epoch=self.epoch,
                        ticket=order.ticket,
                        verdict=verdict,
                        detail=detail,
                    )
                )
        for notice in transition.notices:
            if isinstance(notice, Cue) and self.hears:
                self.feed(events.CueHeard(at=self.now, cue=notice.number))
        return transition

    def _execute(self, order):
        granted = permit(order.command, order.ticket, order.situation, self.session.envelope)
        if not isinstance(granted, Permit):
            self.refusals.append((self.now, order.command, granted))
            return Verdict.REJECTED, f"permit: {granted.rule}"
        self.sent.append((self.now, order.command, self.speed))
        if self.refuses and not isinstance(order.command, RequestControl):
            return self.refuses.pop(0)
        if self.deaf or (self.deaf_to_control and isinstance(order.command, RequestControl)):
            return None
        match order.command:
            case RequestControl():
                return (Verdict.CONFIRMED, "") if self.granted else (Verdict.REJECTED, "failed")
            case SetSpeed(target=target):
                self.target = target * self.units // 100
            case SetIncline(target=target):
                self.incline = target
            case Start():
                self.starts_at = self.now + self.start_delay
            case Stop():
                self.target, self.starts_at = 0, None
        return Verdict.CONFIRMED, ""

    def tick(self, ticks=1):
        for _ in range(ticks):
            self.now += TICK
            if self.starts_at is not None and self.now >= self.starts_at:
                self.starts_at = None
                self.target = self.start_speed or self.machine.speed.minimum * self.units // 100
            if not self.stuck:
                self.speed += max(min(self.target - self.speed, self.step_up), -10)
            if self.speed:
                self.ran += TICK
                self.meters += self.speed
            self.feed(events.Tick(at=self.now))
            if self.now % self.period == 0 and not self.mute and self.session.linked:
                self.report()
                if self.streams and self.speed != self.target:
                    self.status(Status.TARGET_SPEED, self.speed)

    def report(self, **changes):
        known = {
            "at": self.now,
            "epoch": self.epoch,
            "speed": self.speed,
            "incline": self.incline,
            "elapsed": self.ran // 1_000,
            "distance": self.meters // 36_000,
        }
        self.feed(events.Telemetry(**{**known, **changes}))

    def seconds(self, count):
        self.tick(round(count * 10))

    def until(self, *phases, limit=600):
        for _ in range(limit * 10):
            if self.session.phase in phases:
                return self
            self.tick()
        expected = " or ".join(phases)
        raise AssertionError(f"{expected} not reached in {limit} s; still {self.session.phase}")

    def connect(self):
        self.epoch += 1
        self.feed(events.BusUp(at=self.now))
        self.feed(events.LinkUp(at=self.now, epoch=self.epoch, machine=self.machine))
        self.seconds(2)
        return self

    def disconnect(self):
        self.feed(events.LinkDown(at=self.now, epoch=self.epoch, reason="test"))
        return self

    def ask(self, ask, program=None, **values):
        self.requests += 1
        self.feed(
            events.Request(
                at=self.now,
                id=f"r{self.requests}",
                ask=ask,
                program=program,
                source="test",
                **values,
            )
        )
        answers = [n for n in self.notices if isinstance(n, Answer) and n.id == f"r{self.requests}"]
        assert len(answers) == 1
        return answers[0]

    def start(self, chosen=None):
        assert self.ask(Ask.START, chosen or program()).code == "armed"
        assert self.ask(Ask.CONFIRM).code == "countdown"
        return self

    def run(self, chosen=None):
        """A session that has been running for a few seconds."""
        self.connect().start(chosen).until(Phase.RUNNING)
        self.seconds(8)
        return self

    def commands(self, kind):
        return [
            (at, command, speed) for at, command, speed in self.sent if isinstance(command, kind)
        ]

    def status(self, status, value=None):
        self.feed(events.MachineStatus(at=self.now, epoch=self.epoch, status=status, value=value))

    def outcome(self, verdict, detail="", ticket=None):
        """An outcome for the newest ticket, or for this one."""
        ticket = self.session.tickets if ticket is None else ticket
        self.feed(
            events.Outcome(
                at=self.now, epoch=self.epoch, ticket=ticket, verdict=verdict, detail=detail
            )
        )

    def last_cue(self, kind):
        return [n for n in self.notices if isinstance(n, Cue) and n.kind is kind][-1]

    def phases(self):
        return [n.after for n in self.notices if isinstance(n, Moved)]

    def walk(self, chosen=None):
        """Go through a whole session, turns confirmed, until it ends one way or the other."""
        self.connect().start(chosen)
        for _ in range(60):
            self.until(Phase.TURNING, Phase.FINISHED, Phase.FAULTED, Phase.HANDED_OVER)
            if self.session.phase is not Phase.TURNING:
                return self
            if not self.session.owed:
                self.ask(Ask.CONFIRM)
            self.tick()
        raise AssertionError("the session does not end")

    def alarms(self):
        return [n.cause for n in self.notices if isinstance(n, Alarm)]


@pytest.fixture
def rig():
    return Rig()


@pytest.fixture
def make_rig():
    return Rig


@pytest.fixture
def make_program():
    return program


@pytest.fixture
def make_machine():
    return machine
