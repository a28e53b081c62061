"""Quantities in text and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstride.domain.errors import UnitError
from backstride.domain.units import (
    DURATION_LIMIT,
    INCLINE_LIMIT,
    SECOND,
    SPEED_LIMIT,
    parse_duration,
    parse_incline,
    parse_speed,
    show_duration,
    show_incline,
    show_speed,
)

PARSERS = [parse_speed, parse_incline, parse_duration]


@pytest.mark.parametrize(
    ("text", "speed"),
    [
        ("1.2 km/h", 1_20),
        ("1.2km/h", 1_20),
        (" 1.2   km/h\n", 1_20),
        ("1 km/h", 1_00),
        ("01.20 km/h", 1_20),
        ("1.999999 km/h", 1_99),
        ("0 km/h", 0),
        ("0.009 km/h", 0),
        ("0.01 km/h", 1),
        ("0.8 mph", 1_28),
        ("1 mph", 1_60),
        ("0.5 m/s", 1_80),
        ("25 km/h", SPEED_LIMIT),
        ("25.009 km/h", SPEED_LIMIT),
        ("15.53 mph", 24_99),
    ],
)
def test_a_speed_is_read_and_rounded_down(text, speed):
    assert speed == parse_speed(text)


@pytest.mark.hazard("H04", "H20")
@pytest.mark.parametrize(
    "text", ["25.01 km/h", "-1 km/h", "-0 km/h", "15.55 mph", "6.95 m/s", "999999 km/h"]
)
def test_a_speed_beyond_any_treadmill_or_below_zero_is_refused(text):
    with pytest.raises(UnitError):
        parse_speed(text)


@pytest.mark.parametrize(
    ("text", "incline"),
    [
        ("1 %", 10),
        ("2.5%", 25),
        ("0 %", 0),
        ("-1 %", -10),
        ("0.19 %", 1),
        ("-0.01 %", -1),
        ("40 %", INCLINE_LIMIT),
        ("-40 %", -INCLINE_LIMIT),
    ],
)
def test_an_incline_is_read_and_rounded_down(text, incline):
    assert incline == parse_incline(text)


@pytest.mark.parametrize("text", ["40.1 %", "-40.1 %"])
def test_an_incline_beyond_any_deck_is_refused(text):
    with pytest.raises(UnitError):
        parse_incline(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90 s", 90_000),
        ("90s", 90_000),
        ("2 min", 120_000),
        ("1:30", 90_000),
        ("0:00", 0),
        ("100:59", 6_059_000),
        ("500 ms", 500),
        ("0.5 h", 1_800_000),
        ("1.5 ms", 1),
        ("24 h", DURATION_LIMIT),
    ],
)
def test_a_duration_is_read(text, ms):
    assert ms == parse_duration(text)


@pytest.mark.parametrize(
    "text", ["24.01 h", "-1 s", "1:60", "1:5", "-1:30", "1:30:00", "1000:00", ":30"]
)
def test_a_duration_that_is_none_is_refused(text):
    with pytest.raises(UnitError):
        parse_duration(text)


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "1", "1.5", "km/h", "nan", "nan km/h", "inf s", "1e3 s", "1,5 km/h", ".5 km/h"],
        *["1. km/h", "+1 km/h", "1 2 km/h", "1_0 s", "0x10 s", "1 KM/H", "1 kmh", "1 sec"],
        *["1 km/h km/h", "1\x00km/h", "1\N{NO-BREAK SPACE}km/h", "1 furlong", "--1 %"],
        *["\N{ARABIC-INDIC DIGIT THREE} km/h", "\N{MINUS SIGN}1 s", "1111111 s", "0.1111111 s"],
    ],
)
def test_a_text_that_is_no_quantity_is_refused_by_every_parser(parse, text):
    with pytest.raises(UnitError) as caught:
        parse(text)
    assert text == caught.value.text
    assert "write for example" in str(caught.value)


@pytest.mark.hazard("H20")
@settings(derandomize=True)
@given(st.text(max_size=20))
def test_any_text_is_a_quantity_or_a_unit_error(text):
    for parse in PARSERS:
        try:
            value = parse(text)
        except UnitError:
            continue
        assert isinstance(value, int)


@settings(derandomize=True)
@given(st.integers(0, SPEED_LIMIT))
def test_a_speed_survives_being_shown_and_read(speed):
    assert speed == parse_speed(show_speed(speed))


@settings(derandomize=True)
@given(st.integers(-INCLINE_LIMIT, INCLINE_LIMIT))
def test_an_incline_survives_being_shown_and_read(incline):
    assert incline == parse_incline(show_incline(incline))


@settings(derandomize=True)
@given(st.integers(0, 3_599_999))
def test_a_duration_below_an_hour_survives_in_whole_seconds(ms):
    assert ms // SECOND * SECOND == parse_duration(show_duration(ms))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (show_speed(1_20), "1.2 km/h"),
        (show_speed(2_25), "2.25 km/h"),
        (show_speed(5), "0.05 km/h"),
        (show_speed(0), "0.0 km/h"),
        (show_speed(-10), "-0.1 km/h"),
        (show_incline(25), "2.5 %"),
        (show_incline(-5), "-0.5 %"),
        (show_duration(90_999), "1:30"),
        (show_duration(3_723_000), "1:02:03"),
        (show_duration(59_000), "0:59"),
    ],
)
def test_a_quantity_is_shown_as_treadmills_show_it(shown, expected):
    assert expected == shown
