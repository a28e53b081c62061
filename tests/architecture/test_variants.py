"""The unsafe variants still mean something, and the machinery that judges them can tell the difference."""

from __future__ import annotations

import pytest

from safety.variants.catalogue import ROOT, AnchorError, Edit, Variant, broken, catalogue
from safety.variants.trial import attempt

ALL = catalogue()
SAMPLE = ("start-on-a-moving-belt", "mph-is-kmh", "one-zero-frame-proves-rest")


@pytest.mark.parametrize("variant", ALL, ids=lambda variant: variant.id)
def test_each_anchor_is_there_exactly_once_and_its_tests_exist(variant):
    texts = broken(variant)
    assert all(text != (ROOT / file).read_text() for file, text in texts.items())
    assert all((ROOT / test).exists() for test in variant.tests)


def test_there_is_a_variant_for_each_hazard():
    known = {hazard for variant in ALL for hazard in variant.hazards}
    assert {f"H{number:02}" for number in range(1, 31)} == known
    assert len({variant.id for variant in ALL}) == len(ALL)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_defect_in_a_copy_is_noticed_by_the_tests(name):
    (variant,) = [variant for variant in ALL if variant.id == name]
    assert attempt(variant).fate == "killed"


def test_a_copy_without_a_defect_is_not_accused():
    file = "src/backstride/domain/units.py"
    harmless = Edit(file, "KMH: Final[Speed] = 100", "KMH: Final[Speed] = 50 + 50")
    variant = Variant("none", (), "it is none", (harmless,), ("tests/domain/test_units.py",))
    assert attempt(variant).fate == "survived"


def test_an_anchor_that_is_gone_is_told():
    gone = Edit("src/backstride/domain/units.py", "no such text", "")
    with pytest.raises(AnchorError, match="there 0 times"):
        broken(Variant("gone", (), "", (gone,), ()))
