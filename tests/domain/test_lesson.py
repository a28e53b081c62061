"""The next session on a machine, and the promise that no path through the plan breaks a limit."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backstride.domain.admission import admit
from backstride.domain.bounds import envelope
from backstride.domain.ladder import LADDER, LAST, Variable
from backstride.domain.lesson import Setting, make_lesson
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.domain.progression import Now, Place, Walked, earned_level, find_place
from backstride.domain.readiness import Clearance
from backstride.domain.record import Head
from backstride.domain.walker import Walker, prepare
from backstride.domain.workout import Effort, Facing, Level, flatten

DAY = 86_400_000
SLOPE = InclineRange(0, 100, 5)
PERSON = Walker(id="anna", name="Anna", level=Level.ADVANCED)


def machine(minimum=50, increment=10, incline=SLOPE, maximum=1200):
    return Machine(
        address="", name=None, fingerprint="f", speed=SpeedRange(minimum, maximum, increment),
        incline=incline, belt_start=BeltStart.REMOTE,
    )  # fmt: skip


def lesson(index=0, last=None, person=PERSON, known=None, **setting):
    place = Place(index=index, walked=last)
    return make_lesson(place, person, Setting(machine=known or machine(), **setting))


def work_of(program, floor=50):
    """Speed, repeats, slope and the time backward of a program."""
    segments = flatten(program, floor).segments
    work = [s for s in segments if s.effort is Effort.WORK]
    backward = sum(s.duration for s in segments if s.facing is Facing.BACKWARD)
    return work[0].speed, len(work), work[0].incline, backward


def test_the_first_session_is_the_table_s_first_week():
    program = lesson().program
    rows = [
        (s.effort.value, s.facing.value, s.duration // 1000, s.speed, s.ramp_to, s.turn)
        for s in flatten(program, 50).segments
    ]
    bout = [("work", "backward", 60, 100, 100, False), ("recover", "backward", 60, 50, 50, False)]
    assert [
        ("warmup", "forward", 60, 50, 150, False),
        ("warmup", "forward", 180, 150, 150, False),
        ("warmup", "backward", 60, 50, 50, True),
        ("warmup", "backward", 60, 50, 50, False),
        *bout * 6,
        ("cooldown", "backward", 60, 50, 50, False),
        ("cooldown", "forward", 60, 50, 150, True),
        ("cooldown", "forward", 120, 150, 50, False),
    ] == rows
    assert ("plan-1-1", Level.BEGINNER, Facing.FORWARD, 150, 0, 300_000, False) == (
        program.id, program.level, program.facing, program.max_speed, program.max_incline,
        program.check_in, program.unsupervised,
    )  # fmt: skip
    assert "Today: week 1, session 1" == program.name
    assert "6 times 1:00 min at 1.0 km/h, 1:00 min of rest between" == program.goal


def test_a_steep_session_has_its_slope_in_work_and_rest_only():
    program = lesson(21, Walked(300, 1_350_000, 10)).program
    steep = [(s.effort.value, s.incline) for s in flatten(program, 50).segments if s.incline]
    assert [("work", 20), ("recover", 20)] * 3 == steep
    assert (300, 20, Level.REGULAR) == (program.max_speed, program.max_incline, program.level)
    assert "3 times 5:00 min at 3.0 km/h and 2.0 %, 1:30 min of rest between" == program.goal


def test_a_work_speed_of_2_is_a_beginner_s_and_above_it_a_regular_s():
    assert Level.BEGINNER is lesson(9, Walked(180, 9_000_000, 0)).program.level
    assert Level.REGULAR is lesson(10, Walked(200, 9_000_000, 0)).program.level


def test_the_rest_is_half_a_kmh_slower_and_the_warm_up_leads_to_it():
    program = lesson(10, Walked(200, 9_000_000, 0)).program
    speeds = {s.effort: (s.speed, s.ramp_to) for s in flatten(program, 50).segments[3:6]}
    assert {
        Effort.WARMUP: (50, 170), Effort.WORK: (220, 220), Effort.RECOVER: (170, 170),
    } == speeds  # fmt: skip
    odd = lesson(10, Walked(200, 9_000_000, 0), known=machine(48, 16)).program
    assert (208, 160) == tuple(s.speed for s in flatten(odd, 48).segments[4:6])


def test_both_hands_stay_on_the_rails_for_three_weeks():
    def hands(index):
        return next(s.cue for s in flatten(lesson(index).program, 50).segments if s.turn)

    assert ["both hands on the rails; short steps"] * 2 == [hands(0), hands(8)]
    assert "fingertips on the rails; short steps" == hands(9)


@pytest.mark.parametrize(("minimum", "speed"), [(50, 100), (100, 100), (130, 130), (150, 150)])
def test_the_first_session_is_at_1_kmh_or_the_machine_s_lowest(minimum, speed):
    assert speed == work_of(lesson(known=machine(minimum)).program, minimum)[0]


@pytest.mark.parametrize("level", [Level.BEGINNER, Level.ADVANCED])
def test_a_machine_that_starts_above_1_5_is_nobody_s_first(level):
    person = Walker(id="anna", name="Anna", level=level)
    found = lesson(known=machine(151), person=person)
    assert found.program is None
    assert (
        "this treadmill cannot go slower than 1.51 km/h, and the plan is at 1.0 km/h:"
        " take one that starts slower"
    ) == found.refusal


def test_a_machine_that_starts_fast_is_one_for_those_who_walk_as_fast():
    assert 200 == work_of(lesson(9, Walked(180, 9_000_000, 0), known=machine(200)).program, 200)[0]
    assert lesson(9, Walked(170, 9_000_000, 0), known=machine(200)).program is None
    # Back after an absence: as fast as they once were is too fast now.
    assert lesson(7, Walked(240, 9_000_000, 0), known=machine(200)).program is None
    assert 140 == work_of(lesson(0, Walked(140, 9_000_000, 0), known=machine(140)).program, 140)[0]
    assert lesson(0, Walked(130, 9_000_000, 0), known=machine(140)).program is None


def test_a_machine_too_coarse_to_ramp_is_refused():
    assert "too coarse to ramp" in lesson(known=machine(50, 51)).refusal
    assert lesson(known=machine(50, 50)).program is not None


@pytest.mark.parametrize(
    ("increment", "last", "expected"),
    [
        (10, Walked(100, 720_000, 0), 120),
        (10, Walked(90, 720_000, 0), 110),
        (20, Walked(100, 720_000, 0), 110),
        (16, Walked(82, 720_000, 0), 98),
    ],
)
def test_the_speed_rises_by_two_tenths_over_what_was_walked(increment, last, expected):
    assert expected == work_of(lesson(3, last, known=machine(50, increment)).program)[0]


@pytest.mark.parametrize(
    ("increment", "steady", "expected"),
    [(50, 2, 100), (50, 3, 150), (40, 1, 90), (40, 2, 130), (21, 1, 92), (21, 2, 113)],
)
def test_a_coarse_machine_goes_one_step_after_the_sessions_that_earn_it(
    increment, steady, expected
):
    speed = 100 if increment == 50 else 90 if increment == 40 else 92
    last = Walked(speed, 720_000, 0, steady)
    assert expected == work_of(lesson(6, last, known=machine(50, increment)).program)[0]


@pytest.mark.parametrize("index", [4, 5])
def test_only_a_rung_of_the_speed_raises_the_speed(index):
    last = Walked(120, 900_000, 0)
    raises = LADDER[index].raises is Variable.SPEED
    found = lesson(index, last)
    assert (140 if raises else 120) == work_of(found.program)[0]
    assert raises is (found.notes == ())


def test_what_a_limit_makes_less_is_noted_with_the_limit():
    found = lesson(
        21, Walked(300, 1_350_000, 10), walker=Caps(reason="the clinic", speed=250, incline=5)
    )
    assert (250, 3, 5) == work_of(found.program)[:3]
    assert (
        "2.5 km/h instead of 3.0 km/h: walker: the clinic",
        "0.5 % instead of 2.0 %: walker: the clinic",
    ) == found.notes


def test_what_was_walked_last_is_noted_as_the_reason_too():
    why = "no more than what was walked last and this machine's steps allow"
    assert (f"1.2 km/h instead of 1.4 km/h: {why}",) == lesson(5, Walked(120, 1, 0)).notes


@pytest.mark.parametrize(
    ("minutes", "repeats"), [(30, 6), (15, 6), (14, 5), (13, 5), (12, 4), (5, 1)]
)
def test_repeats_are_left_out_until_the_time_backward_fits(minutes, repeats):
    found = lesson(walker=Caps(reason="short", backward_time=minutes * 60_000))
    assert repeats == work_of(found.program)[1]
    expected = f"{repeats} repeats instead of 6: walker: short"
    assert ((expected,) if repeats < 6 else ()) == found.notes


def test_a_time_backward_for_not_even_one_bout_is_refused():
    refusal = lesson(walker=Caps(reason="short", backward_time=299_999)).refusal
    assert "5:00 backward is longer than 4:59 (walker: short)" == refusal


@pytest.mark.parametrize(
    ("backward", "repeats"), [(900_000, 6), (840_001, 6), (839_999, 5), (600_000, 4), (0, 1)]
)
def test_time_that_was_cut_comes_back_by_its_own_rungs_only(backward, repeats):
    assert repeats == work_of(lesson(3, Walked(100, backward, 0)).program)[1]
    assert 8 == work_of(lesson(5, Walked(140, backward, 0)).program)[1]


@pytest.mark.parametrize(
    ("index", "walked", "slope"),
    [(18, 0, 10), (19, 10, 10), (19, 6, 10), (19, 5, 0), (19, 0, 0), (21, 0, 10), (21, 10, 20),
     (21, 16, 20), (21, 50, 20), (22, 0, 0)],
)  # fmt: skip
def test_the_slope_rises_by_one_percent_over_what_was_walked(index, walked, slope):
    assert slope == work_of(lesson(index, Walked(300, 1_350_000, walked)).program)[2]


def test_whoever_slowed_down_is_not_asked_for_more():
    place = Place(index=3, walked=Walked(100, 900_000, 0), most=90)
    assert 90 == work_of(make_lesson(place, PERSON, Setting(machine=machine())).program)[0]
    fresh = Place(most=80)
    assert 80 == work_of(make_lesson(fresh, PERSON, Setting(machine=machine())).program)[0]


def test_a_machine_without_incline_walks_the_plan_on_the_flat():
    found = lesson(21, Walked(300, 1_350_000, 0), known=machine(incline=None))
    assert 0 == work_of(found.program)[2]
    assert ("0.0 % instead of 2.0 %: machine: the machine's own range",) == found.notes


def test_a_coarse_deck_is_rounded_down():
    steep = machine(incline=InclineRange(0, 100, 15))
    assert 15 == work_of(lesson(21, Walked(300, 1_350_000, 10), known=steep).program)[2]


def test_a_person_above_whose_level_it_is_gets_the_reason():
    beginner = Walker(id="anna", name="Anna")
    found = lesson(10, Walked(200, 9_000_000, 0), person=beginner)
    assert found.program is None
    assert "the walker's is beginner" in found.refusal


def test_a_cautious_person_never_gets_beyond_the_cautious_limits():
    cautious = Walker(id="anna", name="Anna", level=Level.CAUTIOUS)
    found = lesson(21, Walked(200, 1_350_000, 0), person=cautious)
    assert (200, 0) == (work_of(found.program)[0], work_of(found.program)[2])
    assert "2.0 km/h instead of 3.0 km/h: walker: the cautious limits" == found.notes[0]


def test_the_warm_up_forward_keeps_to_a_low_limit():
    program = lesson(walker=Caps(reason="slow", speed=80)).program
    assert (80, 80) == (program.max_speed, flatten(program, 50).top_speed)


# -- no path breaks a limit --------------------------------------------------------------------

OUTCOMES = st.sampled_from(
    ("clean", "clean", "clean", "clean", "alarm", "early", "hard", "pain", "heart", "unsaid", "eased",
     "abroad", "abroad alarm")
)  # fmt: skip
CAPS = st.none() | st.builds(
    Caps,
    reason=st.just("own"),
    speed=st.none() | st.integers(50, 400),
    incline=st.none() | st.integers(0, 50),
    backward_time=st.none() | st.integers(300_000, 1_800_000),
)
EXAMPLES = int(os.environ.get("BACKSTRIDE_PATHS", "40"))
DAYS = st.sampled_from((0, 0, 0, 1, 2, 4, 13, 14, 15, 30, 90))
MACHINES = st.builds(
    machine,
    minimum=st.integers(5, 15).map(lambda n: n * 10),
    increment=st.sampled_from((1, 5, 10, 16, 20, 25, 40, 50)),
    incline=st.sampled_from((SLOPE, None, InclineRange(0, 150, 10))),
)
SEVERAL = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class Walk:
    """One person's months on one machine; every session is held against the limits as it is offered."""

    def __init__(self, known):
        self.machine, self.day, self.heads = known, 1_000, []
        self.clean = None  # work of the last clean session
        self.offers = []  # (day, speed) of every session that was walked

    def offer(self, days=0, caps=None):
        person = PERSON
        place = find_place(self.heads, 190, Now(self.day * DAY))
        self.day = max(self.day + days, place.due)
        place = find_place(self.heads, 190, Now(self.day * DAY))
        person = prepare(
            Walker(id="anna", name="Anna", caps=caps), Clearance.READY, earned_level(place)
        )
        found = make_lesson(place, person, Setting(machine=self.machine))
        if found.program is not None:
            self.check(place, person, found.program)
        return place, found.program

    def check(self, place, person, program):
        site, floor = SiteRules(), self.machine.speed.minimum
        workout = flatten(program, floor)
        within = envelope(site, self.machine, None, program, person)
        assert () == admit(program, workout, within, site, person)
        speed, repeats, slope, backward = work_of(program, floor)
        assert speed <= max(place.rung.speed, floor)
        assert speed <= 400
        assert 0 <= slope <= min(max(place.rung.week - 6, 0) * 10, 50)
        assert repeats <= place.rung.pattern.repeats
        assert backward <= 30 * 60_000
        for before, after in zip(workout.segments, workout.segments[1:], strict=False):
            assert before.facing is not after.facing or abs(after.speed - before.ramp_to) <= 50
        for s in workout.segments:
            assert s.ramp_to - s.speed <= 5 * s.duration // 1_000
        days = [day for day, _ in self.offers]
        assert self.day not in days
        assert len([day for day in days if day > self.day - 7]) < 3
        assert all(speed - v <= 80 for day, v in self.offers if day > self.day - 7)
        if self.clean is not None:
            self.check_rise(speed, slope, backward)

    def check_rise(self, speed, slope, backward):
        before = self.clean
        rise = max(20, self.machine.speed.increment)
        assert speed - before[0] <= rise
        assert slope - before[1] <= 10
        cycle = 390_000  # the longest work and rest: cut time may come back rounded to one
        assert sum((speed > before[0], slope > before[1], backward > before[2] + cycle // 2)) <= 1

    def live(self, program, outcome, *, worse=False):
        floor = self.machine.speed.minimum
        speed, _, slope, backward = work_of(program, floor)
        changes = {
            "alarm": {"alarms": 1}, "early": {"completed": False, "backward": backward // 2},
            "hard": {"effort": 14}, "pain": {"pain": 4}, "heart": {"heart_rate_max": 180},
            "unsaid": {"effort": None, "pain": None},
            "eased": {"work_speed": floor + (speed - floor) // 2},
            "abroad": {"program": "hill"}, "abroad alarm": {"program": "hill", "alarms": 1},
        }.get(outcome, {})  # fmt: skip
        known = {
            "id": str(len(self.heads)), "treadmill": "t", "program": program.id, "program_name": "",
            "level": program.level, "started": self.day * DAY, "completed": True, "outcome": "over",
            "backward": backward, "work_speed": speed, "top_incline": slope, "effort": 11, "pain": 0,
        }  # fmt: skip
        head = Head(**{**known, **changes, **({"alarms": 1} if worse else {})})
        self.heads.append(head)
        self.offers.append((self.day, speed))
        if outcome in {"clean", "eased"} and not worse:
            self.clean = (head.work_speed, slope, backward)


@pytest.mark.hazard("H04", "H26")
@SEVERAL
@given(known=MACHINES, story=st.lists(st.tuples(OUTCOMES, DAYS, CAPS), max_size=50))
def test_no_path_through_the_plan_breaks_a_limit(known, story):
    walk = Walk(known)
    for outcome, days, caps in story:
        _, program = walk.offer(days, caps)
        if program is not None:
            walk.live(program, outcome)


@pytest.mark.hazard("H04")
@SEVERAL
@given(
    known=MACHINES,
    # Whoever slows down by hand may do so on another rung: the next may raise the speed there, the time here.
    story=st.lists(
        st.tuples(OUTCOMES.filter(lambda o: o != "eased"), DAYS, st.booleans()), max_size=40
    ),
    caps=CAPS,
)
def test_more_trouble_never_leads_to_more_speed(known, story, caps):
    calm, troubled = Walk(known), Walk(known)
    for outcome, days, worse in story:
        offers = []
        for walk in (calm, troubled):
            place, program = walk.offer(days, caps)
            assert program is not None or caps is not None
            offers.append((place, program))
            if program is not None:
                walk.live(program, outcome, worse=worse and walk is troubled)
        (easy, first), (hard, second) = offers
        assert hard.index <= easy.index
        if first is not None and second is not None:
            floor = known.speed.minimum
            assert work_of(second, floor)[0] <= work_of(first, floor)[0]


@SEVERAL
@given(known=MACHINES, story=st.lists(st.tuples(OUTCOMES, DAYS), max_size=20))
def test_whatever_happened_before_clean_sessions_lead_to_the_top(known, story):
    walk = Walk(known)
    for outcome, days in story:
        walk.live(walk.offer(days)[1], outcome)
    for _ in range(LAST + 1):
        walk.live(walk.offer()[1], "clean")
    assert LAST == walk.offer()[0].index
