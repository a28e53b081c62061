"""Every change is announced before it happens, and nothing rises unheard."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from backstride.domain import cues, events
from backstride.domain.commands import SetIncline, SetSpeed
from backstride.domain.envelope import envelope
from backstride.domain.events import Ask
from backstride.domain.limits import SiteRules
from backstride.domain.notices import Cue, CueKind
from backstride.domain.session import Cues, Draft, Drive, Phase, Session
from backstride.domain.workout import Effort, Facing, Step, Turn, flatten

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


# --- cues, field by field ------------------------------------------------------------------------------

NOW = 100_000


@pytest.fixture
def scene(make_machine, make_program):
    """A running session at `script`, whose belt was told `target`."""

    def make(*some, script=0, target=100, **known):
        chosen = make_program(max_speed=400, max_incline=50, steps=some)
        bench = make_machine()
        return Draft(
            Session(
                now=NOW,
                phase=Phase.RUNNING,
                script=script,
                workout=flatten(chosen, 50),
                envelope=envelope(SiteRules(), bench, None, chosen),
                drive=Drive(target=target),
                cues=Cues(**{"asked_at": NOW - 60_000, **known}),
            )
        )

    return make


def announced(draft):
    """What is said: kind, text, speed, and when it happens; then which segment waits for it."""
    cues.announce(draft)
    told = [(n.kind, n.text, n.speed, n.within) for n in draft.notices]
    assert len(told) <= 1
    return (*told[0], draft.s.cues.segment) if told else None


TWO = (work(40, 100), work(40, 120))
FIRST = (CueKind.STEADY, "keep, 1.0 km/h", 100, 0, 0)
SECOND = (CueKind.FASTER, "faster, 1.2 km/h; in 10 seconds", 120, 10_000, 1)


@pytest.mark.parametrize(
    ("script", "known", "expected"),
    [
        # The present one when it is missing, the next one 10 s before it, and neither twice.
        (0, {}, FIRST),
        (0, {"segment": 0, "heard_at": 1}, None),
        (29_999, {"segment": 0, "heard_at": 1}, None),
        (30_000, {"segment": 0, "heard_at": 1}, SECOND),
        (30_000, {"segment": 1, "heard_at": 1}, None),
        # Nobody took it: again after 5 s, and no other takes its place before.
        (0, {"segment": 0, "asked_at": NOW - 4_999}, None),
        (0, {"segment": 0, "asked_at": NOW - 5_000}, FIRST),
        (30_000, {"segment": 0, "asked_at": NOW - 4_999}, None),
        (30_000, {"segment": 0, "asked_at": NOW - 5_000}, SECOND),
        (30_000, {"segment": 1, "asked_at": NOW - 4_999}, None),
        (30_000, {"segment": 1, "asked_at": NOW - 5_000}, SECOND),
        # What was asked of an earlier plan puts nothing off.
        (0, {"segment": -1, "asked_at": NOW - 1}, FIRST),
        (30_000, {"segment": -1, "asked_at": NOW - 1}, SECOND),
        # After the last there is no next.
        (79_999, {"segment": 1, "heard_at": 1}, None),
    ],
)
def test_each_segment_is_announced_once_and_again_if_nobody_took_it(scene, script, known, expected):
    assert expected == announced(scene(*TWO, script=script, **known))


@pytest.mark.parametrize(
    ("steps", "script", "target", "expected"),
    [
        # What the walker hears is a change from the present step, not from the belt's speed.
        (
            (work(40, 100), work(40, 100)), 30_000, 50,
            (CueKind.STEADY, "keep, 1.0 km/h; in 10 seconds", 100, 10_000, 1),
        ),
        (
            (work(40, 60, ramp_to=100), work(40, 100)), 30_000, 50,
            (CueKind.STEADY, "keep, 1.0 km/h; in 10 seconds", 100, 10_000, 1),
        ),
        (TWO, 0, 90, (CueKind.FASTER, "faster, 1.0 km/h", 100, 0, 0)),
        (TWO, 0, 110, (CueKind.SLOWER, "slower, 1.0 km/h", 100, 0, 0)),
        # A ramp is named after its far end.
        (
            (work(40, 100), work(40, 80, ramp_to=100)), 30_000, 100,
            (CueKind.SLOWER, "slower, 0.8 km/h; then slowly to 1.0 km/h; in 10 seconds", 80, 10_000, 1),
        ),
        (
            (work(40, 100), work(40, 100, ramp_to=80)), 30_000, 100,
            (CueKind.SLOWER, "slower, 1.0 km/h; then slowly to 0.8 km/h; in 10 seconds", 100, 10_000, 1),
        ),
        (
            (work(40, 100), work(40, 80, ramp_to=120)), 30_000, 100,
            (CueKind.FASTER, "faster, 0.8 km/h; then slowly to 1.2 km/h; in 10 seconds", 80, 10_000, 1),
        ),
        # The slope is said where there is one, before or after.
        (
            (work(40, 100, incline=20), work(40, 100)), 30_000, 100,
            (CueKind.FLATTER, "flatter, 1.0 km/h; incline 0.0 %; in 10 seconds", 100, 10_000, 1),
        ),
        (
            (work(40, 100, incline=20), work(40, 100, incline=20)), 30_000, 100,
            (CueKind.STEADY, "keep, 1.0 km/h; incline 2.0 %; in 10 seconds", 100, 10_000, 1),
        ),
        # Seconds are spoken from one on.
        (TWO, 39_000, 100, (CueKind.FASTER, "faster, 1.2 km/h; in 1 second", 120, 1_000, 1)),
        (TWO, 39_001, 100, (CueKind.FASTER, "faster, 1.2 km/h", 120, 999, 1)),
        # A turn is a turn, whatever comes after it.
        (
            (work(40, 100), Turn(to=Facing.BACKWARD), work(40, 120)), 31_000, 100,
            (CueKind.TURN, "in 9 seconds the belt stops, and you turn", None, 9_000, 1),
        ),
    ],
)  # fmt: skip
def test_a_cue_says_what_changes(scene, steps, script, target, expected):
    assert expected == announced(scene(*steps, script=script, target=target, segment=-1))


@pytest.mark.parametrize(
    ("ms", "seconds"),
    [
        (0, "0 seconds"),
        (499, "0 seconds"),
        (500, "1 second"),
        (1_499, "1 second"),
        (1_500, "2 seconds"),
        (10_000, "10 seconds"),
    ],
)
def test_seconds_are_spoken_to_the_nearest(ms, seconds):
    assert seconds == cues.show_seconds(ms)


def test_what_a_cue_says_stands_beside_it_for_other_languages(scene):
    steps = (work(40, 100, incline=10), work(40, 80, ramp_to=120, incline=20, cue="stay tall"))
    draft = scene(*steps, script=30_000)
    cues.announce(draft)
    cue = draft.notices[0]
    told = (cue.speed, cue.ramp_to, cue.incline, cue.within, cue.note)
    assert (80, 120, 20, 10_000, "stay tall") == told


def test_what_a_cue_does_not_say_does_not_stand_beside_it(scene):
    draft = scene(*TWO, script=30_000)
    cues.announce(draft)
    cue = draft.notices[0]
    assert (None, None, None) == (cue.ramp_to, cue.incline, cue.note)


@pytest.mark.hazard("H28")
@pytest.mark.parametrize(
    ("known", "missed"),
    [
        ({"segment": 0, "missed": 2}, 3),
        ({"segment": 0, "missed": 2, "heard_at": 1}, 0),
        ({"segment": 1, "missed": 2}, 0),
    ],
)
def test_a_cue_given_in_vain_is_counted_until_one_is_taken(scene, known, missed):
    draft = scene(*TWO, number=7, taken=((0, 5), (1, 6)), **known)
    cues.reconsider(draft, CueKind.FASTER)
    expected = Cues(
        number=8, segment=0, about=8, asked_at=NOW, heard_at=None, missed=missed, taken=((1, 6),)
    )
    assert expected == draft.s.cues


@pytest.mark.hazard("H28")
@pytest.mark.parametrize(
    ("number", "known", "expected"),
    [
        (7, {}, {"heard_at": NOW, "missed": 0, "taken": ((1, 6), (2, NOW))}),
        (7, {"taken": ((2, 1), (0, 5))}, {"heard_at": NOW, "missed": 0, "taken": ((0, 5), (2, NOW))}),
        (6, {}, {}),
        (7, {"heard_at": 9}, {}),
    ],
)  # fmt: skip
def test_the_first_outlet_that_takes_the_cue_counts(scene, number, known, expected):
    before = {"segment": 2, "about": 7, "missed": 3, "taken": ((0, 5), (1, 6)), **known}
    draft = scene(*TWO, **before)
    known = draft.s.cues
    cues.heard(draft, number)
    assert replace(known, **expected) == draft.s.cues


@pytest.mark.hazard("H28")
@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (((0, NOW - 5_000),), True),
        (((0, NOW - 4_999),), False),
        (((1, NOW - 5_000),), False),
        (((1, 0), (0, 0)), True),
        ((), False),
    ],
)
def test_a_rise_waits_5_s_from_the_cue_of_its_own_segment(scene, taken, expected):
    assert expected is cues.may_rise(scene(*TWO, taken=taken).s)


def test_a_new_start_forgets_what_was_announced(scene):
    draft = scene(*TWO, number=7, segment=1, about=7, heard_at=3, missed=2, taken=((1, 3),))
    cues.forget(draft)
    assert Cues(number=7, about=7, asked_at=NOW - 60_000) == draft.s.cues


@pytest.mark.parametrize(
    ("remaining", "spoken", "said_now"),
    [
        (10_000, 0, "10"),
        (9_001, 10, None),
        (9_000, 10, "9"),
        (1, 2, "1"),
        (1, 1, None),
        (0, 1, None),
        (-1, 1, None),
    ],
)
def test_a_countdown_speaks_each_second_once_and_never_zero(scene, remaining, spoken, said_now):
    draft = scene(*TWO, seconds=spoken)
    cues.count_down(draft, remaining)
    told = [(n.kind, n.text, n.within) for n in draft.notices]
    assert ([(CueKind.COUNTDOWN, said_now, remaining)] if said_now else []) == told
    assert (int(said_now) if said_now else spoken) == draft.s.cues.seconds
