"""What is said beside the announcements: when it helps, never two at once, never near a change."""

from __future__ import annotations

import itertools
import random

import pytest
from msgspec.structs import replace

from backstride.domain import events
from backstride.domain.commands import SetIncline, SetSpeed
from backstride.domain.envelope import envelope
from backstride.domain.events import Ask
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Cause
from backstride.domain.guidance import REMINDERS, guide, speaking_time
from backstride.domain.limits import SiteRules
from backstride.domain.notices import URGENCY, Cue, CueKind, Technique
from backstride.domain.session import (
    Cues,
    Draft,
    Drive,
    Guide,
    Options,
    Pending,
    Phase,
    Session,
)
from backstride.domain.workout import Effort, Facing, Step, Turn, flatten

NOW = 500_000
COMFORT = frozenset({CueKind.BEEP, CueKind.REACHED, CueKind.ENDING, CueKind.TECHNIQUE})
ANNOUNCED = frozenset(
    {CueKind.FASTER, CueKind.SLOWER, CueKind.STEADY, CueKind.STEEPER, CueKind.FLATTER}
)


def work(seconds, speed, **changes):
    return Step(effort=Effort.WORK, duration=seconds * 1_000, speed=speed, **changes)


@pytest.fixture
def steps(make_program):
    def make(*some, **changes):
        known = {"max_speed": 300, "max_incline": 50, "facing": Facing.BACKWARD, "steps": some}
        return make_program(**{**known, **changes})

    return make


def said(rig, *kinds):
    return [n for n in rig.notices if isinstance(n, Cue) and (not kinds or n.kind in kinds)]


# --- whole sessions ------------------------------------------------------------------------------------


def test_a_change_is_counted_down_and_its_arrival_confirmed(rig, steps):
    rig.run(steps(work(40, 80), work(60, 100)))
    rig.seconds(60)
    told = [(n.kind, n.text) for n in said(rig, CueKind.BEEP, CueKind.REACHED)]
    assert told == [
        (CueKind.REACHED, "at 0.8 km/h"),
        (CueKind.BEEP, "3"),
        (CueKind.BEEP, "2"),
        (CueKind.BEEP, "1"),
        (CueKind.REACHED, "at 1.0 km/h"),
    ]


def test_arrival_is_what_was_measured_and_not_what_was_commanded(rig, steps):
    rig.run(steps(work(60, 80), work(60, 60)))
    rig.seconds(20)
    rig.stuck = True
    rig.until(Phase.FAULTED, Phase.SLOWING, limit=120)
    assert [80] == [n.speed for n in said(rig, CueKind.REACHED)]


def test_the_end_is_announced_10_s_before_it_and_counted_down(rig, steps):
    rig.run(steps(work(30, 60)))
    rig.until(Phase.FINISHED)
    told = [(n.kind, n.text) for n in said(rig, CueKind.ENDING, CueKind.BEEP, CueKind.STOPPING)]
    assert told == [
        (CueKind.ENDING, "in 10 seconds the belt slows down and stops"),
        (CueKind.BEEP, "3"),
        (CueKind.BEEP, "2"),
        (CueKind.BEEP, "1"),
        (CueKind.STOPPING, "well done; the belt slows down and stops"),
    ]


def test_technique_goes_round_and_the_shoulders_take_turns(rig, steps):
    rig.run(steps(work(400, 80)))
    rig.seconds(350)
    told = said(rig, CueKind.TECHNIQUE)
    expected = [
        *(Technique.TOES_FIRST, Technique.TALL, Technique.LEFT_SHOULDER, Technique.FIXED_POINT),
        *(Technique.NEAR_RAILS, Technique.RIGHT_SHOULDER, Technique.TOES_FIRST, Technique.TALL),
    ]
    assert expected == [n.technique for n in told]
    assert [REMINDERS[n.technique] for n in told] == [n.text for n in told]
    assert {45_000} == {b.at - a.at for a, b in itertools.pairwise(told)}


def test_nobody_is_told_how_to_walk_forward(rig, steps):
    rig.run(steps(work(200, 80), facing=Facing.FORWARD))
    rig.seconds(180)
    assert said(rig, CueKind.TECHNIQUE) == []


