"""Session and gate against a small reference of their own: what may be commanded when, said once more.

The reference knows nothing of phases. It sees the events that come, the answers that people get, and judges
each command by them; whatever it does not allow must not be ordered, in any order of events.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import Permit, Situation, envelope, permit
from backstride.domain.events import Ask, Status, Verdict
from backstride.domain.limits import SiteRules
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.domain.notices import Answer, Cue
from backstride.domain.session import Session
from backstride.domain.step import step
from backstride.domain.workout import Effort, Facing, Level, Program, Step, Turn
from safety.model.variants import VARIANTS

pytestmark = pytest.mark.timeout(600)
"""The work is bounded by examples, not by time: a machine that does ten other things takes minutes."""

CAP, FLOOR, GRID, STEEP = 120, 50, 10, 20
MACHINE = Machine(
    address="00:11:22:33:44:55",
    name="Reference",
    fingerprint="reference",
    speed=SpeedRange(FLOOR, 600, GRID),
    incline=InclineRange(0, 100, 5),
    belt_start=BeltStart.REMOTE,
    reports_incline=True,
    reports_elapsed=True,
)
PROGRAM = Program(
    id="reference", name="Reference", goal="test", level=Level.BEGINNER, facing=Facing.FORWARD, max_speed=CAP,
    max_incline=STEEP, steps=(
        Step(effort=Effort.WARMUP, duration=15_000, speed=80),
        Step(effort=Effort.WORK, duration=40_000, speed=120, incline=20),
        Turn(to=Facing.BACKWARD),
        Step(effort=Effort.COOLDOWN, duration=15_000, speed=60),
    ),
)  # fmt: skip


@dataclass
class Reference:
    """What a careful person who reads along would allow. Times in ms, speeds in 0.01 km/h."""

    now: int = 0
    linked: bool = False
    passed: int | None = None  # when the confirm was given that no Start has used
    used: int | None = None  # the same of the Start whose answer is awaited
    barred: bool = True  # nothing but Stop until the next confirm
    frame: tuple[int, int, int] | None = None  # when, speed, incline of the newest record
    told: tuple[int, int] | None = None  # when, what: the newest commanded speed of this run
    slope: tuple[int, int] = (0, 0)

    def allows(self, command):
        match command:
            case Stop():
                return True
            case RequestControl():
                return self.linked
            case Start():
                waited = self.passed is not None and self.now - self.passed >= 10_000
                return self.linked and not self.barred and waited and self.shows(speed=0)
            case SetSpeed(target=target):
                return self.linked and not self.barred and self.allows_speed(target)
            case SetIncline(target=target):
                gentle = target <= self.slope[1] or (
                    target - self.slope[1] <= 10
                    and self.now - self.slope[0] >= 5_000
                    and self.fresh()
                )
                return self.linked and not self.barred and 0 <= target <= STEEP and gentle
        return False

    def allows_speed(self, target):
        if (
            not FLOOR <= target <= CAP
            or (target - FLOOR) % GRID
            or not self.frame
            or not self.frame[1]
        ):
            return False
        if target - self.frame[1] > 30:
            return False
        if self.told is None or target <= self.told[1]:
            return True
        rise, gone = target - self.told[1], self.now - self.told[0]
        return rise <= 30 and rise * 1_000 <= 10 * gone and self.fresh()

    def fresh(self):
        return self.frame is not None and self.now - self.frame[0] <= 1_500

    def shows(self, speed):
        return self.fresh() and self.frame[1] == speed and 0 <= self.frame[2] <= STEEP

    def heard(self, command):
        match command:
            case Stop():
                self.barred, self.passed, self.used = True, None, None
            case Start():
                self.passed, self.used, self.told = None, self.passed, None
            case SetSpeed(target=target):
                self.told = (self.now, target)
            case SetIncline(target=target):
                self.slope = (self.now, target)


seen: Counter[str] = Counter()


def kind_of(command, told):
    rises = isinstance(command, SetSpeed) and told is not None and command.target > told[1]
    return type(command).__name__ + (" up" if rises else "")


class Story(RuleBasedStateMachine):
    """Any events in any order; a belt that mostly does as it is told."""

    def __init__(self):
        super().__init__()
        self.s = Session()
        self.reference = Reference()
        self.now, self.epoch, self.requests = 1_000, 0, 0
        self.open = []
        self.belt, self.deck, self.ran = 0, 0, 0
        self.delay, self.starts = 0, 0

    def feed(self, event):
        reference = self.reference
        reference.now = self.now
        transition = step(self.s, event)
        self.s = transition.session
        for notice in transition.notices:
            if isinstance(notice, Answer) and notice.code == "countdown":
                reference.passed, reference.barred, reference.told = self.now, False, None
        for order in transition.orders:
            command = order.command
            assert isinstance(
                permit(command, order.ticket, order.situation, self.s.envelope), Permit
            )
            assert reference.allows(command), f"{command} with {reference}"
            seen[kind_of(command, reference.told)] += 1
            reference.heard(command)
            self.open.append(order)
        for notice in transition.notices:
            if isinstance(notice, Cue):
                self.feed(events.CueHeard(at=self.now, cue=notice.number))
        return transition

    def obey(self, command):
        match command:
            case SetSpeed(target=target) if self.belt:
                self.belt = target
            case SetIncline(target=target):
                self.deck = target
            case Start() if self.delay:
                self.starts = self.delay
            case Start():
                self.belt = self.belt or FLOOR
            case Stop():
                self.belt, self.starts = 0, 0

    def pass_time(self, ms):
        while ms > 0:
            self.now += min(ms, 500)
            ms -= 500
            self.ran += 1 if self.belt else 0
            self.starts -= 1 if self.starts else 0
            if self.starts == 1:
                self.belt, self.starts = self.belt or FLOOR, 0
            self.feed(events.Tick(at=self.now))

    @initialize(seconds=st.integers(0, 60), delay=st.sampled_from([0, 0, 8]))
    def connect(self, seconds, delay):
        self.delay = delay
        self.set_out(seconds)

    @rule(seconds=st.integers(0, 60))
    def set_out(self, seconds):
        """What a person does who wants to walk, wherever the session is."""
        self.feed(events.BusUp(at=self.now))
        if not self.s.linked:
            self.link_up()
        self.walk(2)
        self.ask(Ask.ACKNOWLEDGE)
        self.ask(Ask.START)
        self.walk(2)
        self.ask(Ask.CONFIRM)
        self.walk(seconds)

    @rule(ms=st.integers(1, 4_000))
    def wait(self, ms):
        self.pass_time(ms)

    @rule(seconds=st.integers(1, 14))
    def walk(self, seconds):
        """All is well for a while."""
        for _ in range(seconds):
            self.pass_time(1_000)
            while self.open:
                order = self.open.pop(0)
                self.obey(order.command)
                self.outcome(order, Verdict.CONFIRMED, "")
            self.frame(self.belt, self.deck)

    def frame(self, speed, incline):
        if not self.s.linked:
            return
        self.reference.frame = (self.now, speed, incline)
        self.feed(
            events.Telemetry(
                at=self.now, epoch=self.epoch, speed=speed, incline=incline, elapsed=self.ran // 2
            )
        )

    def outcome(self, order, verdict, detail):
        self.feed(
            events.Outcome(
                at=self.now, epoch=self.epoch, ticket=order.ticket, verdict=verdict, detail=detail
            )
        )

    @rule(
        speed=st.sampled_from([0, 0, 50, 60, 80, 100, 160, 400]),
        incline=st.sampled_from([0, 0, 5, 20, -5]),
    )
    def odd_frame(self, speed, incline):
        self.frame(speed, incline)

    @precondition(lambda self: self.open)
    @rule(
        verdict=st.sampled_from(list(Verdict)),
        works=st.booleans(),
        detail=st.sampled_from(["", "refused: control not permitted"]),
    )
    def answer(self, verdict, works, detail):
        order = self.open.pop(0)
        if works and verdict is not Verdict.REJECTED:
            self.obey(order.command)
        if isinstance(order.command, Start) and verdict is Verdict.REJECTED and detail:
            # Denied, it was not carried out: the confirm is still good.
            self.reference.passed, self.reference.used = self.reference.used, None
        self.outcome(order, verdict, detail if verdict is Verdict.REJECTED else "")

    @rule(ask=st.sampled_from([*Ask, Ask.START, Ask.CONFIRM, Ask.CONFIRM]))
    def ask(self, ask):
        self.requests += 1
        event = events.Request(
            at=self.now, id=f"r{self.requests}", ask=ask, program=PROGRAM, source="test"
        )
        transition = self.feed(event)
        if ask is Ask.STOP:
            self.reference.barred, self.reference.passed = True, None
            stops = [order for order in transition.orders if isinstance(order.command, Stop)]
            assert stops or not self.s.linked or self.s.drive.stop_at is not None

    @rule()
    def link_up(self):
        self.epoch += 1
        self.open.clear()
        self.lose()
        self.reference.linked = True
        self.feed(events.LinkUp(at=self.now, epoch=self.epoch, machine=MACHINE))

    @rule()
    def link_down(self):
        self.open.clear()
        self.lose()
        self.feed(events.LinkDown(at=self.now, epoch=self.epoch, reason="test"))

    def lose(self):
        self.reference.linked, self.reference.frame = False, None
        self.reference.passed, self.reference.barred = None, True

    @rule(there=st.booleans())
    def bus(self, there):
        self.feed(events.BusUp(at=self.now) if there else events.BusDown(at=self.now))

    @rule(
        status=st.sampled_from(
            [Status.STOPPED_BY_USER, Status.SAFETY_KEY, Status.CONTROL_LOST, Status.STARTED_BY_USER]
        )
    )
    def console(self, status):
        self.belt = FLOOR if status is Status.STARTED_BY_USER else 0
        self.feed(events.MachineStatus(at=self.now, epoch=self.epoch, status=status))
        if status is not Status.STARTED_BY_USER:
            self.reference.barred, self.reference.passed = True, None

    @rule(seconds=st.integers(1, 6))
    def sleep(self, seconds):
        self.now += 100
        self.feed(events.Tick(at=self.now, slept=seconds * 1_000))


def tell_stories(count, *phases):
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=count,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=phases or tuple(Phase),
        ),
    )


@pytest.mark.parametrize(
    "name",
    [
        "a confirm is not used up",
        "no slew limit at all",
        "the console is not listened to",
        "a replaced connection goes unnoticed, by the gate too",
    ],
)
def test_the_reference_notices_when(name):
    variant = next(variant for variant in VARIANTS if variant.name == name)
    with ExitStack() as stack:
        variant.breaks(stack)
        with pytest.raises(AssertionError):
            # It ends with the first that shows it; which one that is depends on what else is imported.
            tell_stories(5_000, Phase.generate)


@pytest.mark.hazard("H01", "H04", "H06", "H08", "H15", "H17")
def test_no_order_of_events_brings_a_command_that_the_reference_does_not_allow(record_property):
    seen.clear()
    tell_stories(150)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(seen.items()))
    record_property("figure", f"reference model: commands judged: {counts}")
    # A machine that never walks would prove nothing.
    assert seen["Start"] >= 100
    assert seen["SetSpeed up"] >= 100
    assert seen["SetIncline"] >= 50
    assert seen["Stop"] >= 100


ENVELOPE = envelope(SiteRules(), MACHINE, None, PROGRAM)


def near(*limits):
    return st.sampled_from(
        sorted({limit + off for limit in limits for off in (-11, -10, -1, 0, 1, 10, 11)})
    )


@pytest.mark.hazard("H01", "H04", "H06", "H08")
@settings(max_examples=4_000, deadline=None, derandomize=True)
@given(
    command=st.one_of(
        st.just(Start()),
        st.builds(SetSpeed, near(0, FLOOR, 100, CAP)),
        st.builds(SetIncline, near(0, 10, STEEP)),
    ),
    linked=st.booleans(),
    control=st.booleans(),
    moves=st.booleans(),
    granted=st.booleans(),
    speed=st.one_of(st.none(), st.just(0), near(FLOOR, 70, 100, CAP)),
    incline=st.one_of(st.none(), near(0, STEEP)),
    age=near(0, 1_500),
    told=near(FLOOR, 70, 100),
    gone=near(0, 1_000, 2_000, 3_000),
    slope=near(0, 10),
    slope_gone=near(5_000),
)
def test_the_gate_grants_what_the_reference_allows_and_no_more(  # noqa: PLR0917  a situation's facts
    command, linked, control, moves, granted, speed, incline, age, told, gone, slope, slope_gone
):
    now = Situation(
        now=1_000_000, epoch=int(linked), control=control, moves=moves, start_granted=granted, speed=speed,
        incline=incline, age=age, target=told, target_at=1_000_000 - gone, incline_target=slope,
        incline_target_at=1_000_000 - slope_gone,
    )  # fmt: skip
    fresh = age <= 1_500
    match command:
        case Start():
            fits = (
                granted and fresh and speed == 0 and incline is not None and 0 <= incline <= STEEP
            )
        case SetSpeed(target=target):
            fits = FLOOR <= target <= CAP and target % GRID == 0 and speed != 0
            if target > told:
                follows = speed is not None and abs(speed - told) <= 30 and target - speed <= 30
                fits = fits and fresh and follows and target - told <= min(30, gone // 100)
            else:
                fits = fits and (speed is None or target - speed <= 30)
                fits = fits and (told - target) * 1_000 <= 30 * gone
        case SetIncline(target=target):
            fits = 0 <= target <= STEEP and target % 5 == 0
            if target > slope:
                known = fresh and incline is not None
                fits = fits and known and target - slope <= 10 and slope_gone >= 5_000
    expected = linked and control and moves and fits
    assert expected == isinstance(permit(command, 1, now, ENVELOPE), Permit)
