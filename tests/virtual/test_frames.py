"""The machine's encoder against the vectors of the specification and of recorded machines."""

import pytest

from backstride.virtual import frames
from backstride.virtual.frames import Layout, Reading
from backstride.virtual.quirks import Field


@pytest.mark.parametrize(
    ("fields", "reading", "expected"),
    [
        ((), Reading(speed=100), "00 00 64 00"),
        (
            (Field.DISTANCE, Field.ENERGY, Field.ELAPSED),
            Reading(speed=250, distance=1_234, kilocalories=56, elapsed=600),
            "84 04 FA 00 D2 04 00 38 00 FF FF FF 58 02",
        ),
        (
            (Field.AVERAGE_SPEED, Field.DISTANCE, Field.ENERGY, Field.ELAPSED, Field.STEPS),
            Reading(250, 217, 1_446, 0, 85, 2_391, 0, 3_571),
            "86 24 fa 00 d9 00 a6 05 00 55 00 ff ff ff 57 09 f3 0d 00",
        ),
        ((Field.INCLINE,), Reading(speed=80, incline=-15), "08 00 50 00 F1 FF FF 7F"),
        ((Field.PACE,), Reading(speed=600, pace=1), "20 00 58 02 01"),
        ((Field.AVERAGE_PACE,), Reading(speed=600, pace=1), "40 00 58 02 01"),
        ((Field.METABOLIC,), Reading(), "00 02 00 00 00"),
        ((Field.ELEVATION, Field.FORCE), Reading(), "10 10 00 00 00 00 00 00 FF 7F FF 7F"),
        (
            (Field.HEART_RATE, Field.REMAINING),
            Reading(speed=150, heart_rate=112, remaining=900),
            "00 09 96 00 70 84 03",
        ),
        (
            (Field.AVERAGE_SPEED, Field.ENERGY),
            Reading(speed=100, unknown_as_7fff=True),
            "82 00 64 00 FF 7F FF 7F FF 7F 7F",
        ),
    ],
)
def test_a_reading_becomes_the_specified_bytes(fields, reading, expected):
    assert Layout(fields).encode(reading) == bytes.fromhex(expected)


def test_a_part_with_more_data_carries_no_speed():
    layout = Layout((Field.DISTANCE,), speed=False)
    assert layout.encode(Reading(speed=150, distance=420)) == bytes.fromhex("05 00 A4 01 00")


def test_bit_13_can_be_set_without_bytes():
    assert Layout((), empty_bit_13=True).encode(Reading(speed=100)) == bytes.fromhex("00 20 64 00")


def test_a_frame_can_be_cut_while_its_flags_promise_more():
    layout = Layout((Field.DISTANCE, Field.ENERGY), longest=6)
    assert layout.encode(Reading(speed=100, distance=5)) == bytes.fromhex("84 00 64 00 05 00")


def test_values_that_do_not_fit_stay_at_the_largest():
    layout = Layout((Field.DISTANCE,))
    assert layout.encode(Reading(speed=70_000, distance=2**25)) == bytes.fromhex("0400FFFFFFFFFF")


def test_ranges_are_the_real_ones():
    assert frames.encode_speed_range(80, 2_000, 10) == bytes.fromhex("50 00 D0 07 0A 00")
    assert frames.encode_incline_range(-30, 150, 5) == bytes.fromhex("E2 FF 96 00 05 00")


def test_statuses_are_the_specified_ones():
    assert frames.encode_speed_status(250) == bytes.fromhex("05 FA 00")
    assert frames.encode_incline_status(-5) == bytes.fromhex("06 FB FF")
    assert frames.encode_answer(0x07, 0x04) == bytes.fromhex("80 07 04")
