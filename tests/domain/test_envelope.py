"""The gate: dense at the limits, denied by default, and letting go is never refused."""

from __future__ import annotations

import copy
import itertools
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backstride.domain import limits
from backstride.domain.bounds import lowest
from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import (
    DEADLINE,
    FRESH,
    INCLINE_PAUSE,
    Permit,
    Refusal,
    Rule,
    Situation,
    admit,
    envelope,
    permit,
)
from backstride.domain.errors import PermitError
from backstride.domain.limits import Caps, Layer, SiteRules
from backstride.domain.machine import InclineRange, SpeedRange
from backstride.domain.workout import Effort, Facing, Level, Step, Turn, flatten

FOLLOWING_AT_100 = Situation(
    now=100_000,
    epoch=3,
    control=True,
    moves=True,
    start_granted=False,
    speed=100,
    incline=10,
    age=0,
    target=100,
    target_at=90_000,
    incline_target=10,
    incline_target_at=50_000,
)
AT_REST = replace(FOLLOWING_AT_100, speed=0, target=0, start_granted=True)


@pytest.fixture
def within(make_machine, make_program):
    return envelope(SiteRules(), make_machine(), None, make_program(max_speed=150, max_incline=30))


def rule(command, situation, within):
    judged = permit(command, 7, situation, within)
    return judged.rule if isinstance(judged, Refusal) else None


# --- speeds --------------------------------------------------------------------------------------


@pytest.mark.hazard("H04", "H06")
@pytest.mark.parametrize(
    ("target", "base", "expected"),
    [
        (150, 150, None),
        (160, 150, Rule.TOO_FAST),
        (151, 150, Rule.TOO_FAST),
        (50, 50, None),
        (49, 50, Rule.TOO_SLOW),
        (40, 50, Rule.TOO_SLOW),
        (0, 50, Rule.TOO_SLOW),
        (-10, 50, Rule.TOO_SLOW),
        (101, 100, Rule.OFF_GRID),
        (109, 100, Rule.OFF_GRID),
        (110, 100, None),
        (130, 100, None),
        (140, 100, Rule.STEP),
        (90, 100, None),
        (100, 100, None),
    ],
)
def test_a_target_is_within_cap_floor_grid_and_step(within, target, base, expected):
    situation = replace(FOLLOWING_AT_100, speed=base, target=base)
    assert expected == rule(SetSpeed(target), situation, within)


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("change", "elapsed", "expected"),
    [
        (10, 1_000, None),
        (10, 999, Rule.SLEW),
        (30, 3_000, None),
        (30, 2_999, Rule.SLEW),
        (-30, 1_000, None),
        (-30, 999, Rule.SLEW),
        (-50, 1_667, None),
        (-50, 1_666, Rule.SLEW),
        (0, 0, None),
    ],
)
def test_a_change_takes_its_time(within, change, elapsed, expected):
    situation = replace(FOLLOWING_AT_100, target_at=100_000 - elapsed)
    assert expected == rule(SetSpeed(100 + change), situation, within)


@pytest.mark.hazard("H05", "H13")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"age": FRESH}, None),
        ({"age": FRESH + 1}, Rule.STALE),
        ({"speed": None}, Rule.STALE),
        ({"speed": 0}, Rule.NOT_MOVING),
        ({"speed": 69}, Rule.NOT_FOLLOWING),
        ({"speed": 79}, Rule.NOT_FOLLOWING),
        ({"speed": 80}, None),
        ({"speed": 130}, None),
        ({"speed": 131}, Rule.NOT_FOLLOWING),
    ],
)
def test_an_increase_needs_a_belt_that_was_just_seen_to_follow(within, changes, expected):
    assert expected == rule(SetSpeed(110), replace(FOLLOWING_AT_100, **changes), within)


