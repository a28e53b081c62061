"""Other people's workouts: read by their formats' rules, tightened, never loosened, every change told."""

from __future__ import annotations

from contextlib import suppress

import pytest
from fit_tool.fit_file_builder import FitFileBuilder
from fit_tool.profile.messages.file_id_message import FileIdMessage
from fit_tool.profile.messages.workout_message import WorkoutMessage
from fit_tool.profile.messages.workout_step_message import WorkoutStepMessage
from fit_tool.profile.profile_type import (
    FileType,
    Intensity,
    Sport,
    WorkoutStepDuration,
    WorkoutStepTarget,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from backstride.domain.limits import BACKWARD_TIME
from backstride.domain.workout import Effort, Level, Step, Turn
from backstride.scripts.imports.blocks import Block, Foreign, ImportFailedError
from backstride.scripts.imports.fitting import Bounds, fit
from backstride.scripts.imports.fitworkout import read_fit
from backstride.scripts.imports.markup import read_xml

SITE = Bounds(speed=400, incline=50)
ZWO = b"""<workout_file><author>A</author><name>Easy &amp; short</name><description>two
  sets</description><sportType>run</sportType><workout>
  <Warmup Duration="120" PowerLow="0.25" PowerHigh="0.5"/>
  <SteadyState Duration="60" Power="0.6"><textevent timeoffset="0" message="breathe"/></SteadyState>
  <IntervalsT Repeat="2" OnDuration="30" OffDuration="60" OnPower="1.0" OffPower="0.5"/>
  <FreeRide Duration="60"/>
  <Cooldown Duration="60" PowerLow="0.5" PowerHigh="0.25"/>
</workout></workout_file>"""
QZ = b"""<rows><row duration="00:01:00" speed="1.5" inclination="-2.0" forcespeed="1"/>
  <repeat times="2"><row duration="30" speed="2.5" inclination="1.5"/><row duration="00:00:40" speed="1.0"/>
  </repeat><row duration="00:01:00" speed="fast"/></rows>"""


def speeds(blocks):
    return [(one.duration // 1_000, one.speed, one.end) for one in blocks]


class TestZwo:
    def test_shares_of_the_threshold_become_speeds(self):
        found = read_xml(ZWO, "file", 300)
        assert [
            (120, 75, 150), (60, 180, 180), (30, 300, 300), (60, 150, 150), (30, 300, 300),
            (60, 150, 150), (60, 150, 75),
        ] == speeds(found.blocks)  # fmt: skip
        assert ("Easy & short", "two sets", "breathe") == (
            found.name, found.about, found.blocks[1].cue,
        )  # fmt: skip

    def test_a_step_without_a_speed_is_left_out_and_told(self):
        assert ("step 4 (FreeRide): it names no speed",) == read_xml(ZWO, "file", 300).refused

    def test_without_a_threshold_it_asks_for_one(self):
        with pytest.raises(ImportFailedError, match="--threshold"):
            read_xml(ZWO, "file", None)

    def test_metres_cannot_be_walked_by_time(self):
        text = ZWO.replace(b"<workout>", b"<durationType>distance</durationType><workout>")
        with pytest.raises(ImportFailedError, match="metres"):
            read_xml(text, "file", 300)


class TestQz:
    def test_rows_and_repeats_are_written_out(self):
        found = read_xml(QZ, "my plan", None)
        assert [(60, 150), (30, 250), (40, 100), (30, 250), (40, 100)] == [
            (seconds, speed) for seconds, speed, _ in speeds(found.blocks)
        ]
        assert [-20, 15, 0, 15, 0] == [one.incline for one in found.blocks]
        assert ("my plan", ("row 3: speed is 'fast'",)) == (found.name, found.refused)

    def test_repeats_of_nothing_come_to_an_end(self):
        text = b"<rows>" + b'<repeat times="100">' * 8 + b"</repeat>" * 8 + b"</rows>"
        assert () == read_xml(text, "x", None).blocks

    def test_too_many_steps_are_cut_off_and_told(self):
        row = b'<row duration="20" speed="1"/>'
        inner = b'<repeat times="100">' + row + b"</repeat>"
        text = b'<rows><repeat times="100">' + inner + b"</repeat></rows>"
        found = read_xml(text, "x", None)
        assert (2_000, "too many" in found.refused[-1]) == (len(found.blocks), True)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "no XML"),
        (b"<rows>", "no XML"),
        (b"\xff\xfe\x00", "no XML"),
        (b"<gpx/>", "neither"),
        (b"<workout_file/>", "has no <workout>"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><rows>&a;</rows>', "does not need"),
        (
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><rows>&a;</rows>',
            "does not need",
        ),
        (b" " * 1_000_001, "larger than 1 MB"),
    ],
)
def test_what_is_no_workout_is_refused_with_the_reason(data, text):
    with pytest.raises(ImportFailedError, match=text):
        read_xml(data, "x", 300)


def step(seconds, kmh=None, intensity=Intensity.ACTIVE, **fields):
    made = WorkoutStepMessage()
    made.duration_type, made.duration_time = WorkoutStepDuration.TIME, seconds
    made.target_type = WorkoutStepTarget.OPEN if kmh is None else WorkoutStepTarget.SPEED
    made.intensity = intensity
    if kmh is not None:
        made.target_value = 0
        made.custom_target_speed_low = (kmh - 0.36) / 3.6
        made.custom_target_speed_high = (kmh + 0.36) / 3.6
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def repeat(first, times):
    made = WorkoutStepMessage()
    made.duration_type = WorkoutStepDuration.REPEAT_UNTIL_STEPS_CMPLT
    made.duration_step, made.target_repeat_steps = first, times
    return made


def workout(*steps):
    builder = FitFileBuilder(auto_define=True, min_string_size=50)
    file = FileIdMessage()
    file.type, file.manufacturer, file.product = FileType.WORKOUT, 255, 0
    head = WorkoutMessage()
    head.workout_name, head.sport, head.num_valid_steps = "Tempo", Sport.RUNNING, len(steps)
    for number, message in enumerate((file, head, *steps)):
        message.local_id = min(number, 2)
        if number > 1:
            message.message_index = number - 2
        builder.add(message)
    return builder.build_bytes()


class TestFit:
    def test_steps_by_time_with_a_speed_are_read_and_repeats_written_out(self):
        data = workout(
            step(300, 1.5, Intensity.WARMUP), step(60, 2.5, notes="tall"), step(30, 1.5, Intensity.RECOVERY),
            repeat(1, 3), step(60, 1.0, Intensity.COOLDOWN),
        )  # fmt: skip
        found = read_fit(data, "file")
        assert ("Tempo", ()) == (found.name, found.refused)
        assert [
            (300, 150, 150), *[(60, 250, 250), (30, 150, 150)] * 3, (60, 100, 100),
        ] == speeds(found.blocks)  # fmt: skip
        assert [Effort.WARMUP, Effort.WORK, Effort.RECOVER] == [
            one.effort for one in found.blocks[:3]
        ]
        assert "tall" == found.blocks[1].cue

    def test_what_ends_by_a_button_or_names_no_speed_is_left_out_and_told(self):
        data = workout(
            step(60), step(0, 2.0, duration_type=WorkoutStepDuration.OPEN), step(60, 2.0)
        )
        found = read_fit(data, "file")
        assert (1, ("step 1: it names no speed", "step 2: it does not end by time")) == (
            len(found.blocks), found.refused,
        )  # fmt: skip

    def test_repeats_of_repeats_cannot_grow_without_end(self):
        data = workout(step(20, 1.0), *[repeat(0, 100) for _ in range(6)])
        assert 2_000 == len(read_fit(data, "file").blocks)

    @pytest.mark.parametrize("data", [b"", b"\x0e\x20", b"not a FIT file at all", bytes(200)])
    def test_what_is_no_fit_file_is_refused(self, data):
        with pytest.raises(ImportFailedError, match="no FIT file"):
            read_fit(data, "x")

    @given(cut=st.integers(0, 400), flip=st.integers(0, 400), bit=st.integers(0, 7))
    @settings(max_examples=60, deadline=None)
    def test_a_damaged_file_is_refused_or_read_and_nothing_else(self, cut, flip, bit):
        data = bytearray(workout(step(60, 2.0), step(30, 1.5), repeat(0, 2)))
        data[flip % len(data)] ^= 1 << bit
        with suppress(ImportFailedError):
            found = read_fit(bytes(data[: len(data) - cut % len(data)]), "x")
            assert len(found.blocks) <= 2_000


# -- fitting -------------------------------------------------------------------------------------


def block(seconds, speed, ramp_to=None, **fields):
    given = {"where": "step 1", "effort": Effort.WORK, "duration": seconds * 1_000} | fields
    return Block(speed=speed, ramp_to=ramp_to, **given)


def fitted(*blocks, bounds=SITE):
    return fit(Foreign(name="x", about="", blocks=blocks), bounds, "x")


def middle(result):
    """The steps between the two turns."""
    steps = result.program.steps
    assert isinstance(steps[1], Turn)
    assert isinstance(steps[-2], Turn)
    return [(one.duration // 1_000, one.speed, one.ramp_to) for one in steps[2:-2]]


def test_forward_minutes_and_turns_are_put_around():
    result = fitted(block(60, 150))
    first, turn, _, back, last = result.program.steps
    assert (Effort.WARMUP, Effort.COOLDOWN, 120_000) == (first.effort, last.effort, last.duration)
    assert ("backward", "forward", "forward") == (turn.to, back.to, result.program.facing)
    assert ("added: 2:00 facing forward before and after, and the turns",) == result.tightened


def test_what_is_above_the_sites_limit_is_lowered_and_told():
    result = fitted(block(60, 150), block(120, 1_000))
    assert "step 1: 10 km/h lowered to 4 km/h" in " ".join(result.tightened).replace(".0 km", " km")
    assert 400 == result.program.max_speed


def test_scaling_keeps_the_relation_of_speeds():
    result = fitted(block(60, 1_000), block(60, 500), bounds=Bounds(speed=400, incline=0, top=200))
    assert [(60, 200, None), (60, 100, None)] == middle(result)


def test_scaling_never_raises():
    result = fitted(block(60, 100), bounds=Bounds(speed=400, incline=0, top=200))
    assert [(60, 100, None)] == middle(result)


def test_a_jump_becomes_a_ramp_out_of_the_steps_own_time():
    assert [(60, 150, None), (20, 150, 350), (40, 350, None)] == middle(
        fitted(block(60, 150), block(60, 350))
    )


def test_a_jump_without_time_goes_as_far_as_there_is_time():
    assert [(60, 100, None), (12, 100, 220)] == middle(fitted(block(60, 100), block(12, 400)))


def test_backward_walking_begins_at_two_kilometres_an_hour_at_most():
    assert [(10, 200, 300), (50, 300, None)] == middle(fitted(block(60, 300)))


def test_downhill_is_level_and_what_is_too_steep_is_less_so():
    result = fitted(block(60, 100, incline=-30), block(60, 100, incline=120))
    steps = result.program.steps[2:-2]
    assert ([0, 50], 50) == ([one.incline for one in steps], result.program.max_incline)


def test_what_is_beyond_the_longest_time_backward_is_refused_from_there_on():
    result = fitted(block(1_200, 150), block(1_200, 150), block(60, 150))
    assert [1_200, 600] == [seconds for seconds, _, _ in middle(result)]
    assert "too long" in result.refused[0]


def test_a_workout_of_which_nothing_is_left_is_refused_with_the_reason():
    with pytest.raises(ImportFailedError, match="shorter than 10 s"):
        fitted(block(5, 150))


@pytest.mark.parametrize(("speed", "level"), [(200, Level.CAUTIOUS), (210, Level.REGULAR)])
def test_its_level_is_that_of_its_speed(speed, level):
    assert level is fitted(block(120, 150), block(120, speed)).program.level


_BLOCKS = st.builds(
    Block,
    where=st.sampled_from(["step 1", "row 2"]),
    effort=st.sampled_from(Effort),
    duration=st.integers(0, 4_000_000),
    speed=st.integers(0, 3_000),
    ramp_to=st.none() | st.integers(0, 3_000),
    incline=st.integers(-500, 500),
    cue=st.none() | st.text(max_size=200),
)
_BOUNDS = st.builds(
    Bounds,
    speed=st.integers(50, 550),
    incline=st.integers(0, 100),
    backward=st.integers(60_000, BACKWARD_TIME),
    top=st.none() | st.integers(50, 3_000),
)


@pytest.mark.hazard("H04", "H21")
@given(
    foreign=st.builds(
        Foreign, name=st.text(max_size=80), about=st.text(max_size=300),
        blocks=st.lists(_BLOCKS, max_size=8).map(tuple),
    ),
    bounds=_BOUNDS,
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_is_imported_the_strict_reader_takes_it_and_no_limit_is_broken(foreign, bounds):
    try:
        program = fit(foreign, bounds, "x").program
    except ImportFailedError:
        assert all(one.duration < 10_000 for one in foreign.blocks)
        return
    steps = [one for one in program.steps if isinstance(one, Step)]
    fastest = max(
        max(one.speed, one.speed if one.ramp_to is None else one.ramp_to) for one in steps
    )
    assert fastest <= max(bounds.speed, 50)
    assert all(0 <= one.incline <= bounds.incline for one in steps)
    assert sum(one.duration for one in steps[1:-1]) <= bounds.backward
