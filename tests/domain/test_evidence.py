"""What frames prove, and what they stop proving when a command goes out."""

from __future__ import annotations

import pytest

from backstride.domain.events import Telemetry
from backstride.domain.evidence import NEVER, Evidence, incline_of, observe, restart, void


def see(*speeds, every=1_000, before=None, **fields):
    seen = before or Evidence()
    start = 0 if seen.at is None else seen.at
    for number, speed in enumerate(speeds, 1):
        frame = Telemetry(at=start + number * every, epoch=1, speed=speed, **fields)
        seen = observe(seen, frame, 150, 30)
    return seen


def test_nothing_seen_is_unknown_and_neither_still_nor_moving():
    seen = Evidence()
    assert (None, NEVER) == (seen.speed, seen.age(5_000))
    claims = [seen.still, seen.moving(), seen.steady, seen.falling, seen.insistent]
    assert not any(claims)


@pytest.mark.hazard("H13", "H15")
def test_a_record_without_a_speed_is_no_zero_and_makes_nothing_younger():
    seen = see(100)
    after = observe(seen, Telemetry(at=4_000, epoch=1, heart_rate=90), 150, 30)
    assert (100, 1_000, 4_000, 90) == (after.speed, after.speed_at, after.at, after.heart_rate)
    assert (3_000, 1) == (after.age(4_000), after.frames)


def test_a_field_that_a_record_lacks_keeps_its_value():
    seen = see(100, incline=5, distance=7, elapsed=8, energy=9, heart_rate=80, steps=11)
    after = see(100, before=seen)
    kept = (
        after.incline,
        after.distance,
        after.elapsed,
        after.energy,
        after.heart_rate,
        after.steps,
    )
    assert (5, 7, 8, 9, 80, 11) == kept
    assert (1_000, 2_000) == (after.incline_at, after.speed_at)


@pytest.mark.hazard("H15")
@pytest.mark.parametrize(
    ("speeds", "still"),
    [((0,), False), ((0, 0), True), ((0, 10, 0), False), ((0, None, 0), True), ((10, 0, 0), True)],
)
def test_two_new_zeros_in_a_row_are_stillness(speeds, still):
    assert still is see(*speeds).still


@pytest.mark.hazard("H15")
def test_a_command_voids_stillness_and_what_was_seen_of_the_course():
    seen = void(see(100, 90, 0, 0, 0))
    assert (0, 0, False, False) == (seen.zeros, seen.since, seen.still, seen.falling)
    assert see(0, before=seen).still is False
    assert see(0, 0, before=seen).still is True


@pytest.mark.hazard("H16")
@pytest.mark.parametrize(
    ("speeds", "every", "falling", "insistent"),
    [
        ((100,), 1_000, False, False),
        ((100, 90), 1_000, True, False),
        ((100, 100), 1_000, False, True),
        ((90, 100), 1_000, False, True),
        ((100, 90, 90), 1_000, False, True),
        # Five frames a second: one equal frame in a fall says nothing.
        ((100, 100), 200, False, False),
        ((100, 98, 98, 96, 96), 200, True, False),
        ((100, 100, 100, 100, 100, 100), 200, False, True),
        # A machine that shows its target until Stop, and then the belt: up first, then down.
        ((100, 140, 110, 80), 1_000, True, False),
        ((30, 0), 1_000, True, False),
        ((0, 0), 1_000, False, False),
    ],
)
def test_a_belt_slows_as_long_as_it_reaches_new_lows(speeds, every, falling, insistent):
    seen = see(*speeds, every=every, before=void(see(120)))
    assert (falling, insistent) == (seen.falling, seen.insistent)


@pytest.mark.parametrize(
    ("speeds", "every", "steady"),
    [
        ((100,), 1_000, False),
        ((100, 100), 1_000, True),
        ((100, 105), 1_000, True),
        ((100, 106), 1_000, False),
        ((100, 103, 106), 1_000, False),
        ((100, 100), 200, False),
        ((100,) * 6, 200, True),
        ((100, 102, 104, 106, 108, 110), 200, False),
    ],
)
def test_a_belt_is_steady_when_it_stays_within_a_tremble_for_a_while(speeds, every, steady):
    seen = see(*speeds, every=every)
    assert steady is seen.steady
    assert void(seen).steady is False


@pytest.mark.parametrize(("speed", "over"), [(180, 0), (181, 3)])
def test_frames_above_the_cap_are_counted_beyond_the_margin(speed, over):
    assert over == see(speed, speed, speed).over
    assert see(speed, 100, before=see(speed)).over == 0


