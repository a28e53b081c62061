"""The ladder against the table of the progression: no rung above its week, one variable at a time."""

from __future__ import annotations

from itertools import pairwise

import pytest

from backstride.domain.ladder import LADDER, LAST, PATTERNS, WEEKS, Variable, rung_of

WEEK = {
    1: (100, 100, 6),
    2: (120, 150, 8),
    3: (150, 200, 10.5),
    4: (200, 250, 12),
    5: (250, 300, 15),
    6: (300, 350, 15),
}
"""Lowest and highest work speed (0.01 km/h) and minutes of work, by the table."""


def minutes(rung):
    return rung.pattern.work * rung.pattern.repeats / 60_000


def test_the_ladder_is_what_it_says():
    shown = [
        (r.week, r.session, r.speed, PATTERNS.index(r.pattern), r.incline, r.raises.value)
        for r in LADDER
    ]
    assert shown[:3] == [(1, n, 100, 0, 0, "nothing") for n in (1, 2, 3)]
    for week in range(2, 7):
        speed, pattern = 100 + 40 * (week - 2), week - 1
        assert shown[3 * week - 3 : 3 * week] == [
            (week, 1, speed + 20, pattern - 1, 0, "speed"),
            (week, 2, speed + 40, pattern - 1, 0, "speed"),
            (week, 3, speed + 40, pattern, 0, "time"),
        ]
    for week in range(7, 12):
        slope = 10 * (week - 6)
        assert shown[3 * week - 3 : 3 * week] == [
            (week, 1, 300, 5, slope, "incline"),
            (week, 2, 300, 5, slope, "nothing"),
            (week, 3, 300, 5, slope, "nothing"),
        ]
    assert len(shown) == 33


@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.program)
def test_no_rung_is_above_its_week(rung):
    _, fastest, most = WEEK[min(rung.week, 6)]
    assert rung.speed <= fastest
    assert minutes(rung) <= most
    assert rung.incline <= max(rung.week - 6, 0) * 10


def test_each_of_the_first_six_weeks_ends_with_its_minutes():
    assert [m for _, _, m in WEEK.values()] == [minutes(LADDER[3 * w - 1]) for w in WEEK]
    assert [12, 14, 17.5, 18, 20, 19.5] == [p.length / 60_000 for p in PATTERNS]


def test_a_rung_raises_the_variable_that_it_names_and_no_other():
    for below, rung in pairwise(LADDER):
        changed = {
            Variable.SPEED: rung.speed - below.speed,
            Variable.TIME: PATTERNS.index(rung.pattern) - PATTERNS.index(below.pattern),
            Variable.INCLINE: rung.incline - below.incline,
        }
        most = {Variable.SPEED: 20, Variable.TIME: 1, Variable.INCLINE: 10}
        assert {n: d for n, d in changed.items() if d} == {
            n: most[n] for n in most if n is rung.raises
        }


def test_a_program_names_its_rung():
    assert list(range(LAST + 1)) == [rung_of(rung.program) for rung in LADDER]
    assert "plan-4-2" == LADDER[10].program
    assert rung_of("first-steps") is None


def test_the_table_has_eight_weeks_of_three():
    assert (8, 33) == (WEEKS, len(LADDER))