def test_who_knows_how_to_walk_can_do_without(make_rig, steps):
    rig = make_rig(session=Session(options=Options(technique=False)))
    rig.run(steps(work(200, 80)))
    rig.seconds(180)
    assert (1, 0) == (len(said(rig, CueKind.REACHED)), len(said(rig, CueKind.TECHNIQUE)))


@pytest.mark.hazard("H28")
def test_a_rise_that_nobody_was_told_of_is_not_counted_down(rig, steps):
    rig.run(steps(work(40, 60), work(60, 100)))
    rig.hears = False
    rig.seconds(36)
    assert said(rig, CueKind.BEEP) == []


def test_a_check_in_is_left_alone_until_it_is_answered(rig, steps):
    rig.run(steps(work(300, 60), check_in=30_000))
    rig.until(Phase.HOLDING, limit=120)
    asked = said(rig, CueKind.CHECK_IN)[-1].at
    assert [] == [n for n in said(rig) if n.at > asked and n.kind in COMFORT]


# --- moments -------------------------------------------------------------------------------------------


@pytest.fixture
def moment(make_machine, make_program):
    """A minute into 100 s of walking backward at 1.0 km/h, all at rest; `known` is otherwise."""

    def make(*some, script=60_000, changes=None, seen=None, told=None, drive=None, **known):
        plan = some or (work(100, 100), work(60, 120))
        chosen = make_program(facing=Facing.BACKWARD, max_speed=300, max_incline=50, steps=plan)
        bench = make_machine()
        evidence = Evidence(
            at=NOW, speed=100, speed_at=NOW, frames=60, since=30, low=100, level=100,
            level_at=NOW - 900, **(seen or {}),
        ) if not changes else Evidence(**changes)  # fmt: skip
        return Draft(
            Session(
                now=NOW, since=NOW - 60_000, phase=Phase.RUNNING, script=script, facing=Facing.BACKWARD,
                workout=flatten(chosen, 50), envelope=envelope(SiteRules(), bench, None, chosen),
                evidence=evidence,
                drive=Drive(**{"target": 100, "target_at": NOW - 30_000, **(drive or {})}),
                cues=Cues(segment=1, taken=((0, 0), (1, NOW - 5_000))),
                guide=Guide(**{"reached": 100, **(told or {})}),
                **known,
            )
        )  # fmt: skip

    return make


def told(draft):
    before = len(draft.notices)
    guide(draft)
    return [(n.kind, n.text) for n in draft.notices[before:]]


TOES = [(CueKind.TECHNIQUE, "toes first, then the heel")]
LEFT = {"reminders": 2, "reminded_at": NOW - 45_000}
SHAKY = {
    "at": NOW, "speed": 103, "speed_at": NOW, "frames": 60, "since": 30, "low": 100, "level": 100,
    "level_at": NOW - 899,
}  # fmt: skip
LONG = speaking_time("toes first, then the heel")


