import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstride.virtual.belt import Belt, Ramp


def test_a_belt_at_rest_stays_at_rest():
    belt = Belt()
    belt.advance(3_600_000)
    assert (belt.value, belt.millimetres) == (0, 0)


def test_the_belt_accelerates_at_its_rate():
    belt = Belt()
    belt.steer(300, 50)
    belt.advance(2_000)
    assert belt.value == 100


def test_the_belt_stops_at_its_target():
    belt = Belt()
    belt.steer(300, 50)
    assert belt.settles_at() == 6_000
    belt.advance(60_000)
    assert (belt.value, belt.is_settled) == (300, True)


def test_an_hour_at_3_6_km_h_is_3600_m():
    belt = Belt()
    belt.steer(360, 1_000_000)
    belt.advance(1)
    belt.advance(3_600_001)
    assert belt.millimetres == 3_600_000


def test_a_ramp_covers_half_the_distance_of_its_end_speed():
    belt = Belt()
    belt.steer(360, 36)  # 10 s from 0 to 1 m/s
    belt.advance(10_000)
    assert belt.millimetres == 5_000


def test_a_stop_from_3_km_h_takes_9_1_s_at_a_third_of_a_km_h_per_s():
    belt = Belt()
    belt.steer(300, 1_000)
    belt.advance(1_000)
    belt.steer(0, 33)
    assert belt.settles_at() == 1_000 + 9_091


def test_the_top_speed_is_remembered():
    belt = Belt()
    belt.steer(500, 100)
    belt.advance(4_000)
    belt.steer(0, 100)
    belt.advance(20_000)
    assert (belt.value, belt.top_speed) == (0, 400)


def test_time_never_goes_back():
    belt = Belt()
    belt.steer(500, 100)
    belt.advance(2_000)
    belt.advance(1_000)
    assert belt.value == 200


def test_a_deck_moves_below_zero_and_back():
    deck = Ramp()
    deck.steer(-30, 5)
    deck.advance(6_000)
    assert deck.value == -30
    deck.steer(10, 5)
    deck.advance(12_000)
    assert deck.value == 0


def test_a_rate_of_zero_is_a_mistake():
    with pytest.raises(ValueError, match="at least 1 unit per second"):
        Belt().steer(100, 0)


@given(
    orders=st.lists(
        st.tuples(st.integers(0, 2_000), st.integers(1, 300), st.integers(1, 20_000)), max_size=6
    ),
    steps=st.integers(2, 40),
)
def test_many_small_steps_are_one_large_step(orders, steps):
    once, often = Belt(), Belt()
    now = 0
    for target, rate, lasting in orders:
        once.steer(target, rate)
        often.steer(target, rate)
        for step in range(1, steps):
            often.advance(now + lasting * step // steps)
        now += lasting
        once.advance(now)
        often.advance(now)
    assert often.value == once.value
    # Each partial ramp rounds its area down by less than a part; together far below a millimetre.
    assert abs(often.millimetres - once.millimetres) <= 1


@given(target=st.integers(0, 2_500), rate=st.integers(1, 500), start=st.integers(0, 2_500))
def test_a_ramp_settles_exactly_when_it_says(target, rate, start):
    ramp = Ramp(start)
    ramp.steer(target, rate)
    at = ramp.settles_at()
    ramp.advance(at - 1)
    assert ramp.is_settled == (start == target)
    ramp.advance(at)
    assert ramp.value == target
