"""Every state that one act of bad luck (on one machine: two) can lead to, on every kind of machine."""

from __future__ import annotations

import pytest

from safety.model.scene import quick
from safety.model.search import search
from safety.model.story import story

FLOORS = {
    "plain": 10_500, "stairs": 12_000, "counts": 12_000, "tilts": 16_000, "console": 3_800,
    "slow start": 12_000, "coy": 11_000, "commits": 11_500, "coasts": 12_500, "toggles": 11_500,
    "remembers": 14_000, "shows target": 10_500, "fast start": 5_300, "brisk start": 11_000, "mph": 700,
    "heart": 14_000, "alone": 10_500, "patient": 13_000, "half": 37_000, "fine": 43_000, "twice": 25_000,
    "twice unseen": 132_000, "twice coy": 30_000,
}  # fmt: skip
"""Fewer states than these say that the search lost sight of something."""


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
