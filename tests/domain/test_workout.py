"""Programs made flat, and the setpoint at every moment."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from backstride.domain.units import MINUTE
from backstride.domain.workout import (
    MACHINE_MINIMUM,
    Effort,
    Facing,
    Level,
    Program,
    Repeat,
    Step,
    Turn,
    flatten,
    setpoint,
)

type Item = Step | Turn | Repeat

MINIMUM = 60
quick = settings(derandomize=True, max_examples=200, deadline=None)
paces = st.integers(0, 5_50)
step_items = st.builds(
    Step,
    effort=st.sampled_from(Effort),
    duration=st.integers(1, 30 * MINUTE),
    speed=paces,
    ramp_to=st.none() | paces,
    incline=st.integers(0, 100),
)
turn_items = st.builds(Turn, to=st.sampled_from(Facing))
leaves = step_items | turn_items
items = st.recursive(
    leaves,
    lambda inner: st.builds(
        Repeat, times=st.integers(1, 4), steps=st.lists(inner, min_size=1, max_size=4).map(tuple)
    ),
    max_leaves=12,
)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    first = draw(step_items)
    rest = draw(st.lists(items, max_size=6))
    return program(first, *rest, facing=draw(st.sampled_from(Facing)))


def program(*steps: Item, facing: Facing = Facing.FORWARD) -> Program:
    return Program(
        id="p",
        name="P",
        goal="g",
        level=Level.REGULAR,
        facing=facing,
        max_speed=5_50,
        steps=steps,
    )


def written_out(steps: tuple[Item, ...]) -> list[Step | Turn]:
    out: list[Step | Turn] = []
    for item in steps:
        out += written_out(item.steps) * item.times if isinstance(item, Repeat) else [item]
    return out


def work(duration: int = 1_000, speed: int = 1_00, ramp_to: int | None = None) -> Step:
    return Step(effort=Effort.WORK, duration=duration, speed=speed, ramp_to=ramp_to)


@quick
@given(programs())
def test_the_time_line_has_no_gap_and_lasts_as_long_as_its_steps(program):
    workout = flatten(program, MINIMUM)
    steps = [item for item in written_out(program.steps) if isinstance(item, Step)]
    assert 0 == workout.segments[0].start
    assert all(before.end == after.start for before, after in pairwise(workout.segments))
    assert sum(step.duration for step in steps) == workout.duration
    assert list(range(len(steps))) == [segment.index for segment in workout.segments]


@quick
@given(programs())
def test_repeats_are_written_out_and_the_machines_minimum_is_filled_in(program):
    workout = flatten(program, MINIMUM)
    steps = [item for item in written_out(program.steps) if isinstance(item, Step)]
    expected = [
        (step.speed or MINIMUM, (step.speed if step.ramp_to is None else step.ramp_to) or MINIMUM)
        for step in steps
    ]
    assert expected == [(segment.speed, segment.ramp_to) for segment in workout.segments]
    assert MACHINE_MINIMUM not in {segment.speed for segment in workout.segments}


@quick
@given(programs(), st.integers(-1_000, 10_000_000))
def test_a_setpoint_is_between_the_ends_of_its_segment(program, moment):
    workout = flatten(program, MINIMUM)
    wanted = setpoint(workout, moment)
    low, high = sorted((wanted.segment.speed, wanted.segment.ramp_to))
    assert low <= wanted.speed <= high <= workout.top_speed
    assert wanted.segment.incline == wanted.incline <= workout.top_incline
    if 0 <= moment < workout.duration:
        assert wanted.segment.start <= moment < wanted.segment.end


@quick
@given(programs())
def test_a_segment_begins_at_its_speed_and_the_workout_ends_at_its_last(program):
    workout = flatten(program, MINIMUM)
    for segment in workout.segments:
        assert segment.speed == setpoint(workout, segment.start).speed
    assert workout.segments[-1].ramp_to == setpoint(workout, workout.duration).speed


@quick
@given(programs())
def test_facing_changes_exactly_where_a_segment_turns(program):
    workout = flatten(program, MINIMUM)
    for before, after in pairwise(workout.segments):
        if before.facing is not after.facing:
            assert after.turn
    backward = [s.duration for s in workout.segments if s.facing is Facing.BACKWARD]
    assert sum(backward) == workout.backward_time


@quick
@given(programs())
def test_following_walks_through_all_segments(program):
    workout = flatten(program, MINIMUM)
    seen = [workout.segments[0]]
    while (after := workout.following(seen[-1])) is not None:
        seen.append(after)
    assert workout.segments == tuple(seen)


def test_a_ramp_moves_evenly_and_rounds_down():
    workout = flatten(program(work(1_000, 1_00, 2_00)), MINIMUM)
    assert [100, 100, 150, 199, 200, 200] == [
        setpoint(workout, moment).speed for moment in (-1, 9, 500, 999, 1_000, 9_999)
    ]


def test_a_falling_ramp_never_undershoots_its_end():
    workout = flatten(program(work(1_000, 2_00, 1_00)), MINIMUM)
    assert [200, 199, 150, 100, 100] == [
        setpoint(workout, moment).speed for moment in (0, 1, 500, 999, 1_000)
    ]


def test_a_turn_belongs_to_the_segment_after_it():
    steps = (work(), Turn(to=Facing.BACKWARD), work(), work(), Turn(to=Facing.FORWARD), work())
    workout = flatten(program(*steps), MINIMUM)
    assert [False, True, False, True] == [segment.turn for segment in workout.segments]
    assert ["forward", "backward", "backward", "forward"] == [s.facing for s in workout.segments]


def test_the_cooldown_is_the_first_of_those_at_the_end():
    cool = Step(effort=Effort.COOLDOWN, duration=1_000, speed=1_00)
    workout = flatten(program(cool, work(), cool, cool), MINIMUM)
    assert workout.segments[2] == workout.cooldown()
    assert flatten(program(cool, work()), MINIMUM).cooldown() is None
    only = flatten(program(cool, cool), MINIMUM)
    assert only.segments[0] == only.cooldown()


def test_a_moment_on_a_boundary_belongs_to_the_later_segment():
    workout = flatten(program(work(), work()), MINIMUM)
    assert [0, 0, 1, 1, 1] == [workout.segment_at(m).index for m in (-5, 999, 1_000, 1_999, 2_000)]