def test_a_sentence_takes_its_time():
    assert (500, 570, 2_250) == (speaking_time(""), speaking_time("3"), LONG)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, TOES),
        # Somebody speaks, or is asked.
        ({"told": {"quiet_at": NOW}}, TOES),
        ({"told": {"quiet_at": NOW + 1}}, []),
        ({"asked_at": NOW}, []),
        # Something is wrong.
        ({"findings": (Cause.CUE_NOT_HEARD,)}, []),
        ({"phase": Phase.HOLDING}, []),
        ({"workout": None}, []),
        # 45 s after the last one, whenever that was.
        ({"told": {"reminders": 1, "reminded_at": NOW - 44_999}}, []),
        ({"told": {"reminders": 6, "reminded_at": NOW - 45_000}}, TOES),
        # 10 s from every change behind ...
        ({"since": NOW - 9_999}, []),
        ({"since": NOW - 10_000}, TOES),
        ({"drive": {"target_at": NOW - 9_999}}, []),
        ({"drive": {"target_at": NOW - 10_000}}, TOES),
        ({"drive": {"incline_at": NOW - 9_999}}, []),
        ({"drive": {"incline_at": NOW - 10_000}}, TOES),
        ({"script": 9_999}, []),
        ({"script": 10_000}, TOES),
        # ... and before it.
        ({"script": 90_000 - LONG}, TOES),
        ({"script": 90_001 - LONG}, []),
        # The belt is not where it is going to.
        ({"drive": {"target": 90}}, []),
        ({"drive": {"incline": 5}}, []),
        ({"envelope": None}, []),
        # Over the shoulder only at constant speed.
        ({"told": LEFT}, [(CueKind.TECHNIQUE, "a short glance over your left shoulder")]),
        ({"told": LEFT, "changes": SHAKY}, []),
        ({"changes": SHAKY}, TOES),
    ],
)  # fmt: skip
def test_a_reminder_has_its_moment(moment, known, expected):
    changes = {name: known.pop(name) for name in ("since", "phase") if name in known}
    without = {name: None for name in ("workout", "envelope") if name in known}
    draft = moment(**{name: value for name, value in known.items() if name not in without})
    draft.s = replace(draft.s, **changes, **without)
    assert expected == told(draft)


def test_a_reminder_is_remembered_and_takes_its_time(moment):
    draft = moment(told={"reminders": 6, "reminded_at": 7})
    guide(draft)
    expected = Guide(reached=100, quiet_at=NOW + LONG, reminders=7, reminded_at=NOW)
    assert expected == draft.s.guide
    assert draft.notices[-1].technique is Technique.TOES_FIRST


def test_a_command_on_its_way_is_a_change(moment):
    pending = Pending(1, SetIncline(0), NOW)
    assert told(moment(drive={"pending": pending})) == []


def test_on_a_ramp_no_reminder_is_far_from_a_change(moment):
    draft = moment(work(100, 100, ramp_to=120), work(60, 120))
    assert told(draft) == []
    assert draft.s.guide.reached is None


ARRIVED = [(CueKind.REACHED, "at 1.0 km/h")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ARRIVED),
        ({"speed": 105}, ARRIVED),
        ({"speed": 95}, ARRIVED),
        ({"speed": 106}, []),
        ({"speed": 94}, []),
        ({"speed": None}, []),
        ({"since": 0}, []),
        ({"since": 1}, ARRIVED),
        ({"speed_at": NOW - 1_500}, ARRIVED),
        ({"speed_at": NOW - 1_501}, []),
    ],
)
@pytest.mark.parametrize("reached", [None, 80])
def test_an_arrival_is_confirmed_by_a_new_frame(moment, reached, changes, expected):
    known = {"at": NOW, "speed": 100, "speed_at": NOW, "frames": 60, "since": 30}
    draft = moment(changes={**known, **changes}, told={"reached": reached, "reminders": 1,
                   "reminded_at": NOW})  # fmt: skip
    assert expected == told(draft)
    assert (100 if expected else reached) == draft.s.guide.reached
    assert [100] * len(expected) == [n.speed for n in draft.notices]


@pytest.mark.parametrize(("drive", "expected"), [({"target": 90}, []), ({}, ARRIVED)])
def test_an_arrival_is_one_at_what_the_belt_was_told(moment, drive, expected):
    busy = {"reached": 80, "reminders": 1, "reminded_at": NOW}
    assert expected == told(moment(drive=drive, told=busy))


def test_a_reminder_never_comes_with_an_arrival(moment):
    assert told(moment(told={"reached": None})) == ARRIVED


def test_a_belt_that_is_held_or_stopped_arrives_anew(moment):
    draft = moment()
    draft.s = replace(draft.s, phase=Phase.HOLDING)
    guide(draft)
    assert Guide() == draft.s.guide


FOLLOWED = {
    "faster": work(60, 120),
    "slower": work(60, 80),
    "steeper": work(60, 100, incline=10),
    "steady": work(60, 100),
    "turn": Turn(to=Facing.FORWARD),
}


