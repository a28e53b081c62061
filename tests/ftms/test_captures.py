"""Frames recorded from real treadmills, and the values that their owners read off the console."""

from __future__ import annotations

import json

import pytest

from backstride.domain.machine import SpeedRange
from backstride.ftms.codec import Answer, decode_answer, decode_status, decode_training
from backstride.ftms.features import Features, decode_features, decode_speed_range
from backstride.ftms.frames import decode
from backstride.ftms.records import Records
from backstride.ftms.rejections import Rejected, Tally

SPELLINGS = {
    "speed": ("speed", 100),
    "avg": ("average_speed", 100),
    "distance": ("distance", 1),
    "incline": ("incline", 10),
    "kcal": ("energy", 1),
    "calories": ("energy", 1),
    "kcal_h": ("energy_hour", 1),
    "caloriesPerHour": ("energy_hour", 1),
    "kcal_min": ("energy_minute", 1),
    "caloriesPerMinute": ("energy_minute", 1),
    "hr": ("heart_rate", 1),
    "heartRate": ("heart_rate", 1),
    "elapsed": ("elapsed", 1),
    "power": ("power", 1),
    "steps": ("steps", 1),
}


def load(captures, name):
    lines = (captures / name).read_text().splitlines()
    return [entry | {"raw": bytes.fromhex(entry["hex"])} for entry in map(json.loads, lines)]


@pytest.fixture
def citysports(captures):
    return load(captures, "citysports-a.jsonl")


@pytest.fixture
def quoted(captures):
    return load(captures, "quoted-frames.jsonl")


def test_every_author_read_what_we_read(quoted):
    checked = 0
    for entry in quoted:
        if entry["char"] != "2ACD" or "expect_author" not in entry:
            continue
        frame = decode(entry["raw"])
        for key, value in entry["expect_author"].items():
            field, scale = SPELLINGS[key]
            assert round(value * scale) == getattr(frame, field), (entry["id"], key)
            checked += 1
    assert checked >= 30


def test_the_speeds_in_the_notes_are_ours(quoted):
    noted = {
        entry["id"]: decode(entry["raw"]).speed
        for entry in quoted
        if entry["model"] == "Sperax RM-01"
    }
    expected = {"sperax-rm-01-1": 100, "sperax-rm-01-2": 100, "sperax-rm-01-3": 30}
    assert expected == noted


def test_a_matrix_record_in_two_parts_becomes_one(quoted, hand_clock):
    raw = {entry["id"]: entry["raw"] for entry in quoted}
    records = Records(1, Tally(hand_clock))
    assert records.take(raw["matrix-treadmill-6"], 0) is None
    record = records.take(raw["matrix-treadmill-7"], 30)
    expected = (113, 0, 54, 204, 5)
    assert expected == (
        record.speed,
        record.incline,
        record.distance,
        record.elapsed,
        record.energy,
    )


def test_the_speed_range_of_the_citysports_is_what_the_file_states(citysports):
    stated = [e for e in citysports if e["char"] == "2AD4" and "expect" in e]
    assert stated
    for entry in stated:
        bounds = entry["expect"]
        expected = SpeedRange(*(round(bounds[key] * 100) for key in ("min", "max", "step")))
        assert expected == decode_speed_range(entry["raw"])


def test_the_citysports_declares_a_speed_target_and_no_incline(citysports):
    expected = Features(
        reports_distance=True, reports_elapsed=True, reports_steps=True, sets_speed=True
    )
    read = {decode_features(e["raw"]) for e in citysports if e["char"] == "2ACC"}
    assert {expected} == read


def test_every_recorded_telemetry_frame_is_a_whole_record(citysports, hand_clock):
    tally = Tally(hand_clock)
    records = Records(1, tally)
    seen = []
    for number, entry in enumerate(e for e in citysports if e["char"] == "2ACD"):
        seen.append(records.take(entry["raw"], number * 200))
    assert None not in seen
    assert not tally.counts
    speeds = {record.speed for record in seen}
    assert 0 in speeds
    assert max(speeds) <= 600
    assert all(record.steps is not None and record.incline is None for record in seen)


def test_every_recorded_answer_is_a_success_of_the_command_before_it(citysports):
    pending = None
    answered = 0
    for entry in citysports:
        if entry["char"] != "2AD9":
            continue
        if entry["dir"] == "write":
            pending = entry["raw"][0]
            continue
        assert Answer(pending, 1) == decode_answer(entry["raw"])
        answered += 1
    assert answered == 39


def test_every_recorded_status_can_be_read(citysports, quoted):
    readers = {"2ADA": decode_status, "2AD3": decode_training}
    read = [
        readers[entry["char"]](entry["raw"])
        for entry in citysports + quoted
        if entry["char"] in readers
    ]
    assert len(read) > 40
    assert not [report for report in read if isinstance(report, Rejected)]
