"""What is exported is read back by those who read it: two FIT decoders, an XML parser, csv and json."""

from __future__ import annotations

import csv
import io
import json
import time

import fitdecode
import garmin_fit_sdk
import pytest
from defusedxml import ElementTree
from msgspec.structs import replace

from backstride.domain.record import Head, Lap, Record, Said, Sample, Trouble
from backstride.domain.workout import Effort, Facing, Level
from backstride.history.export import ExportError, Format, encode, file_name, save
from backstride.history.stretch import stretch_of, stretches

STARTED = 1_795_201_234_200  # 2026-11-20T19:00:34.200Z
BACK, FRONT = Facing.BACKWARD, Facing.FORWARD
NS = {
    "t": "http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2",
    "x": "http://www.garmin.com/xmlschemas/ActivityExtension/v2",
}


def sample(second):
    """The third second is one in which the machine said nothing."""
    if second == 3:
        return Sample(at=3_000, setpoint=100, facing=BACK)
    return Sample(
        at=second * 1_000, speed=100 + 10 * (second % 60), setpoint=100, incline=15,
        heart_rate=90 + second % 60, steps=2 * second, distance=second, energy=5 * second,
        facing=FRONT if second < 2 else BACK,
    )  # fmt: skip


RECORD = Record(
    head=Head(
        id="b00t-0001", treadmill="home", program="first-steps", program_name="First steps backward",
        level=Level.BEGINNER, started=STARTED, offset=60, walker="anna", length=8_500,
        outcome="completed", completed=True, walked=8_000, backward=6_000, distance=7, steps=14,
        top_speed=170, top_incline=15, energy=35, heart_rate_mean=93, heart_rate_max=97, alarms=1,
        effort=11, pain=0,
    ),
    samples=tuple(sample(second) for second in range(8)),
    laps=(
        Lap(index=0, effort=Effort.WARMUP, facing=FRONT, start=0, end=2_000, speed=100, ramp_to=100),
        Lap(index=1, effort=Effort.WORK, facing=BACK, start=2_000, end=6_000, speed=100, ramp_to=150),
        Lap(index=2, effort=Effort.RECOVER, facing=BACK, start=6_000, speed=100, ramp_to=100),
    ),
    said=(Said(at=500, kind="faster", text="faster, 1.0 km/h", heard=True),),
    troubles=(Trouble(at=4_000, cause="stale", action="hold", sentence="no telemetry"),),
)  # fmt: skip
EMPTY = Record(head=replace(RECORD.head, length=0, walked=0, distance=None, energy=None))


def by_fitdecode(data):
    with fitdecode.FitReader(io.BytesIO(data), check_crc=fitdecode.CrcCheck.RAISE) as reader:
        frames = [one for one in reader if one.frame_type == fitdecode.FIT_FRAME_DATA]
    return [(one.name, {f.name: f.value for f in one.fields}) for one in frames]


def by_garmin(data):
    def decoder():
        return garmin_fit_sdk.Decoder(garmin_fit_sdk.Stream.from_byte_array(bytearray(data)))

    assert (True, True) == (decoder().is_fit(), decoder().check_integrity())
    messages, errors = decoder().read()
    assert [] == errors
    return messages


@pytest.fixture(scope="module")
def data():
    return encode(RECORD, Format.FIT)


@pytest.fixture(scope="module")
def garmin(data):
    return by_garmin(data)


@pytest.fixture(scope="module")
def root():
    return ElementTree.fromstring(encode(RECORD, Format.TCX))


class TestFit:
    def test_both_decoders_find_a_treadmill_walk_of_three_laps(self, data, garmin):
        names = [name for name, _ in by_fitdecode(data)]
        assert (8, 3, 1) == tuple(names.count(one) for one in ("record", "lap", "session"))
        [session] = garmin["session_mesgs"]
        assert ("walking", "treadmill", 3) == (
            session["sport"], session["sub_sport"], session["num_laps"],
        )  # fmt: skip

    def test_a_record_has_speed_slope_heart_rate_and_distance(self, data):
        [_, second, *_] = [fields for name, fields in by_fitdecode(data) if name == "record"]
        assert second["enhanced_speed"] == pytest.approx(1.1 / 3.6, abs=0.001)
        assert (1.5, 91, 1.0) == (second["grade"], second["heart_rate"], second["distance"])

    def test_setpoint_direction_and_steps_are_developer_fields_that_describe_themselves(
        self, data, garmin
    ):
        described = {one["field_name"]: one["units"] for one in garmin["field_description_mesgs"]}
        assert {"setpoint": "km/h", "direction": "1 is rearward", "steps": "steps"} == described
        last = [fields for name, fields in by_fitdecode(data) if name == "record"][-1]
        assert (1.0, 1, 14) == (last["setpoint"], last["direction"], last["steps"])
        by_number = garmin["record_mesgs"][-1]["developer_fields"]
        assert {0: 1.0, 1: 1, 2: 14} == by_number

    def test_what_the_machine_did_not_say_is_not_there(self, garmin):
        silent = garmin["record_mesgs"][3]
        assert {"timestamp", "developer_fields"} == {
            name for name, value in silent.items() if value is not None
        }

    def test_laps_tell_what_they_were_for_and_add_up_to_the_session(self, garmin):
        laps, [session] = garmin["lap_mesgs"], garmin["session_mesgs"]
        assert ["warmup", "active", "recovery"] == [lap["intensity"] for lap in laps]
        assert [2.0, 4.0, 2.5] == [lap["total_elapsed_time"] for lap in laps]
        assert session["total_distance"] == sum(lap["total_distance"] for lap in laps) == 7.0
        assert (97, 8.0) == (session["max_heart_rate"], session["total_timer_time"])

    def test_it_begins_when_the_session_began_in_the_time_of_the_place(self, garmin):
        assert STARTED // 1_000 == int(garmin["session_mesgs"][0]["start_time"].timestamp())
        assert "activity" == garmin["file_id_mesgs"][0]["type"]
        [activity] = garmin["activity_mesgs"]
        ended = int(activity["timestamp"].timestamp())
        epoch = 631_065_600
        assert 3_600 == activity["local_timestamp"] + epoch - ended

    def test_a_jog_is_a_run(self):
        fast = replace(RECORD, head=replace(RECORD.head, top_speed=700))
        assert "running" == by_garmin(encode(fast, Format.FIT))["session_mesgs"][0]["sport"]

    def test_a_session_without_a_single_sample_is_a_valid_file(self):
        assert 1 == len(by_garmin(encode(EMPTY, Format.FIT))["session_mesgs"])


