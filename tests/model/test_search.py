"""Every state that one act of bad luck (on one machine: two) can lead to, on every kind of machine."""

from __future__ import annotations

import pytest

from safety.model.scene import quick
from safety.model.search import search
from safety.model.story import story

FLOORS = {
    "plain": 18_000, "stairs": 20_000, "counts": 20_000, "tilts": 26_000, "console": 5_500,
    "slow start": 20_000, "commits": 19_000, "coasts": 22_000, "toggles": 19_000, "remembers": 22_000,
    "shows target": 18_000, "fast start": 8_000, "brisk start": 18_000, "mph": 1_000, "alone": 17_000,
    "patient": 21_000, "half": 63_000, "fine": 72_000, "twice": 38_000,
}  # fmt: skip
"""Fewer states than these say that the search lost sight of something."""


@pytest.mark.hazard(
    "H01", "H03", "H04", "H05", "H06", "H08", "H09", "H10", "H13", "H15", "H16", "H17", "H24", "H25"
)
@pytest.mark.parametrize("scene", quick(), ids=lambda scene: scene.name.replace(" ", "-"))
def test_no_run_breaks_a_promise(scene, record_property):
    report = search(scene)
    record_property("figure", f"model check: {report.line()}")
    assert not report.breach, story(scene, report.way, report.breach)
    assert report.complete
    assert report.states >= FLOORS[scene.name]


def test_the_searches_together_see_more_than_300_000_states():
    assert {scene.name for scene in quick()} == set(FLOORS)
    assert sum(FLOORS.values()) >= 300_000


def test_a_search_that_keeps_hashes_only_sees_as_much():
    scene = quick()[0]
    assert search(scene).states == search(scene, exact=False).states
