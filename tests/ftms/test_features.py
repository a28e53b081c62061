from __future__ import annotations

import pytest
from bleak.backends.device import BLEDevice

from backstride.domain.machine import BeltStart, InclineRange, SpeedRange
from backstride.ftms.errors import RangeError
from backstride.ftms.features import (
    Features,
    Identity,
    decode_features,
    decode_incline_range,
    decode_speed_range,
)
from backstride.ftms.machine import describe
from backstride.ftms.rejections import Flaw, Rejected

SPEED_ONLY = bytes.fromhex("45 12 00 00 01 00 00 00")
SPEED_AND_INCLINE = bytes.fromhex("5C 16 00 00 03 00 00 00")
SPEEDS = bytes.fromhex("50 00 D0 07 0A 00")
INCLINES = bytes.fromhex("E2 FF 96 00 05 00")
DEVICE = BLEDevice("00:11:22:33:44:55", None, None)


def test_a_machine_that_only_sets_its_speed_says_so():
    expected = Features(
        reports_distance=True, reports_elapsed=True, reports_steps=True, sets_speed=True
    )
    assert expected == decode_features(SPEED_ONLY)


def test_a_machine_that_sets_speed_and_incline_says_so():
    expected = Features(
        reports_distance=True,
        reports_incline=True,
        reports_elapsed=True,
        reports_heart_rate=True,
        reports_steps=True,
        sets_speed=True,
        sets_incline=True,
    )
    assert expected == decode_features(SPEED_AND_INCLINE)


def test_reserved_feature_bits_and_padding_are_ignored():
    assert decode_features(SPEED_ONLY) == decode_features(
        bytes.fromhex("45 12 00 f0 01 00 00 f0 00 00")
    )


def test_short_features_are_rejected():
    assert Rejected(Flaw.SHORT, SPEED_ONLY[:7]) == decode_features(SPEED_ONLY[:7])


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("50 00 D0 07 0A 00", SpeedRange(80, 2_000, 10)),
        ("32 00 62 02 0A 00", SpeedRange(50, 610, 10)),
        ("64 00 58 02 32 00", SpeedRange(100, 600, 50)),
        ("60 00 83 02 20 00", SpeedRange(96, 643, 32)),
        ("00 00 D0 07 0A 00", SpeedRange(10, 2_000, 10)),
    ],
)
def test_speed_ranges_of_real_machines_are_read(frame, expected):
    assert expected == decode_speed_range(bytes.fromhex(frame))


@pytest.mark.parametrize(
    "frame", ["58 02 58 02 0A 00", "58 02 64 00 0A 00", "64 00 58 02 00 00", "00 00 00 00 00 00"]
)
def test_a_speed_range_without_room_or_step_is_refused(frame):
    raw = bytes.fromhex(frame)
    assert Rejected(Flaw.SENSELESS, raw) == decode_speed_range(raw)


def test_an_incline_range_below_zero_is_read():
    assert InclineRange(-30, 150, 5) == decode_incline_range(INCLINES)


@pytest.mark.parametrize(
    "frame", ["00 00 00 00 00 00", "96 00 E2 FF 05 00", "00 00 96 00 00 00", "00 00 E8 03 01 00"]
)
def test_an_incline_range_without_sense_is_refused(frame):
    raw = bytes.fromhex(frame)
    assert Rejected(Flaw.SENSELESS, raw) == decode_incline_range(raw)


def identity(**changes):
    known = {
        "model": "T1",
        "serial_number": "42",
        "features": SPEED_AND_INCLINE,
        "speed_range": SPEEDS,
        "incline_range": INCLINES,
    }
    return Identity(**(known | changes))


def test_a_machine_is_described_in_integers():
    machine = describe(DEVICE, identity(), BeltStart.CONSOLE)
    assert SpeedRange(80, 2_000, 10) == machine.speed
    assert InclineRange(-30, 150, 5) == machine.incline
    assert (
        machine.reports_incline,
        machine.reports_distance,
        machine.reports_elapsed,
        machine.reports_heart_rate,
        machine.reports_steps,
    ) == (True, True, True, True, True)
    assert machine.name is None


@pytest.mark.parametrize(
    "changes",
    [
        {"features": SPEED_ONLY},
        {"features": b""},
        {"incline_range": b""},
        {"incline_range": bytes(6)},
    ],
)
def test_an_incline_that_is_not_declared_or_without_range_is_none(changes):
    assert describe(DEVICE, identity(**changes), BeltStart.CONSOLE).incline is None


@pytest.mark.parametrize("speed_range", [b"", bytes(6), b"\x01"])
def test_a_machine_without_a_sensible_speed_range_is_refused(speed_range):
    with pytest.raises(RangeError, match="makes no sense"):
        describe(DEVICE, identity(speed_range=speed_range), BeltStart.CONSOLE)


def test_the_fingerprint_is_the_same_each_time():
    assert identity().fingerprint == identity().fingerprint
    assert len(identity().fingerprint) == 16


@pytest.mark.hazard("H19")
@pytest.mark.parametrize(
    "field",
    ["manufacturer", "model", "serial_number", "features", "speed_range", "incline_range"],
)
def test_the_fingerprint_changes_with_each_part_of_the_identity(field):
    other = b"\x01" if field in {"features", "speed_range", "incline_range"} else "other"
    assert identity().fingerprint != identity(**{field: other}).fingerprint
