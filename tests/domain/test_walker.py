"""Walkers: what they may walk, what is in force for them, and what cannot be meant."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backstride.domain.admission import Rule, admit
from backstride.domain.bounds import envelope
from backstride.domain.limits import Caps, Layer, SiteRules
from backstride.domain.readiness import Clearance, Readiness
from backstride.domain.walker import CAUTIOUS, Walker, may_walk, prepare, problems
from backstride.domain.workout import Level, flatten

ANNA = Walker(id="anna", name="Anna")
OWN = Caps(reason="Anna's own limits", speed=300, incline=20, backward_time=600_000)
MAY = {
    Level.CAUTIOUS: "beginner cautious",
    Level.BEGINNER: "beginner cautious",
    Level.REGULAR: "beginner cautious regular",
    Level.ADVANCED: "beginner cautious regular advanced",
    Level.LOCKED: "beginner cautious regular advanced locked",
}


def walker(**changes):
    return Walker(**{"id": "anna", "name": "Anna", **changes})


@pytest.mark.parametrize("level", Level)
def test_a_level_may_walk_what_is_below_it(level):
    assert MAY[level] == " ".join(each for each in Level if may_walk(walker(level=level), each))


@pytest.mark.parametrize("stored", Level)
@pytest.mark.parametrize("earned", Level)
@pytest.mark.parametrize("clearance", [Clearance.CAUTIOUS, Clearance.REFUSED])
def test_whoever_is_not_ready_is_cautious(stored, earned, clearance):
    assert Level.CAUTIOUS is prepare(walker(level=stored), clearance, earned).level


@pytest.mark.parametrize("earned", Level)
def test_cautious_by_choice_stays_cautious(earned):
    assert Level.CAUTIOUS is prepare(walker(level=Level.CAUTIOUS), Clearance.READY, earned).level


@pytest.mark.parametrize(
    ("stored", "earned", "expected"),
    [
        (Level.BEGINNER, Level.BEGINNER, Level.BEGINNER),
        (Level.BEGINNER, Level.REGULAR, Level.REGULAR),
        (Level.REGULAR, Level.BEGINNER, Level.REGULAR),
        (Level.ADVANCED, Level.REGULAR, Level.ADVANCED),
        (Level.BEGINNER, Level.LOCKED, Level.LOCKED),
        (Level.LOCKED, Level.BEGINNER, Level.ADVANCED),
        (Level.LOCKED, Level.LOCKED, Level.LOCKED),
    ],
)
def test_the_level_in_force_is_the_higher_one_and_the_jog_is_only_earned(stored, earned, expected):
    assert expected is prepare(walker(level=stored), Clearance.READY, earned).level


def test_a_session_is_told_no_answers():
    told = walker(readiness=Readiness(answered=1), weight=70_000)
    assert walker(weight=70_000) == prepare(told, Clearance.READY, Level.BEGINNER)


def test_the_cautious_limits_are_2_kmh_on_level_ground():
    assert (200, 0, None) == (CAUTIOUS.speed, CAUTIOUS.incline, CAUTIOUS.backward_time)


def test_layers_are_the_own_limits_and_the_cautious_ones():
    assert () == ANNA.layers
    assert (OWN,) == walker(caps=OWN).layers
    assert (CAUTIOUS,) == walker(level=Level.CAUTIOUS).layers
    assert (OWN, CAUTIOUS) == walker(level=Level.CAUTIOUS, caps=OWN).layers


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": " "}, "a name has 1 to 60 letters"),
        ({"name": "x" * 61}, "a name has 1 to 60 letters"),
        ({"name": "a\nb"}, "a name has 1 to 60 letters"),
        ({"level": Level.LOCKED}, "the jog is unlocked by its criteria, not by a level"),
        ({"weight": 19_999}, "a weight is between 20 and 300 kg"),
        ({"weight": 300_001}, "a weight is between 20 and 300 kg"),
        ({"max_heart_rate": 99}, "a maximum heart rate is between 100 and 230"),
        ({"max_heart_rate": 231}, "a maximum heart rate is between 100 and 230"),
        ({"caps": Caps(reason="", speed=0)}, "a speed limit is above 0 km/h"),
        ({"caps": Caps(reason="", incline=-1)}, "an incline limit is not below 0 %"),
        ({"caps": Caps(reason="", backward_time=0)}, "a limit of the time backward is above 0"),
    ],
)
def test_what_cannot_be_meant_is_told(changes, sentence):
    assert (sentence,) == problems(walker(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "x" * 60, "weight": 20_000, "max_heart_rate": 100, "caps": Caps(reason="")},
        {"weight": 300_000, "max_heart_rate": 230},
        {"caps": Caps(reason="", speed=1, incline=0, backward_time=1)},
    ],
)
def test_what_can_be_meant_is_taken(changes):
    assert () == problems(walker(**changes))


SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
CAPS = st.none() | st.builds(
    Caps,
    reason=st.just("somebody"),
    speed=st.none() | st.integers(1, 900),
    incline=st.none() | st.integers(0, 120),
    backward_time=st.none() | st.integers(1, 2_000_000),
)


@pytest.mark.hazard("H04")
@SHARED
@given(configured=CAPS, own=CAPS, level=st.sampled_from(Level), locked=st.booleans())
def test_a_person_only_ever_tightens(  # noqa: PLR0917  a case is its arguments
    make_machine, make_program, configured, own, level, locked
):
    program = make_program(level=Level.LOCKED if locked else Level.BEGINNER)
    known, person = make_machine(), walker(caps=own, level=level)
    without = envelope(SiteRules(), known, configured, program)
    within = envelope(SiteRules(), known, configured, program, person)
    for name in ("speed", "incline", "backward_time"):
        before, after = getattr(without, name), getattr(within, name)
        own_value = getattr(own, name) if own else None
        wanted = [before.value] + ([] if own_value is None else [own_value])
        cautious = getattr(CAUTIOUS, name) if level is Level.CAUTIOUS else None
        wanted += [] if cautious is None else [cautious]
        assert min(wanted) == after.value
    assert (without.jump, without.floor) == (within.jump, within.floor)


def test_a_limit_names_the_person_as_its_layer(make_machine, make_program):
    within = envelope(
        SiteRules(), make_machine(), None, make_program(max_speed=400),
        walker(level=Level.CAUTIOUS),
    )  # fmt: skip
    assert (200, Layer.WALKER, "the cautious limits") == (
        within.speed.value, within.speed.layer, within.speed.reason,
    )  # fmt: skip


def judged(make_machine, make_program, level, person, site=SiteRules()):  # noqa: B008  frozen
    program, known = make_program(level=level), make_machine()
    within = envelope(site, known, None, program, person)
    return admit(program, flatten(program, 50), within, site, person)


@pytest.mark.hazard("H26")
def test_a_program_above_the_level_is_refused_with_the_reason(make_machine, make_program):
    (refusal,) = judged(make_machine, make_program, Level.REGULAR, ANNA)
    assert Rule.LEVEL is refusal.rule
    assert "for the level regular, and the walker's is beginner" in refusal.sentence
    assert "the plan's clean sessions unlock it" in refusal.sentence


def test_a_program_of_the_level_is_admitted_and_any_where_nobody_was_named(
    make_machine, make_program
):
    assert () == judged(make_machine, make_program, Level.REGULAR, walker(level=Level.REGULAR))
    assert () == judged(make_machine, make_program, Level.ADVANCED, None)


@pytest.mark.hazard("H26")
def test_the_jog_needs_the_site_and_the_criteria(make_machine, make_program):
    open_site = SiteRules(jog=True)
    earned, not_earned = walker(level=Level.LOCKED), walker(level=Level.ADVANCED)
    (refusal,) = judged(make_machine, make_program, Level.LOCKED, not_earned, open_site)
    assert (Rule.LEVEL, True) == (refusal.rule, "jog criteria unlock it" in refusal.sentence)
    assert [Rule.LOCKED] == [
        r.rule for r in judged(make_machine, make_program, Level.LOCKED, earned)
    ]
    assert () == judged(make_machine, make_program, Level.LOCKED, earned, open_site)
