"""The bytes of a strap: as specified, they are read; as not, they are refused; nothing raises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstride.ftms.heartrate import (
    LONGEST,
    Measurement,
    Place,
    decode_battery,
    decode_measurement,
    decode_place,
)
from backstride.ftms.rejections import Flaw, Rejected


def told(text):
    return decode_measurement(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("00 48", Measurement(bpm=72)),
        ("00 00", Measurement(bpm=0)),
        ("01 48 00", Measurement(bpm=72)),
        ("01 2C 01", Measurement(bpm=300)),
        ("04 48", Measurement(bpm=72, contact=False)),
        ("06 48", Measurement(bpm=72, contact=True)),
        ("02 48", Measurement(bpm=72)),
        ("08 48 10 27", Measurement(bpm=72, energy=10_000)),
        ("10 48 55 03", Measurement(bpm=72, intervals=(853,))),
        ("10 48", Measurement(bpm=72)),
        (
            "1F 48 00 0A 00 55 03 60 03",
            Measurement(bpm=72, contact=True, energy=10, intervals=(853, 864)),
        ),
        ("E0 48", Measurement(bpm=72)),
    ],
)
def test_what_is_specified_is_read(frame, expected):
    assert expected == told(frame)


@pytest.mark.parametrize(
    ("frame", "flaw"),
    [
        ("", Flaw.SHORT),
        ("00", Flaw.SHORT),
        ("01 48", Flaw.CUT),
        ("08 48", Flaw.CUT),
        ("08 48 10", Flaw.CUT),
        ("09 48 00 10", Flaw.CUT),
        ("10 48 55", Flaw.SENSELESS),
        ("18 48 0A 00 55", Flaw.SENSELESS),
        ("00 48 00", Flaw.SENSELESS),
        ("10 48" + " 55 03" * 123, Flaw.SENSELESS),
    ],
)
def test_what_is_not_as_its_flags_say_is_refused(frame, flaw):
    assert Rejected(flaw, bytes.fromhex(frame)) == told(frame)


def test_the_longest_notification_that_is_looked_at_has_247_bytes():
    frame = bytes([0x11, 72, 0]) + bytes(LONGEST - 3)
    assert (72, 122) == (decode_measurement(frame).bpm, len(decode_measurement(frame).intervals))
    assert Flaw.SENSELESS is decode_measurement(frame + bytes(2)).flaw


@pytest.mark.hazard("H30")
@settings(derandomize=True, max_examples=400)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_and_never_raise(frame):
    read = decode_measurement(frame)
    assert isinstance(read, Measurement | Rejected)
    if isinstance(read, Measurement):
        assert 0 <= read.bpm <= 0xFFFF
        assert len(read.intervals) * 2 <= len(frame)
    assert decode_place(frame) is None or len(frame) == 1
    assert (decode_battery(frame) or 0) <= 100


@settings(derandomize=True)
@given(
    st.integers(0, 0xFFFF),
    st.sampled_from([None, False, True]),
    st.one_of(st.none(), st.integers(0, 0xFFFF)),
    st.lists(st.integers(0, 0xFFFF), max_size=9),
    st.booleans(),
)
def test_what_is_written_as_specified_reads_back(bpm, contact, energy, intervals, wide):
    wide = wide or bpm > 0xFF
    flags = wide | {None: 0, False: 4, True: 6}[contact] | (energy is not None) << 3
    flags |= bool(intervals) << 4
    frame = bytes([flags]) + bpm.to_bytes(2 if wide else 1, "little")
    frame += b"" if energy is None else energy.to_bytes(2, "little")
    frame += b"".join(one.to_bytes(2, "little") for one in intervals)
    expected = Measurement(bpm=bpm, contact=contact, energy=energy, intervals=tuple(intervals))
    assert expected == decode_measurement(frame)


@pytest.mark.parametrize(
    ("value", "place"),
    [(b"\0", Place.OTHER), (b"\1", Place.CHEST), (b"\6", Place.FOOT), (b"\7", None), (b"", None),
     (b"\1\1", None)],
)  # fmt: skip
def test_a_place_is_known_or_not(value, place):
    assert place == decode_place(value)


@pytest.mark.parametrize(
    ("value", "charge"), [(b"\0", 0), (b"\x64", 100), (b"\x65", None), (b"", None), (b"\1\1", None)]
)
def test_a_charge_is_between_0_and_100(value, charge):
    assert charge == decode_battery(value)
