"""Limits only tighten, and remember who tightened them."""

from __future__ import annotations

import pytest

from backstride.domain.limits import Bound, Layer, hard

HARD = Bound(550, Layer.HARD, "the fastest walk")
SITE = Bound(400, Layer.SITE, "the house rule")


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (399, (HARD, SITE, Bound(399, Layer.WALKER, "still learning"))),
        (0, (HARD, SITE, Bound(0, Layer.WALKER, "still learning"))),
        (400, (HARD, SITE)),
        (401, (HARD, SITE)),
        (None, (HARD, SITE)),
    ],
)
def test_a_limit_is_only_lowered_and_keeps_its_history(value, expected):
    limit = hard(550, "the fastest walk").tighten(400, Layer.SITE, "the house rule")
    tightened = limit.tighten(value, Layer.WALKER, "still learning")
    assert expected == tightened.chain
    assert expected[-1] == Bound(tightened.value, tightened.layer, tightened.reason)
