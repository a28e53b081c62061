"""The programs that come with Backstride, held against the facts that they cite."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from backstride.domain.envelope import admit, envelope
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.domain.units import MINUTE, SECOND
from backstride.domain.workout import Effort, Facing, Level, flatten
from backstride.scripts.catalogue import Catalogue, shipped_dir

IDS = [
    "backward-jog",
    "cautious",
    "demo",
    "easy-intervals",
    "endurance",
    "first-steps",
    "forward-backward",
    "hill",
    "knee-friendly",
]
FLOOR = 50
IDEAL = Machine(
    address="00:00:00:00:00:01",
    name="Ideal",
    fingerprint="ideal",
    speed=SpeedRange(FLOOR, 1200, 10),
    incline=InclineRange(0, 100, 5),
    belt_start=BeltStart.REMOTE,
)
HEALTH_CLAIMS = re.compile(
    r"\b(heal|cure|safe|prevent|relie[fv]|therap|strengthen|pain[- ]free|burns?)\w*", re.IGNORECASE
)


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue.load()


@pytest.fixture(params=IDS)
def program(request, catalogue):
    return catalogue.get(request.param)


@pytest.fixture
def workout(program):
    return flatten(program, FLOOR)


def test_exactly_these_programs_are_shipped_and_all_are_right(catalogue):
    assert (IDS, ()) == (list(catalogue.ids), catalogue.errors)


def test_an_ideal_machine_admits_it_under_the_default_rules(program, workout):
    jog = SiteRules(jog=True, caps=Caps(reason="a coach unlocked jogs", speed=800))
    site = jog if program.level is Level.LOCKED else SiteRules()
    assert () == admit(program, workout, envelope(site, IDEAL, None, program), site)


@pytest.mark.hazard("H26")
def test_only_the_jog_is_locked_and_the_default_rules_refuse_it(program, workout):
    refusals = admit(program, workout, envelope(SiteRules(), IDEAL, None, program), SiteRules())
    assert (program.id == "backward-jog") == (program.level is Level.LOCKED)
    assert (program.level is Level.LOCKED) == bool(refusals)


def test_it_begins_slowly_with_a_warm_up_and_ends_slowly_with_a_cool_down(workout):
    first, last = workout.segments[0], workout.segments[-1]
    assert (Effort.WARMUP, Effort.COOLDOWN) == (first.effort, last.effort)
    assert FLOOR == first.speed
    assert last.ramp_to <= 150


def test_speeds_change_by_at_most_half_a_kilometre_per_hour_between_steps(workout):
    jumps = [abs(b.speed - a.ramp_to) for a, b in pairwise(workout.segments) if not b.turn]
    assert max(jumps) <= 50


def test_every_change_of_facing_is_a_turn_and_backward_begins_slowly(workout):
    for before, after in pairwise(workout.segments):
        assert (before.facing is not after.facing) == after.turn
        if after.turn and after.facing is Facing.BACKWARD:
            assert after.speed <= 150


def test_ramps_stay_within_the_clinical_pace(workout):
    for segment in workout.segments:
        rise = segment.ramp_to - segment.speed
        rate = 5 if rise > 0 else 10  # 0.1 km/h per 2 s up, 0.2 km/h per 2 s down
        assert abs(rise) * SECOND <= rate * segment.duration


def test_speeds_are_tenths_and_the_incline_is_whole_percent(workout):
    for segment in workout.segments:
        assert (0, 0) == (segment.speed % 10, segment.ramp_to % 10)
        assert (0, True) == (segment.incline % 10, segment.incline >= 0)


def test_backward_time_is_within_the_trials(program, workout):
    assert workout.backward_time <= 25 * MINUTE
    if program.level in {Level.BEGINNER, Level.CAUTIOUS}:
        assert workout.backward_time <= 20 * MINUTE


def test_top_speed_is_the_limit_of_the_program_or_close_to_it(program, workout):
    assert 0 <= program.max_speed - workout.top_speed <= 50


def test_cues_are_there_short_and_promise_nothing(program, workout):
    cues = [segment.cue for segment in workout.segments if segment.cue]
    assert len(set(cues)) >= 4
    for text in [*cues, program.name, program.goal]:
        assert not HEALTH_CLAIMS.search(text), text
        assert not text.endswith(".")


def test_a_backward_step_with_a_cue_comes_in_every_program(workout):
    assert any(s.cue and s.facing is Facing.BACKWARD for s in workout.segments)


@pytest.mark.parametrize("program_id", IDS)
def test_the_file_names_its_schema_and_its_sources(program_id):
    text = (shipped_dir() / f"{program_id}.yaml").read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=program.schema.json\n")
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert any(line.startswith("# Source") for line in comments)
    assert any("[CHOICE]" in line for line in comments)


def test_a_cautious_walker_stays_below_the_speed_of_the_fallers(catalogue):
    assert catalogue.get("cautious").max_speed <= 200


def test_the_hill_goes_from_one_to_five_percent_in_single_steps(catalogue):
    workout = flatten(catalogue.get("hill"), FLOOR)
    work = [s.incline for s in workout.segments if s.effort is Effort.WORK]
    rises = [b.incline - a.incline for a, b in pairwise(workout.segments)]
    assert ([10, 20, 30, 40, 50], 10) == (work, max(rises))


def test_the_alternation_turns_eight_times(catalogue):
    workout = flatten(catalogue.get("forward-backward"), FLOOR)
    assert 8 == sum(segment.turn for segment in workout.segments)


def test_the_demo_is_short_and_turns_twice(catalogue):
    workout = flatten(catalogue.get("demo"), FLOOR)
    assert 4 * MINUTE <= workout.duration <= 5 * MINUTE
    assert 2 == sum(segment.turn for segment in workout.segments)