@pytest.mark.parametrize(
    ("change", "left", "heard", "beeps"),
    [
        ("faster", 3_001, NOW - 5_000, []),
        ("faster", 3_000, NOW - 2_000, ["3"]),
        ("faster", 3_000, NOW - 1_999, []),
        ("faster", 2_001, NOW - 5_000, ["3"]),
        ("faster", 2_000, NOW - 5_000, ["2"]),
        ("faster", 1, NOW - 5_000, ["1"]),
        ("faster", 3_000, None, []),
        ("steeper", 3_000, NOW - 5_000, ["3"]),
        ("steeper", 3_000, None, []),
        ("slower", 3_000, None, ["3"]),
        ("turn", 3_000, None, ["3"]),
        ("steady", 3_000, NOW - 5_000, []),
    ],
)
def test_beeps_count_down_a_change_that_will_come(moment, change, left, heard, beeps):
    draft = moment(work(100, 100), FOLLOWED[change], work(60, 100), script=100_000 - left)
    taken = ((0, 0),) if heard is None else ((0, 0), (1, heard))
    draft.s = replace(draft.s, cues=replace(draft.s.cues, taken=taken))
    assert [(CueKind.BEEP, beep) for beep in beeps] == told(draft)
    assert [left] * len(beeps) == [n.within for n in draft.notices]


def test_each_second_is_beeped_once(moment):
    draft = moment(script=97_000)
    guide(draft)
    assert ((0, 3), NOW + 570) == (draft.s.guide.beeped, draft.s.guide.quiet_at)
    draft.notices.clear()
    draft.set(now=NOW + 600, script=97_600)
    assert told(draft) == []
    draft.set(now=NOW + 1_000, script=98_000)
    assert told(draft) == [(CueKind.BEEP, "2")]


@pytest.mark.parametrize(("script", "beeps"), [(157_000, 1), (160_000, 0), (161_000, 0)])
def test_the_end_is_beeped_before_it_and_not_at_it(moment, script, beeps):
    assert beeps == len(told(moment(script=script)))


@pytest.mark.parametrize(
    ("script", "ended", "expected"),
    [
        (149_999, -1, None),
        (150_000, -1, "in 10 seconds the belt slows down and stops"),
        (150_000, 0, "in 10 seconds the belt slows down and stops"),
        (150_000, 1, None),
        (156_999, -1, "in 3 seconds the belt slows down and stops"),
        (95_000, -1, None),
    ],
)
def test_the_last_end_is_announced_once(moment, script, ended, expected):
    reminded = {"ended": ended, "reminders": 1, "reminded_at": NOW, "reached": 120}
    draft = moment(script=script, told=reminded)
    assert ([(CueKind.ENDING, expected)] if expected else []) == told(draft)
    assert (1 if expected else ended) == draft.s.guide.ended
    times = [(n.within, NOW + speaking_time(n.text)) for n in draft.notices]
    assert ([(160_000 - script, draft.s.guide.quiet_at)] if expected else []) == times


def test_what_control_says_takes_its_time_one_after_the_other(moment):
    draft = moment(told={"quiet_at": NOW + 100})
    draft.say(CueKind.ALARM, "something is wrong")
    draft.say(CueKind.HOLD, "holding this speed")
    assert told(draft) == []
    assert NOW + 2 * speaking_time("holding this speed") == draft.s.guide.quiet_at


def test_a_short_word_does_not_shorten_a_long_sentence(moment):
    draft = moment(told={"quiet_at": NOW + 9_000})
    draft.say(CueKind.COUNTDOWN, "3")
    guide(draft)
    assert NOW + 9_000 == draft.s.guide.quiet_at


def test_an_alarm_comes_first_and_technique_last():
    assert set(CueKind) == set(URGENCY)
    assert {CueKind.ALARM} == {
        kind for kind, rank in URGENCY.items() if rank == max(URGENCY.values())
    }
    assert {CueKind.TECHNIQUE} == {kind for kind, rank in URGENCY.items() if rank == 0}
    assert max(URGENCY[kind] for kind in COMFORT) < min(URGENCY[kind] for kind in ANNOUNCED)


# --- any session ---------------------------------------------------------------------------------------


