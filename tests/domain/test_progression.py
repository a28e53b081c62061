"""Where somebody stands: one decision after the other, with its reason."""

from __future__ import annotations

import pytest
from msgspec.structs import astuple

from backstride.domain.ladder import LADDER, LAST
from backstride.domain.progression import (
    Decision,
    Doubt,
    Now,
    Place,
    Walked,
    earned_level,
    explain,
    find_doubts,
    find_place,
    jog_misses,
    summarise,
)
from backstride.domain.record import Head
from backstride.domain.workout import Level

DAY = 86_400_000
START = 20_000 * DAY + 8 * 3_600_000


def head(day=0, program="plan-1-1", **changes):
    known = {
        "id": f"{day}-{program}", "treadmill": "home", "program": program, "program_name": "",
        "level": Level.BEGINNER, "started": START + day * DAY, "outcome": "over", "completed": True,
        "backward": 900_000, "work_speed": 100, "effort": 11, "pain": 0,
    }  # fmt: skip
    return Head(**{**known, **changes})


def place(*heads, day=1, maximum=None):
    return find_place(heads, maximum, Now(START + day * DAY))


def climb(index, *, every=2, start=0):
    """Clean sessions of the rungs below `index`, the last on the day before `start + every * index`."""
    return [
        head(start + every * i, LADDER[i].program, work_speed=LADDER[i].speed) for i in range(index)
    ]


def test_nothing_walked_begins_at_the_bottom():
    assert Place() == place()


def test_nothing_known_is_nothing_counted():
    assert (0, 0, Decision.BEGIN, (), 0, 0, 0, 0, None, None) == astuple(Place())
    assert Now(at=START, offset=0) == Now(START)


def test_a_clean_session_leads_one_up():
    found = place(head())
    assert (1, 0, Decision.ADVANCE, 1) == (found.index, found.done, found.decision, found.clean)
    assert Walked(100, 900_000, 0) == found.walked
    assert LADDER[1] == found.rung


TROUBLE = {
    Doubt.ALARM: {"alarms": 1},
    Doubt.EARLY: {"completed": False},
    Doubt.EFFORT: {"effort": 14},
    Doubt.PAIN: {"pain": 4},
    Doubt.HEART: {"heart_rate_max": 153},
}


@pytest.mark.parametrize("doubt", TROUBLE)
def test_a_session_that_was_not_clean_is_repeated(doubt):
    found = place(head(), head(2, "plan-1-2", **TROUBLE[doubt]), day=3, maximum=180)
    assert (1, Decision.REPEAT, (doubt,), 1, 0) == (
        found.index, found.decision, found.doubts, found.failures, found.clean,
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"effort": 13}, {"pain": 3}, {"heart_rate_max": 152}, {"alarms": 0}],
    ids=str,
)
def test_at_the_limit_it_is_still_clean(changes):
    assert () == find_doubts(head(**changes), 180)


def test_an_unknown_heart_rate_or_maximum_is_not_held_against_anybody():
    assert () == find_doubts(head(heart_rate_max=None), 180)
    assert () == find_doubts(head(heart_rate_max=220), None)


@pytest.mark.parametrize("silence", [{"effort": None}, {"pain": None}])
def test_what_nobody_said_is_not_easy(silence):
    found = place(head(), head(2, "plan-1-2", **silence), head(4, "plan-1-2", **silence), day=5)
    assert (1, Decision.REPEAT, (Doubt.UNSAID,), 0) == (
        found.index, found.decision, found.doubts, found.failures,
    )  # fmt: skip
    assert "nobody has said yet" in explain(found)


def test_all_doubts_are_told():
    wrong = head(completed=False, alarms=2, effort=20, pain=None, heart_rate_max=200)
    assert (Doubt.ALARM, Doubt.EARLY, Doubt.EFFORT, Doubt.HEART, Doubt.UNSAID) == find_doubts(
        wrong, 180
    )


def test_a_second_failure_in_a_row_leads_one_back():
    wrong = [head(day, LADDER[i].program, alarms=1) for day, i in ((8, 4), (10, 4), (12, 3))]
    first, second, third = (place(*climb(4), *wrong[:n], day=13) for n in (1, 2, 3))
    assert (4, Decision.REPEAT) == (first.index, first.decision)
    assert (3, Decision.STEP_BACK) == (second.index, second.decision)
    assert (2, Decision.STEP_BACK, 3) == (third.index, third.decision, third.failures)
    assert "because again of the last session there was an alarm" in explain(second)


