"""One step up or down, in sessions that are hard to come by."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain.commands import SetIncline, SetSpeed, Stop
from backstride.domain.envelope import Permit, envelope, permit
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Cause
from backstride.domain.following import (
    DESCENT,
    PACE,
    QUICK,
    answering,
    fall_due,
    follow,
    hold,
    in_sight,
    lower,
    ready,
    run,
)
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import InclineRange, SpeedRange
from backstride.domain.notices import Cue, CueKind
from backstride.domain.session import Control, Cues, Draft, Drive, Pending, Phase, Session, Then
from backstride.domain.units import SECOND
from backstride.domain.workout import Effort, Facing, Step, Turn, flatten, setpoint

NOW = 100_000


@pytest.fixture
def at(make_machine, make_program):
    """A running session that told `target` and sees `speed`, with a cap of 1.5 km/h."""

    def make(target, speed, **changes):
        steps = (Step(effort=Effort.WORK, duration=600_000, speed=150),)
        chosen, known = make_program(steps=steps), make_machine()
        fields = {
            "phase": Phase.RUNNING,
            "now": NOW,
            "epoch": 1,
            "confirmed_epoch": 1,
            "linked": True,
            "machine": known,
            "control": Control.GRANTED,
            "evidence": Evidence(speed=speed, speed_at=None if speed is None else NOW),
            "drive": Drive(target=target, target_at=NOW - 60_000, probed=2),
            "program": chosen,
            "workout": flatten(chosen, 50),
            "envelope": envelope(SiteRules(), known, None, chosen),
            "cues": Cues(segment=0, heard_at=0, taken=((0, 0),)),
            "owed": True,
        }
        return Draft(Session(**{**fields, **changes}))

    return make


def asked(draft):
    for order in draft.orders:
        assert isinstance(permit(order.command, 1, order.situation, draft.s.envelope), Permit)
    return [order.command for order in draft.orders]


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("target", "speed", "expected"),
    [
        (150, 150, [SetSpeed(130)]),
        # Above the cap: to the cap at once, and no stop on the way that the gate would refuse.
        (225, 225, [SetSpeed(150)]),
        # Slower than told: what it runs at, and never more.
        (150, 100, [SetSpeed(100)]),
        (150, 119, [SetSpeed(110)]),
        (150, 120, [SetSpeed(130)]),
        # Far below its lowest speed, or standing: any target would be an increase.
        (150, 10, []),
        (150, 0, []),
        (150, 20, [SetSpeed(50)]),
        (150, 19, []),
        (150, None, [SetSpeed(130)]),
        (50, 50, []),
    ],
)
def test_a_step_down_is_down_for_the_belt_too(at, target, speed, expected):
    draft = at(target, speed)
    lower(draft, 50, draft.s.envelope, DESCENT, PACE)
    assert expected == asked(draft)


def test_a_large_step_down_waits_until_it_is_no_quicker_than_the_ramp(at):
    late = at(225, 225, drive=Drive(target=225, target_at=NOW - 2_500, probed=2))
    lower(late, 50, late.s.envelope, QUICK, SECOND)
    assert asked(late) == [SetSpeed(150)]
    early = at(225, 225, drive=Drive(target=225, target_at=NOW - 2_499, probed=2))
    lower(early, 50, early.s.envelope, QUICK, SECOND)
    assert asked(early) == []


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("target", "speed", "expected"),
    [
        (100, 100, [SetSpeed(110)]),
        (100, 80, [SetSpeed(110)]),
        (100, 79, []),
        (100, 130, [SetSpeed(110)]),
        (100, 131, []),
        (100, 0, []),
        (100, None, []),
        (150, 150, []),
    ],
)
def test_a_step_up_starts_from_a_belt_that_follows(at, target, speed, expected):
    draft = at(target, speed)
    follow(draft, setpoint(draft.s.workout, 0), draft.s.envelope)
    assert expected == asked(draft)


@pytest.mark.hazard("H24")
@pytest.mark.parametrize(
    ("target", "previous", "speed", "expected"),
    [
        (100, 90, 100, [SetSpeed(90)]),
        (100, 110, 100, [SetSpeed(100)]),
        (100, 100, 60, [SetSpeed(60)]),
        (100, 90, 0, []),
        (40, 40, 40, []),
    ],
)
def test_what_was_not_answered_is_asked_again_at_the_lower_speed(
    at, target, previous, speed, expected
):
    drive = Drive(target=target, previous=previous, target_at=NOW - 9_000, unknowns=1, probed=2)
    draft = at(target, speed, phase=Phase.HOLDING, drive=drive)
    hold(draft)
    assert expected == asked(draft)


@pytest.mark.hazard("H18", "H24")
def test_nothing_is_asked_while_an_answer_is_awaited_or_control_is_lost(at):
    for changes in (
        {"control": Control.ASKED},
        {"control": Control.REFUSED},
        {"drive": Drive(target=100, target_at=0, probed=2, retry_at=NOW + 1)},
    ):
        draft = at(100, 100, **changes)
        follow(draft, setpoint(draft.s.workout, 0), draft.s.envelope)
        hold(replace_phase(draft))
        assert asked(draft) == []


def replace_phase(draft):
    draft.s = replace(draft.s, phase=Phase.HOLDING)
    return draft


def test_without_limits_nothing_is_asked(at):
    draft = at(100, 100, envelope=None, phase=Phase.HOLDING)
    draft.drive(unknowns=1)
    hold(draft)
    assert draft.orders == []


# --- the script, instant by instant --------------------------------------------------------------------


def told(draft):
    return [notice.kind for notice in draft.notices if isinstance(notice, Cue)]


@pytest.mark.parametrize("lacking", [{"workout": None}, {"envelope": None}])
def test_without_a_workout_or_limits_there_is_nothing_to_follow(at, lacking):
    draft = at(100, 100, **lacking)
    run(draft)
    assert ([], [], Phase.RUNNING) == (draft.orders, draft.notices, draft.s.phase)


@pytest.mark.parametrize(
    ("script", "phase", "kinds", "then"),
    [
        (599_999, Phase.RUNNING, [], Then.PAUSE),
        (600_000, Phase.SLOWING, [CueKind.STOPPING], Then.FINISH),
    ],
)
def test_the_belt_comes_down_at_the_very_end_of_the_script(at, script, phase, kinds, then):
    draft = at(150, 150, script=script, then=Then.PAUSE)
    run(draft)
    assert (phase, kinds, then) == (draft.s.phase, told(draft), draft.s.then)


def test_a_turn_is_told_and_brings_the_belt_down(at, make_program):
    steps = (
        Turn(to=Facing.BACKWARD),
        Step(effort=Effort.WORK, duration=60_000, speed=150),
    )
    draft = at(150, 150, workout=flatten(make_program(steps=steps), 50))
    run(draft)
    expected = (Phase.TURNING, [CueKind.TURN], Then.TURN)
    assert expected == (draft.s.phase, told(draft), draft.s.then)
    faced = at(150, 150, workout=draft.s.workout, facing=Facing.BACKWARD)
    run(faced)
    assert (Phase.RUNNING, []) == (faced.s.phase, told(faced))


@pytest.mark.hazard("H29")
@pytest.mark.parametrize(
    ("every", "asked_at", "seen_at", "asks"),
    [
        (40_000, None, NOW - 40_000, True),
        (40_000, None, NOW - 39_999, False),
        (40_000, NOW - 1, NOW - 40_000, False),
        (None, None, 0, False),
    ],
)
def test_a_check_in_is_asked_once_and_when_it_is_due(  # noqa: PLR0917
    at, make_program, every, asked_at, seen_at, asks
):
    draft = at(
        150, 150, program=make_program(check_in=every), asked_at=asked_at, seen_at=seen_at
    )  # fmt: skip
    run(draft)
    assert ([CueKind.CHECK_IN] if asks else []) == told(draft)
    assert (NOW if asks else asked_at) == draft.s.asked_at


def test_a_session_without_a_program_has_no_check_ins(at):
    draft = at(150, 150, program=None)
    run(draft)
    assert ([], None) == (told(draft), draft.s.asked_at)


@pytest.mark.hazard("H24")
@pytest.mark.parametrize(
    ("control", "retry_at", "pending", "expected"),
    [
        (Control.GRANTED, NOW, None, True),
        (Control.ASSUMED, 0, None, True),
        (Control.GRANTED, NOW + 1, None, False),
        (Control.NONE, 0, None, False),
        (Control.ASKED, 0, None, False),
        (Control.REFUSED, 0, None, False),
        (Control.GRANTED, 0, Pending(1, Stop(), NOW), False),
    ],
)
def test_a_command_waits_for_control_the_last_answer_and_the_last_refusal(
    at, control, retry_at, pending, expected
):
    drive = Drive(retry_at=retry_at, pending=pending)
    assert expected is ready(at(100, 100, control=control, drive=drive).s)


@pytest.mark.parametrize(
    ("commanded", "target_at", "expected"),
    [
        (True, NOW, True),
        (True, NOW - 5_000, True),
        (True, NOW - 5_001, False),
        (False, NOW, False),
    ],
)
def test_a_belt_answers_its_newest_command_for_5_s(at, commanded, target_at, expected):
    drive = Drive(commanded=commanded, target_at=target_at)
    assert expected is answering(at(100, 100, drive=drive).s)


@pytest.mark.hazard("H13", "H22")
@pytest.mark.parametrize(
    ("gap", "seen_at", "expected"),
    [
        (1_000, None, True),
        (1_001, None, False),
        (1_001, NOW - 1_000, False),
        (1_001, NOW - 999, True),
    ],
)
def test_after_a_gap_the_belt_is_in_sight_with_a_frame_from_after_it(at, gap, seen_at, expected):
    s = at(100, 100, gap=gap, gap_at=NOW - 2_000, evidence=Evidence(speed=100, speed_at=seen_at)).s
    assert expected is in_sight(s)
    assert expected is ready(s)


# --- one step, at its edges ----------------------------------------------------------------------------


@pytest.fixture
def steep(make_machine, make_program):
    """The same session on a slope: `wanted` and its limit, `increment` of the deck, all 0.1 %."""

    def make(at, deck, wanted, *, limit=50, increment=5, **changes):
        steps = (Step(effort=Effort.WORK, duration=600_000, speed=100, incline=wanted),)
        chosen = make_program(steps=steps, max_incline=limit)
        known = make_machine(incline=InclineRange(0, 100, increment))
        fields = {
            "evidence": Evidence(speed=100, speed_at=NOW, incline=deck, incline_at=NOW),
            "drive": Drive(
                target=100, target_at=NOW - 60_000, probed=2, incline=deck, incline_at=NOW - 5_000
            ),
            "program": chosen,
            "machine": known,
            "workout": flatten(chosen, 50),
            "envelope": envelope(SiteRules(), known, None, chosen),
        }
        return at(100, 100, **{**fields, **changes})

    return make


def followed(draft):
    follow(draft, setpoint(draft.s.workout, draft.s.script), draft.s.envelope)
    return asked(draft)


@pytest.mark.hazard("H08")
@pytest.mark.parametrize(
    ("deck", "wanted", "limit", "increment", "expected"),
    [
        # Up by one percent at a time, or by one increment that is coarser, never beyond the wish.
        (0, 30, 50, 5, [SetIncline(10)]),
        (0, 30, 50, 4, [SetIncline(8)]),
        (0, 30, 50, 15, [SetIncline(15)]),
        (25, 30, 50, 5, [SetIncline(30)]),
        (30, 30, 50, 5, []),
        (20, 40, 20, 5, []),
        (10, 40, 20, 5, [SetIncline(20)]),
        (10, 40, 23, 5, [SetIncline(20)]),
        # Down at once.
        (30, 10, 50, 5, [SetIncline(10)]),
        (30, 0, 50, 5, [SetIncline(0)]),
    ],
)
def test_a_slope_goes_up_by_steps_and_down_at_once(  # noqa: PLR0917
    at, steep, deck, wanted, limit, increment, expected
):
    assert expected == followed(steep(at, deck, wanted, limit=limit, increment=increment))


@pytest.mark.hazard("H08")
@pytest.mark.parametrize(("since", "expected"), [(5_000, [SetIncline(10)]), (4_999, [])])
def test_a_slope_rests_5_s_between_two_steps_up(at, steep, since, expected):
    draft = steep(at, 0, 30)
    draft.drive(incline_at=NOW - since)
    assert expected == followed(draft)


@pytest.mark.hazard("H08", "H28")
def test_a_slope_goes_down_unheard_and_up_only_heard(at, steep):
    assert [SetIncline(10)] == followed(steep(at, 30, 10, cues=Cues()))
    assert [] == followed(steep(at, 10, 30, cues=Cues()))


def test_speed_goes_down_before_the_slope_and_the_slope_before_anything_rises(at, steep):
    falling = steep(at, 30, 10)
    falling.drive(target=120)
    assert [SetSpeed(100)] == followed(falling)
    rising = steep(at, 30, 10)
    rising.drive(target=90)
    assert [SetIncline(10)] == followed(rising)
    both = steep(at, 10, 30)
    both.drive(target=90)
    assert [SetSpeed(100)] == followed(both)


@pytest.mark.hazard("H04")
@pytest.mark.parametrize(
    ("trim", "cap", "expected"),
    [
        (0, 150, [SetSpeed(110)]),
        (-50, 150, []),
        (-60, 150, [SetSpeed(90)]),
        (50, 100, []),
        (0, 105, []),
    ],
)
def test_the_setpoint_is_trimmed_capped_and_on_the_grid(at, make_machine, trim, cap, expected):
    rules = SiteRules(caps=Caps(reason="test", speed=cap))
    draft = at(100, 100, trim=trim, envelope=envelope(rules, make_machine(), None, None))
    assert expected == followed(draft)


@pytest.mark.hazard("H06", "H13", "H28")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [SetSpeed(110)]),
        ({"cues": Cues()}, []),
        ({"drive": {"probe_at": NOW - 1}}, []),
        ({"evidence": {"speed_at": NOW - 1_500}}, [SetSpeed(110)]),
        ({"evidence": {"speed_at": NOW - 1_501}}, []),
        # Slowing down by itself since the last command: the newest low is fresh.
        ({"evidence": {"since": 3, "since_at": NOW - 2_000, "low": 100, "low_at": NOW}}, []),
        ({"drive": {"probed": 1}}, [SetSpeed(110)]),
    ],
)
def test_a_belt_rises_when_it_is_seen_steady_and_the_walker_was_told(at, changes, expected):
    draft = at(100, 100)
    for part, fields in changes.items():
        if part == "cues":
            draft.set(cues=fields)
        else:
            draft.set(**{part: replace(getattr(draft.s, part), **fields)})
    assert expected == followed(draft)


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("increment", "since", "speed", "target", "expected"),
    [
        (10, 2_000, 100, 100, [SetSpeed(110)]),
        (10, 1_999, 100, 100, []),
        # A coarse grid goes by its increment, and no quicker than the ramp.
        (25, 2_500, 100, 100, [SetSpeed(125)]),
        (25, 2_499, 100, 100, []),
        (4, 2_000, 98, 98, [SetSpeed(106)]),
        # Not further above the measured speed than the gate allows.
        (25, 60_000, 115, 125, [SetSpeed(150)]),
        (25, 60_000, 114, 125, []),
        # Off the grid: the next step is small, and the belt must follow all the same.
        (25, 60_000, 94, 124, [SetSpeed(125)]),
        (25, 60_000, 93, 124, []),
    ],
)
def test_a_step_up_keeps_pace_and_grid(  # noqa: PLR0917
    at, make_machine, increment, since, speed, target, expected
):
    known = make_machine(speed=SpeedRange(50, 1200, increment))
    draft = at(
        target, speed, machine=known, envelope=envelope(SiteRules(), known, None, None),
        drive=Drive(target=target, target_at=NOW - since, probed=2),
    )  # fmt: skip
    assert expected == followed(draft)


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("increment", "since", "expected"),
    [
        (10, 2_000, [SetSpeed(130)]),
        (10, 1_999, []),
        # An increment that is coarser than the step: one increment.
        (25, 2_000, [SetSpeed(125)]),
    ],
)
def test_a_step_down_keeps_pace_and_grid(at, make_machine, increment, since, expected):
    known = make_machine(speed=SpeedRange(50, 1200, increment))
    within = envelope(SiteRules(), known, None, None)
    drive = Drive(target=150, target_at=NOW - since, probed=2)
    draft = at(150, 150, machine=known, envelope=within, drive=drive)
    lower(draft, 50, within, DESCENT, PACE)
    assert expected == asked(draft)


def test_a_step_down_ends_at_its_target(at):
    draft = at(110, 110)
    lower(draft, 100, draft.s.envelope, QUICK, SECOND)
    assert [SetSpeed(100)] == asked(draft)


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("target", "since", "expected"),
    [(120, 1_000, True), (119, 1_000, False), (120, 999, False), (150, 0, True)],
)
def test_a_fall_is_due_when_the_ramp_explains_it(at, target, since, expected):
    drive = Drive(target=150, target_at=NOW - since)
    assert expected is fall_due(at(150, 150, drive=drive).s, target)


# --- probes, at their edges ----------------------------------------------------------------------------


@pytest.fixture
def unprobed(at):
    """A belt that got going and was steady at `speed`; nothing was commanded yet."""

    def make(speed, drive=None, **seen):
        known = {"speed": speed, "speed_at": NOW, "level": speed, "level_at": NOW - 900}
        found = {"target": speed or 0, "target_at": NOW - 60_000, "previous": speed or 0}
        return at(
            0, 0, evidence=Evidence(**{**known, **seen}), drive=Drive(**{**found, **(drive or {})})
        )

    return make


@pytest.mark.hazard("H05", "H20")
@pytest.mark.parametrize(
    ("speed", "drive", "seen", "target"),
    [
        (100, {}, {}, 100),
        (104, {}, {}, 100),
        # Above the cap: to the cap, as soon as the ramp allows.
        (160, {}, {}, 150),
        (200, {"target_at": NOW - 1_666}, {}, None),
        (200, {"target_at": NOW - 1_667}, {}, 150),
        # A little below the lowest speed is trembling, more is another unit.
        (35, {}, {}, 50),
        (34, {}, {}, None),
        # Standing, unknown, old or unsteady.
        (0, {}, {}, None),
        (None, {}, {}, None),
        (100, {}, {"speed_at": NOW - 1_500, "level_at": NOW - 2_400}, 100),
        (100, {}, {"speed_at": NOW - 1_501, "level_at": NOW - 2_401}, None),
        (100, {}, {"level_at": NOW - 899}, None),
        # Asked already, or still on its way to an earlier target.
        (100, {"probe_at": NOW - 1}, {}, None),
        (100, {"commanded": True, "target_at": NOW - 5_000}, {}, None),
        (100, {"commanded": True, "target_at": NOW - 5_001}, {}, 100),
    ],
)
def test_the_first_command_asks_a_steady_belt_for_what_is_there(
    unprobed, speed, drive, seen, target
):
    draft = unprobed(speed, drive, **seen)
    before = draft.s.drive
    assert ([] if target is None else [SetSpeed(target)]) == followed(draft)
    if target is not None:
        after = draft.s.drive
        assert (NOW, target, 15, 0) == (
            after.probe_at,
            after.probe_goal,
            after.probe_slack,
            after.probed,
        )
    else:
        assert before == draft.s.drive


def test_a_probe_takes_the_belt_as_it_is_found(unprobed):
    draft = unprobed(200, {"target": 120, "target_at": NOW - 1_000})
    assert [] == followed(draft)
    assert 200 == draft.s.drive.target
    low = unprobed(40, {"target": 40})
    assert [SetSpeed(50)] == followed(low)
    assert (50, 50) == (low.s.drive.target, low.s.drive.previous)


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(
    ("since", "frames", "speed", "counted"),
    [
        (2_001, 2, 100, True),
        (2_000, 2, 100, False),
        (2_001, 1, 100, False),
        (2_001, 2, 115, True),
        (2_001, 2, 116, False),
        (2_001, 2, None, False),
    ],
)
def test_a_probe_counts_once_its_effect_was_seen(at, since, frames, speed, counted):
    draft = at(100, speed, cues=Cues())
    draft.drive(probed=0, probe_at=NOW - since, probe_goal=100, probe_slack=15)
    draft.set(evidence=replace(draft.s.evidence, since=frames))
    followed(draft)
    assert ((1, None) if counted else (0, NOW - since)) == (
        draft.s.drive.probed,
        draft.s.drive.probe_at,
    )


@pytest.mark.hazard("H05", "H06")
@pytest.mark.parametrize(
    ("probed", "increment", "probe"),
    [(1, 10, (NOW, 104, 5)), (1, 25, (NOW, 119, 12)), (2, 10, (None, 0, 0))],
)
def test_the_second_command_is_a_probe_of_one_step(at, make_machine, probed, increment, probe):
    known = make_machine(speed=SpeedRange(50, 1200, increment))
    draft = at(
        100, 94, machine=known, envelope=envelope(SiteRules(), known, None, None),
        drive=Drive(target=100, target_at=NOW - 60_000, probed=probed),
    )  # fmt: skip
    assert [SetSpeed(100 + increment)] == followed(draft)
    drive = draft.s.drive
    assert probe == (drive.probe_at, drive.probe_goal, drive.probe_slack)


# --- holding, at its edges -----------------------------------------------------------------------------


@pytest.mark.hazard("H08")
@pytest.mark.parametrize(
    ("deck", "motor", "told_at", "expected"),
    [
        (-1, True, NOW - 8_001, [SetIncline(0)]),
        (-1, True, NOW - 8_000, []),
        (0, True, NOW - 8_001, []),
        (None, True, NOW - 8_001, []),
        (-1, False, NOW - 8_001, []),
        (-1, None, NOW - 8_001, []),
    ],
)
def test_a_deck_below_0_is_told_to_come_up_once_a_hold(  # noqa: PLR0917
    at, make_machine, deck, motor, told_at, expected
):
    known = make_machine() if motor else make_machine(incline=None)
    draft = at(100, 100, phase=Phase.HOLDING, since=NOW - 8_000)
    draft.set(
        machine=None if motor is None else known,
        evidence=replace(draft.s.evidence, incline=deck),
    )
    draft.drive(incline_at=told_at)
    hold(draft)
    assert expected == asked(draft)


@pytest.mark.hazard("H29")
@pytest.mark.parametrize(
    ("target", "since", "holds", "expected"),
    [
        (100, 1_000, (Cause.NOBODY_THERE,), [SetSpeed(70)]),
        (100, 999, (Cause.NOBODY_THERE,), []),
        (60, 1_000, (Cause.NOBODY_THERE,), [SetSpeed(50)]),
        (100, 1_000, (Cause.STALE,), []),
    ],
)
def test_a_belt_that_nobody_walks_on_comes_down_to_its_lowest_speed(
    at, target, since, holds, expected
):
    drive = Drive(target=target, target_at=NOW - since, probed=2)
    draft = at(target, target, phase=Phase.HOLDING, holds=holds, drive=drive)
    hold(draft)
    assert expected == asked(draft)


@pytest.mark.hazard("H24", "H29")
def test_at_the_lowest_speed_an_unanswered_command_is_asked_again(at):
    drive = Drive(target=50, previous=50, target_at=NOW - 9_000, unknowns=1, probed=2)
    draft = at(50, 50, phase=Phase.HOLDING, holds=(Cause.NOBODY_THERE,), drive=drive)
    hold(draft)
    assert [SetSpeed(50)] == asked(draft)


@pytest.mark.hazard("H24")
@pytest.mark.parametrize(
    ("since", "unknowns", "expected"),
    [(1_000, 1, [SetSpeed(70)]), (999, 1, []), (9_000, 0, [])],
)
def test_an_unanswered_command_is_asked_again_no_quicker_than_the_ramp(
    at, since, unknowns, expected
):
    drive = Drive(target=100, previous=70, target_at=NOW - since, unknowns=unknowns, probed=2)
    draft = at(100, 100, phase=Phase.HOLDING, drive=drive)
    hold(draft)
    assert expected == asked(draft)


def test_what_is_asked_again_is_within_the_limits(at):
    drive = Drive(target=225, previous=220, target_at=NOW - 9_000, unknowns=1, probed=2)
    draft = at(225, 225, phase=Phase.HOLDING, drive=drive)
    hold(draft)
    assert [SetSpeed(150)] == asked(draft)


@pytest.mark.hazard("H01", "H06")
@pytest.mark.parametrize("probed", [0, 1, 2])
def test_a_standing_belt_is_told_no_speed_however_slow_its_machine_can_run(
    at, make_machine, probed
):
    known = make_machine(speed=SpeedRange(10, 1200, 10))
    draft = at(
        10, 0, machine=known, envelope=envelope(SiteRules(), known, None, None),
        drive=Drive(target=10, target_at=NOW - 60_000, probed=probed),
        evidence=Evidence(speed=0, speed_at=NOW, level=0, level_at=NOW - 900),
    )  # fmt: skip
    assert [] == followed(draft)
    draft.drive(target=100)
    lower(draft, 10, draft.s.envelope, QUICK, SECOND)
    assert [] == asked(draft)


@pytest.mark.hazard("H16", "H17", "H24")
@pytest.mark.parametrize(("fell", "expected"), [(False, [SetSpeed(90)]), (True, [])])
def test_a_belt_that_slows_down_is_not_asked_again_as_somebody_may_have_stopped_it(
    at, fell, expected
):
    drive = Drive(target=100, previous=90, target_at=NOW - 9_000, unknowns=1, probed=2)
    draft = at(target=100, speed=100, phase=Phase.HOLDING, drive=drive)
    low = NOW - 100 if fell else 0
    seen = replace(draft.s.evidence, since=3, since_at=0, low=100, low_at=low, speed_at=NOW)
    draft.s = replace(draft.s, evidence=seen)
    hold(draft)
    assert expected == asked(draft)
