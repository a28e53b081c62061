"""A workout told to people."""

from __future__ import annotations

from backstride.domain.units import SECOND
from backstride.domain.workout import MACHINE_MINIMUM, Effort, Facing, flatten
from backstride.scripts.catalogue import Catalogue
from backstride.scripts.outline import outline, summarise


def test_the_summary_of_the_demo_says_what_will_happen():
    program = Catalogue.load().get("demo")
    summary = summarise(program, flatten(program, 50))
    assert "Demo: 4:20, 3:00 of it backward, up to 2.0 km/h, level, 2 turns" == summary.sentence


def test_the_summary_of_the_hill_tells_the_slope():
    program = Catalogue.load().get("hill")
    assert "up to 5.0 % uphill" in summarise(program, flatten(program, 50)).sentence


def test_the_rows_follow_the_time_line():
    rows = outline(flatten(Catalogue.load().get("demo"), 50))
    assert [0, 40, 70, 100] == [row.start // SECOND for row in rows[:4]]
    assert [False, True, False] == [row.turn for row in rows[:3]]
    assert (Effort.WARMUP, Facing.BACKWARD, "1.0 km/h") == (
        rows[1].effort,
        rows[1].facing,
        rows[1].pace,
    )
    assert "0.5 km/h to 2.0 km/h" == rows[0].pace


def test_without_a_machine_its_minimum_stays_words():
    rows = outline(flatten(Catalogue.load().get("demo"), MACHINE_MINIMUM))
    assert "machine minimum to 2.0 km/h" == rows[0].pace