@pytest.mark.hazard("H06", "H07")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"age": 10 * FRESH}, None),
        ({"speed": None}, None),
        ({"speed": 140}, None),
        ({"speed": 60}, None),
        ({"speed": 59}, Rule.NOT_FOLLOWING),
        ({"speed": 0}, Rule.NOT_MOVING),
    ],
)
def test_a_decrease_needs_no_evidence_but_none_may_say_that_it_is_an_increase(
    within, changes, expected
):
    assert expected == rule(SetSpeed(90), replace(FOLLOWING_AT_100, **changes), within)


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("increment", "rise", "expected"),
    [(50, 50, None), (50, 100, Rule.STEP), (32, 32, None), (32, 64, Rule.STEP)],
)
def test_a_coarse_machine_moves_one_increment_at_a_time(
    make_machine, make_program, increment, rise, expected
):
    coarse = make_machine(speed=SpeedRange(100, 600, increment))
    within = envelope(SiteRules(), coarse, None, make_program(max_speed=400))
    assert expected == rule(SetSpeed(100 + rise), FOLLOWING_AT_100, within)


def test_a_machine_whose_lowest_speed_is_0_is_never_told_0(make_machine, make_program):
    odd = make_machine(speed=SpeedRange(0, 600, 10))
    within = envelope(SiteRules(), odd, None, make_program())
    assert lowest(odd) == within.floor == 10
    assert rule(SetSpeed(0), FOLLOWING_AT_100, within) is Rule.TOO_SLOW


# --- inclines ------------------------------------------------------------------------------------


@pytest.mark.hazard("H08")
@pytest.mark.parametrize(
    ("target", "changes", "expected"),
    [
        (0, {}, None),
        (-5, {}, Rule.DOWNHILL),
        (-1, {}, Rule.DOWNHILL),
        (20, {}, None),
        (25, {}, Rule.STEP),
        (30, {"incline_target": 20}, None),
        (35, {"incline_target": 25}, Rule.TOO_STEEP),
        (31, {"incline_target": 25}, Rule.TOO_STEEP),
        (12, {}, Rule.OFF_GRID),
        (15, {"age": FRESH}, None),
        (15, {"age": FRESH + 1}, Rule.STALE),
        (15, {"incline": None}, Rule.STALE),
        (5, {"incline": None, "age": 10 * FRESH}, None),
        (15, {"incline_target_at": 100_000 - INCLINE_PAUSE}, None),
        (15, {"incline_target_at": 100_001 - INCLINE_PAUSE}, Rule.SLEW),
        (5, {"incline_target_at": 100_000}, None),
    ],
)
def test_a_slope_is_never_negative_and_grows_by_small_steps(within, target, changes, expected):
    assert expected == rule(SetIncline(target), replace(FOLLOWING_AT_100, **changes), within)


def test_a_machine_without_a_motor_is_not_asked_for_a_slope(make_machine, make_program):
    flat = envelope(SiteRules(), make_machine(incline=None), None, make_program(max_incline=30))
    assert rule(SetIncline(10), FOLLOWING_AT_100, flat) is Rule.NO_INCLINE
    assert rule(SetIncline(0), FOLLOWING_AT_100, flat) is None


# --- start ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H01", "H08")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"start_granted": False}, Rule.NOT_CONFIRMED),
        ({"age": FRESH}, None),
        ({"age": FRESH + 1}, Rule.STALE),
        ({"speed": None}, Rule.STALE),
        ({"speed": 1}, Rule.MOVING),
        ({"incline": None}, Rule.INCLINE_UNKNOWN),
        ({"incline": 0}, None),
        ({"incline": -1}, Rule.DOWNHILL),
        ({"incline": 30}, None),
        ({"incline": 31}, Rule.TOO_STEEP),
    ],
)
def test_a_start_needs_a_confirm_a_resting_belt_and_a_known_slope(within, changes, expected):
    assert expected == rule(Start(), replace(AT_REST, **changes), within)


def test_a_machine_in_steps_above_half_a_kmh_is_not_started(make_machine, make_program):
    steep = make_program(max_incline=30)
    fits = envelope(SiteRules(), make_machine(speed=SpeedRange(100, 600, 50)), None, steep)
    coarse = envelope(SiteRules(), make_machine(speed=SpeedRange(100, 600, 51)), None, steep)
    assert [None, Rule.COARSE] == [rule(Start(), AT_REST, e) for e in (fits, coarse)]