def test_nobody_falls_below_the_first_rung():
    found = place(*(head(2 * n, alarms=1) for n in range(4)), day=7)
    assert (0, Decision.STEP_BACK) == (found.index, found.decision)


def test_a_clean_session_forgives_a_failure():
    found = place(
        *climb(3), head(6, "plan-2-1", alarms=1), head(8, "plan-2-1", work_speed=120),
        head(10, "plan-2-2", alarms=1), day=11,
    )  # fmt: skip
    assert (4, Decision.REPEAT, 1) == (found.index, found.decision, found.failures)
    forgiven = place(head(0, alarms=1), head(2), day=3)
    assert (1, (), 0) == (forgiven.index, forgiven.doubts, forgiven.failures)


def test_a_rung_above_the_own_counts_as_the_own():
    found = place(head(0, "plan-8-3"), head(2, "plan-8-3", alarms=1), day=3)
    assert (1, 0) == (found.index, found.done)


def test_a_rung_below_the_own_leads_to_the_one_above_it():
    found = place(*climb(6), head(12, "plan-1-2"), day=13)
    assert (2, 1) == (found.index, found.done)


def test_the_top_of_the_ladder_is_kept():
    found = place(*climb(LAST + 1), day=2 * LAST + 1)
    assert (LAST, LAST, Decision.KEEP) == (found.index, found.done, found.decision)
    assert "the ladder ends here" in explain(found)
    before = place(*climb(LAST), day=2 * LAST)
    assert (LAST, Decision.ADVANCE) == (before.index, before.decision)


@pytest.mark.parametrize(
    ("away", "index"), [(13, 10), (14, 6), (27, 6), (28, 3), (42, 0), (400, 0)]
)
def test_two_weeks_away_lead_a_week_back(away, index):
    found = place(*climb(10), day=18 + away)
    assert index == found.index
    if away >= 14:
        assert (Decision.STEP_BACK, away, 0, index) == (
            found.decision, found.away, found.clean, found.done,
        )  # fmt: skip
        assert f"it were {away}" in explain(found)
    else:
        assert Decision.ADVANCE is found.decision


def test_an_absence_between_two_sessions_counts_too():
    found = place(*climb(10), head(32, "plan-3-1", work_speed=160), day=33)
    assert (7, 6, Decision.ADVANCE, 1) == (found.index, found.done, found.decision, found.clean)


def test_an_absence_before_the_first_session_of_the_plan_is_none():
    assert Place(due=20_001) == place(head(0, "easy-intervals"), day=60)


def test_an_absence_after_trouble_says_the_absence():
    found = place(*climb(4), head(8, "plan-2-2", alarms=1), day=30)
    assert (0, Decision.STEP_BACK, ()) == (found.index, found.decision, found.doubts)


def test_other_programs_neither_advance_nor_need_words():
    quiet = head(2, "easy-intervals", effort=None, pain=None, completed=False)
    assert (1, Decision.ADVANCE) == ((found := place(head(), quiet, day=3)).index, found.decision)


def test_trouble_elsewhere_takes_back_what_was_earned():
    found = place(*climb(4), head(8, "hill", pain=5), head(10, "hill", alarms=1), day=11)
    assert (3, Decision.REPEAT, (Doubt.ALARM,), 0, 0) == (
        found.index, found.decision, found.doubts, found.clean, found.failures,
    )  # fmt: skip


def test_trouble_elsewhere_before_the_plan_holds_at_the_bottom():
    found = place(head(0, "hill", alarms=1))
    assert (0, Decision.REPEAT) == (found.index, found.decision)


def test_an_attempt_of_less_than_a_minute_does_not_count():
    attempt = head(2, "plan-1-2", backward=59_999, completed=False, effort=None, pain=None)
    found = place(head(), attempt, day=2)
    assert (1, Decision.ADVANCE, 20_001) == (found.index, found.decision, found.due)
    counted = place(head(), head(2, "plan-1-2", backward=60_000, completed=False), day=3)
    assert Decision.REPEAT is counted.decision


def test_an_attempt_with_an_alarm_counts():
    found = place(head(), head(2, "plan-1-2", backward=0, completed=False, alarms=1), day=3)
    assert (Decision.REPEAT, 20_003) == (found.decision, found.due)


def test_the_order_of_the_history_does_not_matter():
    heads = climb(7)
    assert place(*heads, day=14) == place(*reversed(heads), day=14)


def test_one_session_a_day():
    assert 20_001 == place(head(0), day=0).due


def test_three_sessions_in_any_seven_days():
    assert 20_003 == place(head(0), head(2), day=2).due
    assert 20_007 == place(head(0), head(2), head(4), day=4).due
    assert 20_009 == place(head(0), head(2), head(4), head(7), day=7).due
    assert 20_011 == place(head(0), head(5), head(10), day=10).due


