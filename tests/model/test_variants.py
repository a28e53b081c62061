"""The product broken on purpose: the search finds each defect, and tells it as a story that replays."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from safety.model.story import fold_moves, replay, story, unfold_moves
from safety.model.variants import VARIANTS, hunt


@pytest.mark.hazard(
    "H01",
    "H03",
    "H04",
    "H05",
    "H06",
    "H08",
    "H09",
    "H10",
    "H13",
    "H15",
    "H16",
    "H17",
    "H24",
    "H25",
    "H30",
)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name.replace(" ", "-"))
def test_the_search_finds(variant):
    report = hunt(variant)
    print(f"{variant.name}: {report.states} states, {len(report.way)} moves: {report.breach}")
    assert report.breach


def test_the_way_to_a_breach_breaks_the_same_promise_with_raw_sessions():
    variant = next(v for v in VARIANTS if v.name == "a lost link forgives the debt")
    report = hunt(variant)
    assert replay(variant.scene, report.way) == ""
    with ExitStack() as stack:
        variant.breaks(stack)
        assert replay(variant.scene, report.way) == report.breach
        told = story(variant.scene, report.way, report.breach)
    assert "def test_our_belt_moves" in told
    assert '"confirm"' in told
    assert "starting -> faulted" in told


def test_moves_fold_and_unfold():
    way = ("start", "round", "round", "confirm")
    assert fold_moves(way) == ["start", "round *2", "confirm"]
    assert tuple(unfold_moves(fold_moves(way))) == way