# --- default deny --------------------------------------------------------------------------------


@pytest.mark.hazard("H01", "H03", "H18")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"epoch": 0}, Rule.NO_LINK),
        ({"control": False}, Rule.NO_CONTROL),
        ({"moves": False}, Rule.HANDED_OVER),
    ],
)
@pytest.mark.parametrize(
    ("command", "situation"),
    [
        (SetSpeed(100), FOLLOWING_AT_100),
        (SetIncline(0), FOLLOWING_AT_100),
        (Start(), AT_REST),
    ],
)
def test_whatever_moves_the_belt_needs_link_control_and_licence(
    within, command, situation, changes, expected
):
    assert rule(command, situation, within) is None
    assert expected == rule(command, replace(situation, **changes), within)
    assert rule(command, situation, None) is Rule.HANDED_OVER


@pytest.mark.parametrize(
    ("epoch", "control", "moves", "granted", "speed", "age"),
    list(
        itertools.product(
            [0, 1], [True, False], [True, False], [True, False], [None, 0, 900], [0, 1 << 62]
        )
    ),
)
def test_stop_is_granted_in_every_situation_and_control_may_be_asked_for_on_every_link(  # noqa: PLR0917  a case is its arguments
    within, epoch, control, moves, granted, speed, age
):
    situation = replace(
        FOLLOWING_AT_100,
        epoch=epoch,
        control=control,
        moves=moves,
        start_granted=granted,
        speed=speed,
        age=age,
    )
    for limits_ in (within, None):
        stop = permit(Stop(), 1, situation, limits_)
        assert isinstance(stop, Permit)
        assert stop.deadline is None
        asked = rule(RequestControl(), situation, limits_)
        assert asked is (None if epoch else Rule.NO_LINK)


@pytest.mark.hazard("H03")
def test_a_permit_names_its_connection_its_ticket_and_its_deadline(within):
    granted = permit(SetSpeed(110), 7, FOLLOWING_AT_100, within)
    assert (3, 7, 100_000 + DEADLINE) == (granted.epoch, granted.ticket, granted.deadline)
    assert repr(granted) == "Permit(SetSpeed(target=110), epoch=3, ticket=7)"


@pytest.mark.hazard("H04")
def test_a_permit_is_made_by_the_gate_and_cannot_be_forged(within):
    granted = permit(SetSpeed(110), 7, FOLLOWING_AT_100, within)

    def extend():
        type("Forged", (Permit,), {})

    def change():
        granted.command = SetSpeed(2500)

    def forget():
        del granted.deadline

    forgeries = [
        lambda: Permit(object(), SetSpeed(2500), 3, 7, None),
        lambda: copy.copy(granted),
        lambda: pickle.dumps(granted),
        extend,
        change,
        forget,
    ]
    for forgery in forgeries:
        with pytest.raises(PermitError, match="nowhere else"):
            forgery()
    assert granted.command == SetSpeed(110)


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H04", "H26")
@pytest.mark.parametrize(
    ("command", "changes", "sentence"),
    [
        (SetSpeed(160), {}, "1.6 km/h is above 1.5 km/h (profile: the program 'Bench')"),
        (SetSpeed(40), {}, "0.4 km/h is below the machine's lowest 0.5 km/h"),
        (SetSpeed(105), {}, "1.05 km/h is not a multiple of 0.1 km/h"),
        (SetSpeed(110), {"speed": 20}, "the belt runs at 0.2 km/h, not at its 1.0 km/h"),
        (
            SetSpeed(110),
            {"target_at": 99_500},
            "0.1 km/h in 500 ms is quicker than 0.1 km/h per second",
        ),
        (SetIncline(40), {}, "4.0 % is above 3.0 % (profile: the program 'Bench')"),
        (SetIncline(13), {}, "1.3 % is not a step of 0.5 %"),
        (SetIncline(-5), {}, "an incline below 0 is never commanded"),
        (Start(), {"start_granted": True, "speed": 30}, "the belt moves at 0.3 km/h"),
        (Start(), {}, "nobody has confirmed that the walker is ready"),
        (
            Start(),
            {"start_granted": True, "speed": 0, "incline": -15},
            "the deck stands at -1.5 %",
        ),
    ],
)
def test_a_refusal_tells_a_person_which_limit_bit(within, command, changes, sentence):
    refusal = permit(command, 1, replace(FOLLOWING_AT_100, **changes), within)
    assert sentence == refusal.sentence