def test_a_day_is_the_local_one():
    assert 19_999 == Now(20_000 * DAY - 1).day
    assert 20_000 == Now(20_000 * DAY - 1, 1).day
    assert 19_999 == Now(20_000 * DAY, -1).day
    late = head(0, started=20_000 * DAY - 1, offset=60)
    assert 20_001 == place(late).due


def test_the_walked_speed_is_carried_along_and_counted():
    heads = [head(0, work_speed=100), head(2, "plan-1-2", work_speed=100, top_incline=5)]
    assert Walked(100, 900_000, 5, 2) == place(*heads, day=3).walked
    slower = head(4, "plan-1-3", work_speed=80)
    assert Walked(80, 900_000, 0, 1) == place(*heads, slower, day=5).walked


def test_a_head_without_a_work_speed_leaves_what_was_known():
    silent = {"work_speed": 0, "backward": 600_000}
    assert Walked(100, 600_000, 0, 1) == place(head(**silent)).walked
    again = head(2, "plan-1-2", **silent)
    assert Walked(80, 600_000, 0, 2) == place(head(work_speed=80), again, day=3).walked


@pytest.mark.parametrize(
    ("index", "level"),
    [
        (0, Level.BEGINNER),
        (9, Level.BEGINNER),
        (10, Level.REGULAR),
        (23, Level.REGULAR),
        (24, Level.ADVANCED),
    ],
)
def test_levels_are_unlocked_in_stages(index, level):
    assert level is earned_level(Place(index=index))


@pytest.mark.hazard("H26")
def test_the_jog_is_unlocked_by_its_criteria_only():
    ready = Place(index=24, clean=3, walked=Walked(300, 1, 0))
    assert ((), Level.LOCKED) == (jog_misses(ready), earned_level(ready))
    for changes, missing in (
        ({"index": 23}, "the 8 weeks of the plan are walked"),
        ({"clean": 2}, "the last 3 sessions were clean"),
        ({"walked": Walked(299, 1, 0)}, "the last was walked at 3.0 km/h"),
        ({"walked": None}, "the last was walked at 3.0 km/h"),
    ):
        near = Place(**{"index": 24, "clean": 3, "walked": Walked(300, 1, 0), **changes})
        assert (missing,) == jog_misses(near)
        assert Level.LOCKED is not earned_level(near)


def test_the_whole_plan_walked_clean_unlocks_the_jog_and_trouble_locks_it_again():
    heads = climb(24)
    assert Level.LOCKED is earned_level(place(*heads, day=47))
    assert Level.LOCKED is not earned_level(place(*heads, head(48, "plan-9-1", alarms=1), day=49))
    assert Level.LOCKED is not earned_level(place(*heads, day=70))


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (1, "once more the same"),
        (3, "the speed goes up to 1.2 km/h and nothing else changes"),
        (5, "more time, 8 min of work at the same speed"),
        (18, "the slope goes up to 1.0 % at the same speed"),
    ],
)
def test_an_advance_says_what_it_raises(index, words):
    assert words in explain(Place(index=index, decision=Decision.ADVANCE))


def test_the_first_session_says_its_source():
    assert "lay trainers" in explain(Place())


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("doubt", Doubt)
def test_what_goes_to_the_broker_says_nothing_of_anybodys_body(decision, doubt):
    words = summarise(Place(decision=decision, doubts=(doubt,), away=40))
    assert words
    assert not any(word in words for word in ("pain", "heart", "Borg", "hard", "alarm", "40"))


@pytest.mark.parametrize("wrong", [{"alarms": 1}, {"effort": None}])
def test_whoever_slowed_down_in_trouble_does_not_begin_faster(wrong):
    slower = head(8, "plan-2-2", work_speed=90, **wrong)
    faster = head(10, "plan-2-2", work_speed=110, **wrong)
    silent = head(12, "plan-2-2", work_speed=0, **wrong)
    assert 90 == place(*climb(4), slower, day=9).most
    assert 90 == place(*climb(4), slower, faster, silent, day=13).most
    assert place(*climb(4), silent, day=13).most is None
    assert Walked(120, 900_000, 0, 1) == place(*climb(4), slower, day=9).walked
    assert place(*climb(4), slower, head(10, "plan-2-2", work_speed=90), day=11).most is None


def test_an_unsaid_session_of_a_lower_rung_is_repeated_there():
    assert 1 == place(*climb(6), head(12, "plan-1-2", effort=None), day=13).index
