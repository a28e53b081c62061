"""The energy model against the vectors of its sources."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstride.domain.energy import (
    ADAPTED,
    FORWARD,
    NOVICE,
    REST,
    Estimate,
    energy,
    estimate,
    factor,
    kcal_per_minute,
    met,
    oxygen,
    spread,
    uptake_over,
)
from backstride.domain.units import MINUTE
from backstride.domain.workout import Effort, Facing, Segment, Workout

VECTORS = [  # speed 0.01 km/h, incline 0.1 %, VO2 0.01 ml/kg/min, MET 0.01; k = 1.8
    (1_00, 0, 6_50, 1_86),
    (2_00, 0, 9_50, 2_71),
    (3_00, 0, 12_50, 3_57),
    (4_00, 0, 15_50, 4_43),
    (5_00, 0, 18_50, 5_29),
    (4_00, 50, 21_50, 6_14),
    (4_00, 100, 27_50, 7_86),
    (8_00, 0, 39_50, 11_29),
    (8_00, 50, 47_60, 13_60),
]
speeds = st.integers(0, 25_00)
inclines = st.integers(0, 100)
factors = st.integers(FORWARD, NOVICE)


def exactly(speed: int, incline: int, k: int) -> Fraction:
    """The equations of the sources as they are written, in ml/kg/min."""
    s, g = Fraction(speed, 6), Fraction(incline, 1000)
    walk = Fraction(7, 2) + Fraction(k, 100) * s / 10 + Fraction(9, 5) * s * g
    jog = Fraction(7, 2) + Fraction(135, 100) * (s / 5 + Fraction(9, 10) * s * g)
    share = min(max(Fraction(speed - 550, 120), Fraction(0)), Fraction(1))
    return walk * (1 - share) + jog * share


@pytest.mark.parametrize(("speed", "incline", "uptake", "mets"), VECTORS)
def test_a_vector_of_the_sources_is_met(speed, incline, uptake, mets):
    assert (uptake, mets) == (oxygen(speed, incline, ADAPTED), met(uptake))


def test_two_kilometres_per_hour_at_75_kg_cost_3_56_kcal_a_minute():
    assert 3_56 == kcal_per_minute(oxygen(2_00, 0, ADAPTED), 75_000)


def test_a_novices_five_kilometres_per_hour_match_the_laboratory():
    assert 23_50 == oxygen(5_00, 0, NOVICE)  # Kim & Choi 2001 measured 23.6


def test_the_factor_falls_evenly_over_twelve_sessions_and_stays():
    assert [240, 235, 230, 225, 220, 215, 210, 205, 200, 195, 190, 185, 180, 180] == [
        factor(sessions) for sessions in range(14)
    ]
    assert (NOVICE, ADAPTED) == (factor(-1), factor(1_000_000))


@settings(derandomize=True)
@given(speeds, inclines, factors)
def test_the_integers_are_the_equations_rounded_once(speed, incline, k):
    if speed:
        assert abs(exactly(speed, incline, k) - Fraction(oxygen(speed, incline, k), 100)) <= (
            Fraction(1, 200)
        )


@settings(derandomize=True)
@given(speeds, inclines, factors)
def test_faster_or_steeper_never_costs_less(speed, incline, k):
    here = oxygen(speed, incline, k)
    assert here <= oxygen(speed + 10, incline, k)
    assert here <= oxygen(speed, incline + 5, k)


@pytest.mark.parametrize("speed", [549, 550, 551, 669, 670, 671])
def test_walking_becomes_jogging_without_a_jump(speed):
    assert 0 <= oxygen(speed + 1, 0, ADAPTED) - oxygen(speed, 0, ADAPTED) <= 15


def test_standing_costs_rest_even_on_a_slope():
    assert REST == oxygen(0, 50, NOVICE)


def test_the_estimate_has_a_quarter_to_either_side():
    assert Estimate(75, 100, 125) == spread(100)
    assert Estimate(0, 0, 0) == spread(0)


def segment(facing: Facing, start: int, speed: int, ramp_to: int) -> Segment:
    return Segment(
        index=0,
        start=start,
        duration=10 * MINUTE,
        effort=Effort.WORK,
        facing=facing,
        speed=speed,
        ramp_to=ramp_to,
        incline=0,
    )


def test_a_workout_costs_the_sum_of_its_segments():
    backward = segment(Facing.BACKWARD, 0, 2_00, 2_00)
    assert 35_63 == estimate(Workout((backward,)), 75_000, 12).value  # ten minutes at 3.5625 kcal
    ramp = segment(Facing.BACKWARD, 0, 1_00, 3_00)
    assert 35_63 == estimate(Workout((ramp,)), 75_000, 12).value
    forward = segment(Facing.FORWARD, 10 * MINUTE, 2_00, 2_00)
    both = estimate(Workout((backward, forward)), 75_000, 12)
    assert 61_24 == both.value  # 35.625 and 25.6125, rounded together


def test_a_session_is_added_up_without_rounding():
    uptake = oxygen(2_00, 0, ADAPTED)
    total = sum(uptake_over(uptake, 1_000) for _ in range(600))
    assert 35_63 == energy(total, 75_000)