# --- limits only tighten -------------------------------------------------------------------------

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
"""The makers are functions without state; a fixture only carries them here."""

SPEEDS = st.one_of(st.none(), st.integers(1, 2500))
INCLINES = st.one_of(st.none(), st.integers(0, 400))
TIMES = st.one_of(st.none(), st.integers(1, 7_200_000))


def caps(reason):
    return st.builds(
        Caps, reason=st.just(reason), speed=SPEEDS, incline=INCLINES, backward_time=TIMES
    )


@pytest.mark.hazard("H04")
@given(
    site=caps("site"),
    walker=st.one_of(st.none(), caps("walker")),
    top=st.integers(50, 2500),
    steep=st.integers(0, 400),
    own=st.integers(60, 2500),
    jog=st.booleans(),
    level=st.sampled_from(Level),
)
@SHARED
def test_no_layer_can_raise_a_limit(  # noqa: PLR0917  a case is its arguments
    make_machine, make_program, site, walker, top, steep, own, jog, level
):
    chosen = make_program(max_speed=top, max_incline=steep, level=level)
    known = make_machine(speed=SpeedRange(50, own, 10))
    folded = envelope(SiteRules(caps=site, jog=jog), known, walker, chosen)
    jogs = jog and level is Level.LOCKED
    said = [site.speed, own, walker.speed if walker else None, top]
    hard = limits.JOG_SPEED if jogs else limits.WALK_SPEED
    assert min([hard, *(s for s in said if s is not None)]) == folded.speed.value
    slopes = [site.incline, 100, walker.incline if walker else None, steep]
    assert min([limits.INCLINE, *(s for s in slopes if s is not None)]) == folded.incline.value
    for limit in (folded.speed, folded.incline, folded.backward_time, folded.jump):
        values = [bound.value for bound in limit.chain]
        assert sorted(values, reverse=True) == values
        layers = [list(Layer).index(bound.layer) for bound in limit.chain]
        assert sorted(set(layers)) == layers


@pytest.mark.hazard("H04", "H06", "H08")
@given(
    target=st.integers(-100, 2600),
    speed=st.one_of(st.none(), st.integers(0, 2500)),
    told=st.integers(0, 2500),
    elapsed=st.integers(0, 60_000),
    age=st.integers(0, 10_000),
    grid=st.sampled_from([(50, 10), (100, 50), (96, 32), (80, 1)]),
)
@SHARED
def test_whatever_is_permitted_is_within_cap_grid_and_slew(  # noqa: PLR0917  a case is its arguments
    make_machine, make_program, target, speed, told, elapsed, age, grid
):
    known = make_machine(speed=SpeedRange(grid[0], 1200, grid[1]))
    within = envelope(SiteRules(), known, None, make_program(max_speed=350))
    situation = replace(
        FOLLOWING_AT_100, speed=speed, target=told, target_at=100_000 - elapsed, age=age
    )
    if not isinstance(permit(SetSpeed(target), 1, situation, within), Permit):
        return
    assert grid[0] <= target <= 350
    assert (target - grid[0]) % grid[1] == 0
    if target > told:
        assert target - told <= max(30, grid[1])
        assert (target - told) * 1_000 <= 10 * elapsed
        assert age <= FRESH
        assert target - speed <= max(30, grid[1] + 10)
    else:
        assert (told - target) * 1_000 <= 30 * elapsed
        assert speed is None or (speed > 0 and target - speed <= 30)


# --- admission -----------------------------------------------------------------------------------


