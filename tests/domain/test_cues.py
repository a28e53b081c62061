"""Every change is announced before it happens, and nothing rises unheard."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from backstride.domain import cues, events
from backstride.domain.commands import SetIncline, SetSpeed
from backstride.domain.events import Ask
from backstride.domain.notices import Cue, CueKind
from backstride.domain.session import Draft, Phase, Session
from backstride.domain.workout import Effort, Step

CHANGES = (
    CueKind.FASTER,
    CueKind.SLOWER,
    CueKind.STEADY,
    CueKind.STEEPER,
    CueKind.FLATTER,
)


def work(seconds, speed, **changes):
    return Step(effort=Effort.WORK, duration=seconds * 1_000, speed=speed, **changes)


def said(rig, *kinds):
    return [n for n in rig.notices if isinstance(n, Cue) and n.kind in (kinds or CHANGES)]


def rises(rig):
    asked = [(at, command.target) for at, command, _ in rig.commands(SetSpeed)]
    return [at for (_, a), (at, b) in itertools.pairwise(asked) if b > a]


@pytest.fixture
def steps(make_program):
    def make(*some, **changes):
        return make_program(**{"max_speed": 200, "max_incline": 50, "steps": some, **changes})

    return make


def test_a_change_is_announced_10_s_before_it(rig, steps):
    rig.run(steps(work(40, 60), work(40, 100), work(40, 60)))
    rig.until(Phase.FINISHED)
    told = [(n.kind, n.speed, n.within) for n in said(rig)]
    assert told == [
        (CueKind.FASTER, 60, 0),
        (CueKind.FASTER, 100, 10_000),
        (CueKind.SLOWER, 60, 10_000),
    ]


@pytest.mark.parametrize(
    ("second", "kind", "text"),
    [
        (work(40, 60), CueKind.STEADY, "keep, 0.6 km/h; in 10 seconds"),
        (
            work(40, 60, ramp_to=90),
            CueKind.FASTER,
            "faster, 0.6 km/h; then slowly to 0.9 km/h; in 10 seconds",
        ),
        (
            work(40, 60, incline=20),
            CueKind.STEEPER,
            "steeper, 0.6 km/h; incline 2.0 %; in 10 seconds",
        ),
        (
            work(40, 80, cue="stay tall"),
            CueKind.FASTER,
            "faster, 0.8 km/h; in 10 seconds; stay tall",
        ),
    ],
)
def test_a_cue_says_what_comes_and_when(rig, steps, second, kind, text):
    rig.run(steps(work(40, 60), second))
    rig.seconds(30)
    cue = said(rig)[1]
    assert (kind, text) == (cue.kind, cue.text)


def test_a_flatter_slope_is_announced_too(rig, steps):
    rig.run(steps(work(60, 60, incline=10), work(40, 60)))
    rig.seconds(50)
    assert CueKind.FLATTER is said(rig)[-1].kind


@pytest.mark.hazard("H28")
def test_an_increase_waits_5_s_after_its_cue_was_heard(rig, steps):
    rig.hears = False
    rig.run(steps(work(200, 100)))
    rig.seconds(30)
    assert rises(rig) == []
    rig.feed(events.CueHeard(at=rig.now, cue=rig.session.cues.about))
    heard = rig.now
    rig.seconds(10)
    assert 5_000 <= rises(rig)[0] - heard <= 5_200


@pytest.mark.hazard("H28")
def test_a_cue_that_nobody_takes_is_given_again_and_missed_aloud(rig, steps):
    rig.hears = False
    rig.run(steps(work(200, 100)))
    rig.seconds(13)
    assert len(said(rig, CueKind.FASTER)) == 5
    assert rig.alarms() == ["cue_not_heard"]
    assert Phase.RUNNING is rig.session.phase


@pytest.mark.hazard("H07", "H28")
def test_a_decrease_and_a_stop_wait_for_nobody(rig, steps):
    rig.run(steps(work(40, 100), work(40, 60)))
    rig.hears = False
    rig.until(Phase.FINISHED)
    assert rig.session.drive.target == 60


@pytest.mark.hazard("H28")
def test_the_cue_of_the_next_step_does_not_permit_the_rise_of_this_one(rig, steps):
    rig.hears = False
    rig.run(steps(work(40, 100), work(40, 60)))
    while rig.session.cues.segment == 0:
        rig.tick()
    rig.feed(events.CueHeard(at=rig.now, cue=rig.session.cues.about))
    rig.seconds(9)
    assert rises(rig) == []


def test_the_cue_of_the_next_step_does_not_interrupt_the_rise_of_this_one(rig, steps):
    rig.run(steps(work(30, 150), work(40, 60)))
    rig.seconds(13)
    assert rig.session.cues.segment == 1
    before = len(rises(rig))
    rig.seconds(6)
    assert len(rises(rig)) >= before + 2


@pytest.mark.hazard("H28")
def test_a_skip_announces_what_it_skips_to_before_anything_rises(rig, steps):
    rig.run(steps(work(200, 60), work(200, 100)))
    rig.ask(Ask.SKIP)
    skipped = rig.now
    rig.seconds(20)
    assert 5_000 <= rises(rig)[-1] - skipped
    assert min(at for at in rises(rig) if at > skipped) - skipped >= 5_000


def test_faster_is_announced_and_waits(rig, steps):
    rig.run(steps(work(200, 60)))
    rig.seconds(10)
    rig.ask(Ask.FASTER)
    asked = rig.now
    assert said(rig)[-1].text == "faster: 0.7 km/h"
    rig.seconds(8)
    assert 5_000 <= rises(rig)[-1] - asked <= 5_300


def test_slower_is_announced_and_does_not_wait(rig, steps):
    rig.run(steps(work(200, 80)))
    rig.seconds(20)
    rig.ask(Ask.SLOWER)
    rig.tick(2)
    assert said(rig)[-1].text == "slower: 0.7 km/h"
    assert rig.session.drive.target == 70


def test_the_next_steps_are_announced_with_the_trim_that_they_will_have(rig, steps):
    rig.run(steps(work(40, 80), work(40, 100)))
    rig.ask(Ask.SLOWER)
    rig.seconds(30)
    assert said(rig)[-1].speed == 90


@pytest.mark.hazard("H28")
def test_a_slope_waits_for_its_cue_as_well(rig, steps):
    rig.run(steps(work(40, 60), work(40, 60, incline=10)))
    rig.hears = False
    rig.seconds(60)
    assert rig.commands(SetIncline) == []


def test_faster_just_before_a_step_does_not_lose_the_cue_of_the_step(rig, steps):
    rig.run(steps(work(40, 60), work(60, 100)))
    rig.seconds(24)
    rig.hears = False
    rig.ask(Ask.FASTER)
    rig.seconds(3)
    assert rig.session.cues.segment == 0
    rig.feed(events.CueHeard(at=rig.now, cue=rig.session.cues.about))
    rig.tick(2)
    assert rig.session.cues.segment == 1


def test_a_belt_that_starts_anew_is_announced_anew(rig):
    rig.run()
    rig.seconds(5)
    rig.ask(Ask.PAUSE)
    rig.until(Phase.HOLDING)
    rig.ask(Ask.CONTINUE)
    rig.until(Phase.RUNNING)
    began = rig.now
    rig.seconds(15)
    assert min(at for at in rises(rig) if at > began) - began >= 5_000


def test_a_taken_cue_that_nobody_waits_for_changes_nothing(rig):
    rig.run()
    before = rig.session.cues
    rig.feed(events.CueHeard(at=rig.now, cue=9_999))
    rig.feed(events.CueHeard(at=rig.now, cue=before.about))
    assert before == rig.session.cues


def test_without_a_workout_there_is_nothing_to_announce():
    draft = Draft(Session())
    cues.announce(draft)
    cues.reconsider(draft, CueKind.FASTER)
    assert (False, []) == (cues.may_rise(draft.s), draft.notices)


def test_without_an_envelope_a_cue_says_what_the_program_says(rig, steps):
    rig.run(steps(work(40, 65)))
    draft = Draft(replace(rig.session, envelope=None))
    cues.reconsider(draft, CueKind.SLOWER)
    assert draft.notices[-1].speed == 65