class Walk:
    """A random program on the bench, with somebody at the buttons and a broker that comes and goes."""

    def __init__(self, rig, make, seed):
        self.rig = rig
        self.dice = random.Random(seed)
        self.meddled = []
        self.heard = []
        rig.run(make(*self._steps(), check_in=self.dice.choice([None, 60_000])))
        while (
            rig.session.phase in {Phase.RUNNING, Phase.HOLDING, Phase.TURNING} and rig.now < 420_000
        ):
            self._live()

    def _steps(self):
        plan, facing = [], Facing.BACKWARD
        for _ in range(self.dice.randint(2, 5)):
            if self.dice.random() < 0.2:
                facing = Facing.FORWARD if facing is Facing.BACKWARD else Facing.BACKWARD
                plan.append(Turn(to=facing))
            speed = self.dice.randrange(60, 160, 10)
            ramp = self.dice.choice([None, None, self.dice.randrange(60, 160, 10)])
            incline = self.dice.choice([0, 0, 10, 20])
            plan.append(work(self.dice.randint(15, 110), speed, ramp_to=ramp, incline=incline))
        return plan

    def _live(self):
        rig, chance = self.rig, self.dice.random()
        if rig.session.phase is Phase.TURNING and not rig.session.owed:
            rig.ask(Ask.CONFIRM)
            rig.until(Phase.RUNNING, Phase.FAULTED)
        if chance < 0.004:
            self.meddled.append(rig.now)
            rig.ask(self.dice.choice([Ask.FASTER, Ask.SLOWER, Ask.SKIP]))
        elif chance < 0.005:
            self.meddled.append(rig.now)
            rig.feed(events.BusDown(at=rig.now))
            rig.seconds(self.dice.randint(1, 8))
            rig.feed(events.BusUp(at=rig.now))
            self.meddled.append(rig.now)
        elif chance < 0.008:
            rig.hears = not rig.hears
        if rig.session.asked_at is not None:
            rig.ask(Ask.FASTER if chance < 0.5 else Ask.SLOWER)
            self.meddled.append(rig.now)
        rig.tick()

    def changes(self):
        """When the belt was told something new: speeds and slopes that differ from those before."""
        for kind in (SetSpeed, SetIncline):
            told = [(at, command.target) for at, command, _ in self.rig.commands(kind)]
            for (_, before), (at, after) in itertools.pairwise(told):
                if before != after:
                    yield at


@pytest.mark.hazard("H28")
@pytest.mark.parametrize("seed", range(12))
def test_in_any_session_the_guidance_keeps_its_distances(make_rig, steps, seed):
    print(f"seed {seed}")
    walk = Walk(make_rig(), steps, seed)
    cues = said(walk.rig)
    reminders = [n for n in cues if n.kind is CueKind.TECHNIQUE]
    assert all(b.at - a.at >= 45_000 for a, b in itertools.pairwise(reminders))
    changes = list(walk.changes())
    for reminder in reminders:
        ends = reminder.at + speaking_time(reminder.text)
        assert not any(0 <= reminder.at - at < 10_000 for at in changes)
        if not any(reminder.at <= at <= ends + 10_000 for at in walk.meddled):
            assert not any(0 <= at - ends < 10_000 for at in changes)
    for before, cue in itertools.pairwise(cues):
        if cue.kind in COMFORT:
            assert cue.at - before.at >= speaking_time(before.text)
    sides = [n.technique for n in reminders if n.technique.endswith("shoulder")]
    assert all(a is not b for a, b in itertools.pairwise(sides))


def test_guidance_moves_nothing(make_rig, steps):
    """The same walk with the guidance's memory wiped at every tick: the same commands at the same time."""

    class Forgetful(type(make_rig())):
        def feed(self, event):
            if isinstance(event, events.Tick):
                self.session = replace(self.session, guide=Guide())
            return super().feed(event)

    for seed in range(3):
        print(f"seed {seed}")
        one, other = Walk(make_rig(), steps, seed), Walk(Forgetful(), steps, seed)
        assert one.rig.sent == other.rig.sent
