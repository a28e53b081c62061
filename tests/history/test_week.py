"""Weeks begin on Monday where it was walked, and hold what was walked in them."""

from __future__ import annotations

from datetime import date

import pytest

from backstride.history.week import Week, add_up, local_day

MONDAY = 1_795_392_000_000
"""2026-11-23, 00:00 UTC."""
MINUTE = 60_000


@pytest.mark.parametrize(
    ("started", "offset", "day"),
    [
        (MONDAY, 0, date(2026, 11, 23)),
        (MONDAY - 1, 0, date(2026, 11, 22)),
        (MONDAY - 1, 1, date(2026, 11, 23)),
        (MONDAY, -1, date(2026, 11, 22)),
        (MONDAY + 86_400_000 - 1, 0, date(2026, 11, 23)),
    ],
)
def test_the_day_is_that_of_the_clock_on_the_wall(make, started, offset, day):
    assert day == local_day(make.head(started=started, offset=offset))


def test_a_week_adds_up_what_was_walked_in_it(make):
    heads = [
        make.head("3", started=MONDAY, walked=600_000, backward=300_000, top_speed=120, energy=900,
                  distance=200, effort=11),
        make.head("2", started=MONDAY + 6 * 86_400_000, walked=60_000, backward=1_000, top_speed=150,
                  effort=14),
        make.head("1", started=MONDAY + 86_400_000, walked=1_000),
    ]  # fmt: skip
    assert (
        Week(
            monday=date(2026, 11, 23), sessions=3, walked=661_000, backward=301_000, distance=200,
            top_speed=150, energy=900, effort=125,
        ),
    ) == add_up(heads)  # fmt: skip


def test_weeks_come_newest_first_and_those_without_a_walk_not_at_all(make):
    heads = [
        make.head("1", started=MONDAY - MINUTE, walked=1),
        make.head("2", started=MONDAY, walked=1),
        make.head("3", started=MONDAY - 40 * 86_400_000, walked=1),
        make.head("4", started=MONDAY - 20 * 86_400_000, walked=0),
    ]
    assert [date(2026, 11, 23), date(2026, 11, 16), date(2026, 10, 12)] == [
        week.monday for week in add_up(heads)
    ]
    assert () == add_up([])


def test_a_week_in_which_nobody_said_how_it_was_has_no_effort(make):
    (week,) = add_up([make.head(started=MONDAY, walked=1)])
    assert None is week.effort
