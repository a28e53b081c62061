"""The edges that no other test stood on: each was found by a mutant that lived."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain import bounds, limits
from backstride.domain.commands import SetIncline, SetSpeed
from backstride.domain.envelope import FRESH, Refusal, Rule, Situation, admit, envelope, permit
from backstride.domain.events import Telemetry
from backstride.domain.evidence import Evidence, incline_of, observe, void
from backstride.domain.limits import Caps, Layer, SiteRules
from backstride.domain.machine import InclineRange, SpeedRange
from backstride.domain.session import Phase
from backstride.domain.workout import Effort, Facing, Level, Step, flatten

WALKING = Situation(
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
BLIND = 10 * FRESH


@pytest.fixture
def within(make_machine, make_program):
    return envelope(SiteRules(), make_machine(), None, make_program(max_speed=150, max_incline=30))


def rule(command, situation, within):
    judged = permit(command, 7, situation, within)
    return judged.rule if isinstance(judged, Refusal) else None


# --- the gate --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("floor", "target", "expected"),
    [(0, 0, Rule.TOO_SLOW), (-10, 0, Rule.TOO_SLOW), (-10, -10, Rule.TOO_SLOW), (1, 1, None)],
)
def test_no_speed_of_0_is_commanded_even_if_the_floor_allowed_it(within, floor, target, expected):
    odd = replace(within, floor=floor, increment=1)
    situation = replace(WALKING, speed=1, target=1)
    assert expected == rule(SetSpeed(target), situation, odd)


def test_the_same_target_again_is_no_increase(within):
    assert rule(SetSpeed(100), replace(WALKING, age=BLIND), within) is None
    assert rule(SetSpeed(100), replace(WALKING, speed=None), within) is None
    assert rule(SetIncline(10), replace(WALKING, incline=None, age=BLIND), within) is None


def test_a_belt_behind_its_target_is_not_raised_on_a_coarse_grid_either(make_machine, make_program):
    coarse = make_machine(speed=SpeedRange(100, 600, 50))
    within = envelope(SiteRules(), coarse, None, make_program(max_speed=300))
    behind = replace(WALKING, target=195, speed=160)
    assert rule(SetSpeed(200), behind, within) is Rule.NOT_FOLLOWING
    assert rule(SetSpeed(200), replace(behind, speed=165), within) is None


def test_only_a_machine_without_a_motor_cannot_set_its_incline(make_machine, make_program):
    flat = envelope(SiteRules(), make_machine(), None, make_program(max_incline=0))
    shallow = make_machine(incline=InclineRange(0, 20, 5))
    low = envelope(SiteRules(), shallow, None, make_program(max_incline=100))
    assert rule(SetIncline(10), WALKING, flat) is Rule.TOO_STEEP
    assert rule(SetIncline(30), WALKING, low) is Rule.TOO_STEEP


# --- a whole workout -------------------------------------------------------------------------------


def admitted(make_machine, program, **changes):
    machine = make_machine(**changes)
    within = envelope(SiteRules(), machine, None, program)
    return [r.rule for r in admit(program, flatten(program, 50), within, SiteRules())]


def walk(duration, speed, ramp_to=None, **more):
    more = {} if ramp_to is None else {"ramp_to": ramp_to, **more}
    return Step(effort=Effort.WORK, duration=duration, speed=speed, **more)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((walk(10_000, 100), walk(10_000, 40), walk(10_000, 100)), [Rule.TOO_SLOW]),
        ((walk(10_000, 100, ramp_to=40),), [Rule.TOO_SLOW]),
        ((walk(10_000, 50), walk(10_000, 100, ramp_to=50)), []),
        ((walk(10_000, 300), walk(10_000, 199)), [Rule.JUMP]),
        ((walk(10_000, 300), walk(10_000, 200)), []),
    ],
)
def test_each_end_of_each_step_is_judged_and_jumps_both_ways(
    make_machine, make_program, steps, expected
):
    assert expected == admitted(make_machine, make_program(steps=steps, max_speed=400))


def test_thirty_minutes_backward_are_not_too_long(make_machine, make_program):
    def backward(duration):
        return make_program(steps=(walk(duration, 100),), facing=Facing.BACKWARD)

    assert admitted(make_machine, backward(limits.BACKWARD_TIME)) == []
    assert admitted(make_machine, backward(limits.BACKWARD_TIME + 1)) == [Rule.TOO_LONG]


# --- the limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jog", "level", "expected"),
    [
        (False, Level.LOCKED, limits.WALK_SPEED),
        (True, Level.LOCKED, limits.JOG_SPEED),
        (True, Level.BEGINNER, limits.WALK_SPEED),
        (True, None, limits.WALK_SPEED),
    ],
)
def test_a_jog_needs_a_locked_program_and_a_site_that_unlocks_it(
    make_machine, make_program, jog, level, expected
):
    rules = SiteRules(caps=Caps(reason="a site without caps"), jog=jog)
    chosen = None if level is None else make_program(max_speed=2_500, level=level)
    assert envelope(rules, make_machine(), None, chosen).speed.value == expected


def test_what_a_site_allows_on_one_machine_speaks_in_the_machines_layer(make_machine):
    rules = SiteRules(machine=Caps(reason="the old one", speed=200, incline=20, backward_time=60))
    folded = envelope(rules, make_machine(), None, None)
    for limit in (folded.speed, folded.incline, folded.backward_time):
        assert (limit.layer, limit.reason) == (Layer.MACHINE, "the old one")


@pytest.mark.parametrize("below", [-10, 0, 9, 49, 50, 59])
def test_the_grid_begins_at_the_floor_and_at_flat(within, below):
    assert within.grid(below) == 50
    fine = replace(within, increment=1, incline_increment=1)
    assert [50, 51] == [fine.grid(50), fine.grid(51)]
    assert [0, 0, 1] == [fine.incline_grid(i) for i in (-1, 0, 1)]


def test_a_machine_without_a_motor_has_whole_percents_and_none_of_them(make_machine):
    flat = envelope(SiteRules(), make_machine(incline=None), None, None)
    assert (10, 0) == (flat.incline_increment, flat.incline.value)
    assert bounds.lowest(make_machine(speed=SpeedRange(0, 600, 10))) == 10


# --- evidence --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "expected"), [(899, False), (900, True)])
def test_a_belt_is_steady_from_900_ms_on(at, expected):
    assert Evidence(level=100, level_at=0, speed_at=at).steady is expected
    seen = Evidence(since=2, speed=50, low=50, low_at=0, speed_at=at)
    assert seen.insistent is expected


@pytest.mark.parametrize(("at", "expected"), [(999, True), (1_000, False)])
def test_a_belt_no_longer_falls_900_ms_after_its_lowest(at, expected):
    seen = Evidence(since=3, since_at=0, low=40, low_at=100, speed=40, speed_at=at)
    assert seen.falling is expected
    assert void(seen).falling is False


def seen(*frames, before=None):
    """Frames 1 s apart, folded."""
    known = before or Evidence()
    for frame in frames:
        at = (known.at or 0) + 1_000
        known = observe(known, Telemetry(at=at, epoch=1, **frame), 150, 30)
    return known


@pytest.mark.parametrize(
    ("field", "ticks"), [("distance", False), ("elapsed", True)], ids=["distance", "elapsed"]
)
def test_one_counter_alone_shows_that_the_machine_counts(field, ticks):
    first = seen({"speed": 100, field: 5})
    same = seen({"speed": 100, field: 5}, before=first)
    more = seen({"speed": 100, field: 6}, before=same)
    later = seen({"speed": 100}, {"speed": 100, field: 6}, before=more)
    assert [False, False, True, True] == [e.counts for e in (first, same, more, later)]
    assert [False, False, ticks, ticks] == [e.ticks for e in (first, same, more, later)]
    assert [1_000, 1_000, 3_000, 3_000] == [e.advanced_at for e in (first, same, more, later)]


def test_a_frame_without_steps_is_no_new_step():
    assert seen({"speed": 100, "steps": 7}, {"speed": 100}, {"speed": 100, "steps": 7}).signs == 0
    assert seen({"speed": 100, "steps": 7}, {"speed": 100}, {"speed": 100, "steps": 8}).signs == 1
    later = seen({"speed": 100, "heart_rate": 90}, {"speed": 100}, {"speed": 100, "heart_rate": 90})
    assert (2, 3_000) == (later.signs, later.sign_at)


def test_a_belt_that_slows_leaves_its_level_too():
    slower = seen({"speed": 100}, {"speed": 95}, {"speed": 94}, {"speed": 90})
    assert (94, 3_000) == (slower.level, slower.level_at)
    assert (4, 4, 1_000) == (slower.frames, slower.since, slower.since_at)
    assert (90, 4_000) == (slower.low, slower.low_at)


def test_the_lowest_speed_since_a_command_stays_the_lowest():
    up_again = seen({"speed": 100}, {"speed": 90}, {"speed": 95})
    assert (90, 2_000) == (up_again.low, up_again.low_at)


def test_a_motor_that_reports_no_slope_leaves_it_unknown(make_machine):
    assert incline_of(Evidence(), make_machine(reports_incline=False)) is None
    assert incline_of(Evidence(), make_machine(reports_incline=False, incline=None)) == 0


@pytest.mark.parametrize(("speed", "expected"), [(180, 0), (181, 2)])
def test_only_what_is_above_cap_and_margin_is_over(speed, expected):
    assert seen({"speed": speed}, {"speed": speed}).over == expected
    assert seen({"speed": 181}, {"speed": None}, {"speed": speed}).over == expected


# --- one command at a time -------------------------------------------------------------------------


@pytest.mark.hazard("H24")
def test_the_script_waits_for_the_answer_to_the_last_command(rig):
    rig.run()
    rig.until(Phase.RUNNING)
    rig.deaf = True
    for _ in range(200):
        rig.tick()
        if rig.session.drive.pending is not None:
            break
    known = len(rig.sent)
    rig.seconds(4)
    assert (known, Phase.RUNNING) == (len(rig.sent), rig.session.phase)