def judge(make_machine, program, site=None, walker=None, **machine):
    site = site or SiteRules()
    known = make_machine(**machine)
    within = envelope(site, known, walker, program)
    refusals = admit(program, flatten(program, lowest(known)), within, site)
    return {refusal.rule: refusal.sentence for refusal in refusals}


def steps(*speeds, **changes):
    return tuple(Step(effort=Effort.WORK, duration=60_000, speed=s, **changes) for s in speeds)


def test_a_program_within_all_limits_is_admitted(make_machine, make_program):
    assert judge(make_machine, make_program()) == {}


@pytest.mark.hazard("H04")
def test_a_program_above_a_limit_is_refused_with_the_layer_that_set_it(make_machine, make_program):
    fast = make_program(max_speed=300, steps=steps(250))
    walker = Caps(reason="Ada's first week", speed=200)
    assert {Rule.TOO_FAST: "2.5 km/h is above 2.0 km/h (walker: Ada's first week)"} == judge(
        make_machine, fast, walker=walker
    )


def test_a_program_below_the_machine_is_refused_and_not_bent(make_machine, make_program):
    slow = make_program(steps=steps(60))
    assert {
        Rule.TOO_SLOW: "the program walks at 0.6 km/h, this machine not below 1.0 km/h"
    } == judge(make_machine, slow, speed=SpeedRange(100, 600, 10))


@pytest.mark.hazard("H08")
def test_a_program_that_asks_for_slope_is_refused_by_a_flat_machine(make_machine, make_program):
    hill = make_program(max_incline=30, steps=steps(100, incline=20))
    refused = judge(make_machine, hill, incline=None)
    assert refused == {Rule.TOO_STEEP: "2.0 % is above 0.0 % (machine: the machine's own range)"}


def test_too_long_backward_is_refused(make_machine, make_program):
    long = make_program(facing=Facing.BACKWARD, steps=steps(100) * 31)
    assert {
        Rule.TOO_LONG: "31:00 backward is longer than 30:00 (hard: the longest backward session that"
        " was studied)"
    } == judge(make_machine, long)


@pytest.mark.parametrize(("second", "expected"), [(200, set()), (201, {Rule.JUMP})])
def test_two_segments_differ_by_one_kmh_at_most(make_machine, make_program, second, expected):
    jump = make_program(max_speed=300, steps=steps(100, second))
    assert expected == judge(make_machine, jump).keys()


def test_a_turn_may_change_the_speed_as_it_likes(make_machine, make_program):
    turn = make_program(max_speed=400, steps=(*steps(350), Turn(to=Facing.BACKWARD), *steps(100)))
    assert judge(make_machine, turn) == {}


@pytest.mark.hazard("H26")
def test_a_locked_program_needs_a_site_that_unlocked_it(make_machine, make_program):
    jog = make_program(level=Level.LOCKED, max_speed=700, steps=steps(650))
    adults = Caps(reason="a club of runners", speed=750)
    assert {Rule.LOCKED, Rule.TOO_FAST} == judge(make_machine, jog).keys()
    assert judge(make_machine, jog, site=SiteRules(caps=adults, jog=True)) == {}


@pytest.mark.hazard("H06")
def test_a_machine_too_coarse_to_ramp_is_refused(make_machine, make_program):
    refused = judge(make_machine, make_program(), speed=SpeedRange(50, 600, 60))
    assert refused == {Rule.COARSE: "this machine moves in steps of 0.6 km/h, too coarse to ramp"}


def test_the_grid_rounds_down_and_never_below_the_floor(make_machine, make_program):
    uneven = make_machine(speed=SpeedRange(96, 643, 32), incline=InclineRange(0, 100, 5))
    within = envelope(SiteRules(), uneven, None, make_program())
    grid = [within.grid(s) for s in (0, 95, 96, 127, 128, 159, 160)]
    assert grid == [96, 96, 96, 96, 128, 128, 160]
    assert [within.incline_grid(i) for i in (-5, 0, 4, 5, 9, 14)] == [0, 0, 0, 5, 5, 10]
