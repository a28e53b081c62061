from __future__ import annotations

import pytest

from backstride.domain.events import Telemetry
from backstride.ftms.records import Records
from backstride.ftms.rejections import QUIET, Flaw, Tally

FIRST_PART = bytes.fromhex("8D 00 A4 01 00 0A 00 06 00 15 00 F0 00 04")
LAST_PART = bytes.fromhex("00 0D 96 00 70 2C 01 84 03")
STEPS = bytes.fromhex("01 20 01 02 00")
SPEED = bytes.fromhex("00 00 64 00")


@pytest.fixture
def tally(hand_clock):
    return Tally(hand_clock)


@pytest.fixture
def records(tally):
    return Records(3, tally)


def test_parts_become_one_record_when_the_last_arrives(records):
    assert records.take(FIRST_PART, 1_000) is None
    expected = Telemetry(
        at=1_030,
        epoch=3,
        speed=150,
        incline=10,
        distance=420,
        elapsed=300,
        energy=21,
        heart_rate=112,
    )
    assert expected == records.take(LAST_PART, 1_030)


def test_a_part_older_than_a_second_is_given_up(records, tally):
    records.take(FIRST_PART, 1_000)
    record = records.take(LAST_PART, 2_001)
    assert (record.speed, record.incline, record.distance) == (150, None, None)
    assert tally.counts == {"data.abandoned": 1}


def test_a_part_of_exactly_a_second_still_counts(records):
    records.take(FIRST_PART, 1_000)
    assert records.take(LAST_PART, 2_000).distance == 420


def test_a_new_first_part_replaces_one_whose_last_part_was_lost(records, tally):
    records.take(FIRST_PART, 1_000)
    records.take(bytes.fromhex("05 00 A5 01 00"), 1_500)
    record = records.take(LAST_PART, 1_530)
    assert (record.distance, record.incline) == (421, None)
    assert tally.counts == {"data.abandoned": 1}


def test_nothing_is_carried_from_one_record_to_the_next(records):
    records.take(FIRST_PART, 1_000)
    records.take(LAST_PART, 1_030)
    assert Telemetry(at=1_500, epoch=3, speed=100) == records.take(SPEED, 1_500)


def test_steps_alone_wait_for_the_next_record(records):
    assert records.take(SPEED, 1_000).speed == 100
    assert records.take(STEPS, 1_010) is None
    assert Telemetry(at=2_030, epoch=3, speed=100, steps=513) == records.take(SPEED, 2_030)


def test_steps_alone_are_forgotten_when_no_record_comes(records):
    records.take(STEPS, 1_000)
    assert records.take(SPEED, 4_001).steps is None


def test_the_same_bytes_twice_in_an_instant_are_one_record(records, tally):
    assert records.take(SPEED, 1_000) is not None
    assert records.take(SPEED, 1_005) is None
    assert records.take(SPEED, 1_037) is not None
    assert tally.counts == {"data.duplicate": 1}


def test_each_field_has_an_age_of_its_own(records):
    records.take(bytes.fromhex("04 00 64 00 05 00 00"), 1_000)
    records.take(bytes.fromhex("08 00 64 00 0A 00 00 00"), 1_500)
    assert records.ages(1_600) == {"speed": 100, "distance": 600, "incline": 100}
    assert records.age("heart_rate", 1_600) is None


def test_a_heart_rate_of_zero_is_no_heart_rate(records):
    assert records.take(bytes.fromhex("00 01 64 00 00"), 1_000).heart_rate is None


def test_a_speed_that_the_machine_does_not_know_is_unknown_not_zero(records):
    assert Telemetry(at=1, epoch=3) == records.take(bytes.fromhex("00 00 ff ff"), 1)


def test_a_cut_frame_counts_and_is_used(records, tally):
    assert records.take(bytes.fromhex("9e 1f 51 00 b2 00 58 00 00 00 00 ff"), 1).speed == 81
    assert tally.counts == {"data.cut": 1}


def test_ten_thousand_random_frames_are_records_parts_or_counted(records, tally, rng):
    records_seen = parts_or_flaws = 0
    at = 0
    for _ in range(10_000):
        at += rng.randrange(2_000)
        frame = rng.randbytes(rng.randrange(40))
        record = records.take(frame, at)
        if record is None:
            parts_or_flaws += 1
        else:
            records_seen += 1
            assert at == record.at
    counts = tally.counts
    assert records_seen + parts_or_flaws == 10_000
    assert counts["data.short"] > 500
    assert counts["data.cut"] > 500
    assert parts_or_flaws >= counts["data.short"]


def test_flaws_are_logged_once_a_minute_with_their_count(capsys, hand_clock):
    tally = Tally(hand_clock, treadmill="bench")
    for at in (0, 1, 2, QUIET - 1, QUIET, QUIET + 1):
        hand_clock.time = at
        tally.add("data", Flaw.SHORT, b"\x00")
    logged = [line for line in capsys.readouterr().out.splitlines() if "frame flawed" in line]
    assert len(logged) == 2
    assert tally.counts == {"data.short": 6}