class TestTcx:
    def test_it_has_the_laps_with_their_distance_and_time(self, root):
        laps = root.findall(".//t:Lap", NS)
        assert [2.0, 4.0, 2.5] == [float(lap.find("t:TotalTimeSeconds", NS).text) for lap in laps]
        assert [1.0, 4.0, 2.0] == [float(lap.find("t:DistanceMeters", NS).text) for lap in laps]
        assert ["Active", "Active", "Resting"] == [lap.find("t:Intensity", NS).text for lap in laps]

    def test_every_sample_is_a_point_at_its_time(self, root):
        points = root.findall(".//t:Trackpoint", NS)
        assert (8, "2026-11-20T19:00:35.200Z") == (len(points), points[1].find("t:Time", NS).text)
        assert "0.306" == points[1].find(".//x:Speed", NS).text
        assert None is points[3].find(".//x:Speed", NS)

    def test_elements_come_in_the_order_that_its_schema_asks_for(self, root):
        names = [one.tag.partition("}")[2] for one in root.find(".//t:Lap", NS)]
        assert names == [
            "TotalTimeSeconds", "DistanceMeters", "MaximumSpeed", "Calories", "AverageHeartRateBpm",
            "MaximumHeartRateBpm", "Intensity", "TriggerMethod", "Track",
        ]  # fmt: skip

    def test_a_session_without_segments_is_one_lap(self):
        root = ElementTree.fromstring(encode(replace(RECORD, laps=()), Format.TCX))
        assert 1 == len(root.findall(".//t:Lap", NS))


def test_csv_has_a_row_for_each_second_with_units_and_empty_cells():
    rows = list(csv.DictReader(io.StringIO(encode(RECORD, Format.CSV).decode())))
    assert (8, "1.1", "1.5", "backward", "2") == (
        len(rows), rows[1]["speed km/h"], rows[1]["incline %"], rows[2]["facing"], rows[2]["segment"],
    )  # fmt: skip
    assert ("", "") == (rows[3]["speed km/h"], rows[3]["heart rate 1/min"])
    assert ["warmup", "warmup", "work"] == [row["effort"] for row in rows[:3]]


def test_json_has_everything_in_units_that_people_use():
    told = json.loads(encode(RECORD, Format.JSON))
    assert (11, 0, "anna", 1.7, 0.35) == (
        told["effort"], told["pain"], told["walker"], told["top_speed"], told["energy"],
    )  # fmt: skip
    assert (8, 3, 1, 1) == tuple(len(told[one]) for one in ("samples", "laps", "cues", "alarms"))
    assert None is told["samples"][3]["speed"]
    assert 25 == told["energy_uncertainty"]


def test_a_stretch_counts_from_where_the_one_before_it_ended():
    parts = [part for _, part in stretches(RECORD)]
    assert [1, 4, 2] == [part.distance for part in parts]
    assert stretch_of(RECORD).distance == sum(part.distance for part in parts)
    assert [5, 20, 10] == [part.energy for part in parts]


def test_names_sort_by_the_time_of_the_place_and_hold_nothing_strange():
    assert "2026-11-20-2000-first-steps-0t0001.fit" == file_name(RECORD.head, Format.FIT)
    odd = replace(RECORD.head, program="../Ä b")
    assert "2026-11-20-2000-b-0t0001.csv" == file_name(odd, Format.CSV)


@pytest.mark.parametrize("form", Format)
def test_a_file_is_written_whole_and_again_over_itself(tmp_path, form):
    first = save(RECORD, form, tmp_path / "new" / "folder")
    again = save(RECORD, form, tmp_path / "new" / "folder")
    assert (first, [first]) == (again, list(first.parent.iterdir()))
    assert [0o600, 0o700] == [each.stat().st_mode & 0o777 for each in (first, first.parent)]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        save(RECORD, Format.CSV, tmp_path / "file" / "below")


def test_an_hour_is_written_in_a_moment(record_property):
    hour = replace(RECORD, samples=tuple(sample(second) for second in range(3_600)))
    began = time.perf_counter()
    size = len(encode(hour, Format.FIT))
    took = time.perf_counter() - began
    record_property(
        "figure", f"FIT: an hour of samples is {size // 1000} kB, written in {took:.1f} s"
    )
    assert took < 20