def test_a_counter_counts_from_its_second_value():
    first = see(100, elapsed=10)
    assert (False, False) == (first.counts, first.ticks)
    second = see(100, before=first, elapsed=11)
    assert (True, True) == (second.counts, second.ticks)
    walked = see(100, before=see(100, distance=3), distance=4)
    assert (True, False) == (walked.counts, walked.ticks)


@pytest.mark.hazard("H14")
def test_a_counter_that_stands_lets_the_moving_belt_grow_old_and_a_still_one_not():
    seen = see(100, 100, before=see(100, elapsed=10), elapsed=11)
    assert seen.advanced_at == 2_000
    assert see(100, 100, before=seen).advanced_at == 2_000
    assert see(None, None, before=seen).advanced_at == 2_000
    assert see(0, before=seen).advanced_at == 4_000


@pytest.mark.hazard("H29")
def test_a_new_step_and_a_pulse_are_signs_of_somebody_there():
    counts = [
        see(100, 100, heart_rate=90).signs,
        see(100, 100, heart_rate=0).signs,
        see(100, 100, steps=7).signs,
        see(100, before=see(100, steps=7), steps=8).signs,
        restart(see(100, heart_rate=90), 5_000).signs,
        see(100, before=see(100, steps=7)).signs,
        see(100, before=see(100), steps=7).signs,
        see(100, before=see(100, steps=7), steps=7).signs,
    ]
    assert counts == [2, 0, 0, 1, 0, 0, 0, 0]
    assert see(100, 100, heart_rate=90).sign_at == 2_000
    assert see(100, before=see(100, heart_rate=90)).sign_at == 1_000


@pytest.mark.hazard("H14")
def test_a_restarted_belt_must_count_anew_before_it_is_expected_to():
    seen = restart(see(100, before=see(100, elapsed=10), elapsed=11), 9_000)
    assert (False, False, 9_000) == (seen.counts, seen.ticks, seen.advanced_at)


def test_an_unknown_incline_is_0_only_where_there_is_none(make_machine):
    flat = make_machine(incline=None, reports_incline=False)
    assert incline_of(Evidence(), make_machine()) is None
    assert incline_of(Evidence(), make_machine(incline=None)) is None
    assert incline_of(Evidence(), None) is None
    assert incline_of(Evidence(), flat) == 0
    assert incline_of(see(0, incline=-3), flat) == -3


# --- edges -----------------------------------------------------------------------------------------------


@pytest.mark.hazard("H16")
@pytest.mark.parametrize(
    ("low_at", "since", "at", "falling", "insistent"),
    [
        (1_001, 2, 1_900, True, False),
        (1_001, 2, 1_901, False, True),
        (1_000, 2, 1_500, False, False),
        (1_001, 0, 1_900, False, False),
        (1_000, 2, 1_900, False, True),
        (1_000, 1, 1_900, False, False),
    ],
)
def test_a_new_low_counts_for_less_than_900_ms(low_at, since, at, falling, insistent):
    seen = Evidence(speed=90, speed_at=at, since=since, since_at=1_000, low=90, low_at=low_at)
    assert (falling, insistent) == (seen.falling, seen.insistent)


@pytest.mark.hazard("H14")
@pytest.mark.parametrize(
    ("before", "frame", "advanced", "counts", "ticks"),
    [
        ({}, {}, False, False, False),
        ({"elapsed": 5, "distance": 7}, {}, False, False, False),
        ({"elapsed": 5, "distance": 7}, {"elapsed": 5, "distance": 7}, False, False, False),
        # The first value of a counter moves it, but is no proof that it counts.
        ({}, {"elapsed": 5}, True, False, False),
        ({}, {"distance": 7}, True, False, False),
        ({"elapsed": 5}, {"elapsed": 6}, True, True, True),
        ({"distance": 7}, {"distance": 8}, True, True, False),
        ({"elapsed": 5, "distance": 7}, {"elapsed": 5, "distance": 8}, True, True, False),
        ({"elapsed": 5, "distance": 7}, {"elapsed": 6, "distance": 7}, True, True, True),
        # What counted once counts.
        ({"counts": True, "ticks": True, "elapsed": 5}, {"elapsed": 5}, False, True, True),
    ],
)
def test_a_counter_advances_when_it_moves_and_counts_when_it_moved_before(
    before, frame, advanced, counts, ticks
):
    seen = observe(
        Evidence(advanced_at=1_000, **before),
        Telemetry(at=2_000, epoch=1, speed=100, **frame), 150, 30,
    )  # fmt: skip
    assert (2_000 if advanced else 1_000) == seen.advanced_at
    assert (counts, ticks) == (seen.counts, seen.ticks)
