"""From the arming to the first moving frame, instant by instant."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetIncline, Start
from backstride.domain.envelope import FRESH
from backstride.domain.events import Ask, Verdict
from backstride.domain.failsafe import Cause
from backstride.domain.machine import BeltStart
from backstride.domain.notices import Cue, CueKind
from backstride.domain.outcomes import CONTROL_DENIED
from backstride.domain.plausibility import SLOPE_SETTLE
from backstride.domain.session import Control, Cues, Draft, Pending, Phase, Then
from backstride.domain.starting import (
    CONTROL_RETRY,
    armed,
    ask_control,
    begin,
    count_down,
    starting,
)
from backstride.domain.supervision import START_TIME


@pytest.fixture
def counting(rig, make_program):
    """A countdown that has come to its end, with everything well."""
    rig.connect()
    assert rig.ask(Ask.START, make_program()).code == "armed"
    rig.seconds(2)
    assert rig.ask(Ask.CONFIRM).code == "countdown"
    s = rig.session
    now = s.since + s.options.countdown
    return replace(s, now=now, evidence=replace(s.evidence, speed=0, speed_at=now))


def done(work, s):
    d = Draft(s)
    work(d)
    return d


def kinds(d):
    return [n.kind for n in d.notices if isinstance(n, Cue)]


@pytest.mark.hazard("H01", "H13")
@pytest.mark.parametrize(
    ("age", "speed", "control", "early", "started"),
    [
        (0, 0, Control.GRANTED, 0, True),
        (FRESH, 0, Control.ASSUMED, 0, True),
        (FRESH + 1, 0, Control.GRANTED, 0, False),
        (0, 1, Control.GRANTED, 0, False),
        (0, None, Control.GRANTED, 0, False),
        (0, 0, Control.ASKED, 0, False),
        (0, 0, Control.GRANTED, 1, False),
    ],
)
def test_the_belt_starts_when_the_time_is_over_and_all_is_well(  # noqa: PLR0917  a case is its arguments
    counting, age, speed, control, early, started
):
    now = counting.now - early
    seen = replace(counting.evidence, speed=speed, speed_at=now - age)
    d = done(count_down, replace(counting, now=now, evidence=seen, control=control))
    assert started is any(isinstance(order.command, Start) for order in d.orders)
    assert (Phase.STARTING if started else Phase.COUNTDOWN) is d.s.phase
    assert started is (CueKind.STEP_ON in kinds(d))


@pytest.mark.hazard("H01")
def test_where_the_console_starts_the_walker_is_asked_to_press_it(counting):
    machine = replace(counting.machine, belt_start=BeltStart.CONSOLE)
    d = done(count_down, replace(counting, machine=machine, start_granted=False))
    (cue,) = [n for n in d.notices if isinstance(n, Cue) and n.kind is CueKind.STEP_ON]
    assert "press Start on the console" in cue.text
    assert d.orders == []
    (other,) = [n for n in done(count_down, counting).notices if isinstance(n, Cue)]
    assert "the belt starts now" in other.text


@pytest.mark.hazard("H01", "H22")
@pytest.mark.parametrize(("left", "over"), [(1, False), (0, True)])
def test_an_arming_that_nobody_confirms_dies_and_says_so(counting, left, over):
    waited = counting.options.confirm_window - left
    s = replace(counting, phase=Phase.ARMED, now=counting.since + waited)
    d = done(armed, s)
    assert (Phase.IDLE if over else Phase.ARMED) is d.s.phase
    assert (over, over) == (d.s.program is None, d.s.workout is None)
    assert ([CueKind.STOPPED] if over else []) == kinds(d)


@pytest.mark.hazard("H18")
@pytest.mark.parametrize(
    ("control", "asks", "waited", "asked"),
    [
        (Control.NONE, 0, 0, True),
        (Control.REFUSED, 1, 499, False),
        (Control.REFUSED, 1, 500, True),
        (Control.REFUSED, 2, 9_000, False),
        (Control.ASKED, 1, 9_000, False),
        (Control.GRANTED, 1, 9_000, False),
    ],
)
def test_control_is_asked_for_once_and_after_a_refusal_once_more(
    counting, control, asks, waited, asked
):
    s = replace(counting, control=control, control_asks=asks, control_at=counting.now - waited)
    d = done(ask_control, s)
    assert ([RequestControl()] if asked else []) == [order.command for order in d.orders]


@pytest.mark.hazard("H05", "H08")
@pytest.mark.parametrize(
    ("speed", "incline", "expected"),
    [(60, 15, (60, 15)), (None, None, (0, 0)), (60, -5, (60, 0)), (1, 1, (1, 1))],
)
def test_a_belt_that_got_going_is_taken_over_as_it_is(counting, speed, incline, expected):
    seen = replace(counting.evidence, speed=speed, incline=incline, signs=9, counts=True)
    drive = replace(
        counting.drive, probed=2, probe_at=1, stop_at=1, stop_since=1, refusals=1, unknowns=1,
        commanded=True,
    )  # fmt: skip
    s = replace(
        counting, phase=Phase.STARTING, evidence=seen, drive=drive, asked_at=1, off_since=1,
        rested_at=1, started_at=1, owed=False,
    )  # fmt: skip
    d = done(begin, s).s
    assert (Phase.RUNNING, True, s.now, s.now) == (d.phase, d.owed, d.moving_since, d.seen_at)
    assert (None,) * 4 == (d.asked_at, d.off_since, d.rested_at, d.started_at)
    told = d.drive
    assert expected == (told.target, told.incline)
    assert expected == (told.previous, told.incline_from)
    assert (s.now, s.now, s.now - SLOPE_SETTLE) == (
        told.target_at,
        told.lowered_at,
        told.incline_at,
    )
    assert (0, None, None, None, 0, 0, False) == (
        told.probed,
        told.probe_at,
        told.stop_at,
        told.stop_since,
        told.refusals,
        told.unknowns,
        told.commanded,
    )
    assert (False, 0) == (d.evidence.counts, d.evidence.signs)


# --- control that a machine says it grants, and does not -------------------------------------------

DENIED = (Verdict.REJECTED, CONTROL_DENIED)


@pytest.mark.hazard("H01", "H18")
def test_a_start_that_is_denied_is_repeated_once_after_a_second_request_for_control(rig):
    rig.refuses = [DENIED]
    rig.connect().start().until(Phase.RUNNING)
    (first, _, _), (second, _, speed) = rig.commands(Start)
    asked = [at for at, _, _ in rig.commands(RequestControl)]
    assert (2, 0) == (len(asked), speed)
    assert first + CONTROL_RETRY <= asked[1] <= second <= first + START_TIME
    assert rig.refusals == []


@pytest.mark.hazard("H18")
def test_a_start_that_is_denied_again_is_given_up(rig):
    rig.refuses = [DENIED, DENIED]
    rig.connect().start().until(Phase.FAULTED)
    assert (2, 0) == (len(rig.commands(Start)), rig.speed)
    assert rig.session.fault.cause == Cause.START_FAILED


@pytest.mark.hazard("H18")
def test_a_machine_that_refuses_the_second_request_gets_no_second_start(rig):
    rig.refuses = [DENIED]
    rig.connect().start().until(Phase.STARTING)
    rig.granted = False
    rig.until(Phase.FAULTED)
    assert (1, Cause.NO_CONTROL) == (len(rig.commands(Start)), rig.session.fault.cause)


@pytest.mark.hazard("H18")
def test_control_that_was_asked_for_twice_is_not_asked_for_again_at_the_next_start(rig):
    """Machines keep what they granted; who is denied later was ousted."""
    rig.refuses = [DENIED]
    rig.walk()
    assert rig.ask(Ask.START).code == "armed"
    rig.ask(Ask.CONFIRM)
    rig.until(Phase.COUNTDOWN)
    rig.refuses = [DENIED]
    before = len(rig.commands(Start))
    rig.until(Phase.FAULTED)
    assert 1 == len(rig.commands(Start)) - before


@pytest.mark.hazard("H01", "H17")
def test_a_belt_that_moves_while_its_start_was_denied_is_not_taken_over(rig):
    rig.refuses = [DENIED]
    rig.connect().start().until(Phase.STARTING)
    rig.report(speed=80)
    assert Phase.STOPPING is rig.session.phase
    rig.until(Phase.FINISHED, Phase.FAULTED)
    assert 1 == len(rig.commands(Start))
    assert not rig.session.start_granted


@pytest.mark.hazard("H08", "H12")
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda rig: rig.report(incline=-10), Cause.DOWNHILL),
        (lambda rig: rig.report(incline=60), Cause.SLOPE_CHANGED),
        (lambda rig: rig.feed(events.BusDown(at=rig.now)), Cause.BROKER_LOST),
    ],
    ids=["downhill", "too steep", "no broker"],
)
def test_a_start_that_was_denied_is_not_repeated_once_something_changed(rig, change, cause):
    rig.refuses = [DENIED]
    rig.connect().start().until(Phase.STARTING)
    change(rig)
    rig.until(Phase.FINISHED, Phase.FAULTED)
    assert (1, cause) == (len(rig.commands(Start)), rig.session.fault.cause)
    assert rig.refusals == []


@pytest.mark.hazard("H12")
def test_a_start_that_was_told_is_not_called_off_for_the_broker(rig):
    rig.start_delay = 4_000
    rig.connect().start().until(Phase.STARTING)
    rig.feed(events.BusDown(at=rig.now))
    rig.until(Phase.RUNNING)
    assert len(rig.commands(Start)) == 1


@pytest.mark.hazard("H13")
def test_a_repeated_start_waits_for_a_frame_that_was_seen_after_the_first(rig):
    rig.refuses = [DENIED]
    rig.connect().start()
    rig.seconds(9.9)
    rig.mute = True
    rig.until(Phase.STARTING)
    rig.seconds(1)
    assert 1 == len(rig.commands(Start))
    rig.report()
    rig.tick()
    assert 2 == len(rig.commands(Start))


# --- what else a start brings with it --------------------------------------------------------------


def test_a_countdown_is_spoken_and_asks_for_control_meanwhile(counting):
    d = done(count_down, replace(counting, now=counting.now - 3_000, control=Control.NONE))
    assert [RequestControl()] == [order.command for order in d.orders]
    assert [(CueKind.COUNTDOWN, 3_000)] == [(n.kind, n.within) for n in d.notices]


def test_a_belt_of_an_unknown_machine_is_not_waited_for_at_its_console(counting):
    d = done(count_down, replace(counting, machine=None))
    assert [Start()] == [order.command for order in d.orders]


def test_a_belt_that_gets_going_is_announced_anew_and_plans_its_end(counting):
    cues = Cues(number=7, segment=0, about=7, heard_at=1, missed=1, taken=((0, 1),))
    s = done(begin, replace(counting, phase=Phase.STARTING, cues=cues, then=Then.PAUSE)).s
    assert (Cues(number=7, about=7), Then.FINISH) == (s.cues, s.then)


@pytest.mark.hazard("H01", "H17")
@pytest.mark.parametrize(
    ("command", "started_at"), [(Start(), 5), (SetIncline(0), None), (None, None)]
)
def test_a_start_without_an_answer_may_yet_take_effect(counting, command, started_at):
    drive = replace(counting.drive, pending=command and Pending(1, command, 5))
    s = replace(counting, phase=Phase.STARTING, drive=drive, started_at=5)
    assert started_at == done(begin, s).s.started_at


@pytest.mark.parametrize(("speed", "begun"), [(0, False), (None, False), (1, True)])
def test_a_start_waits_for_the_belt_to_move(counting, speed, begun):
    s = replace(counting, phase=Phase.STARTING, start_granted=False)
    d = done(starting, replace(s, evidence=replace(s.evidence, speed=speed)))
    assert ((Phase.RUNNING if begun else Phase.STARTING), []) == (d.s.phase, d.orders)


def test_control_is_asked_for_while_the_confirm_is_awaited(counting):
    d = done(armed, replace(counting, phase=Phase.ARMED, now=counting.since, control=Control.NONE))
    assert [RequestControl()] == [order.command for order in d.orders]
