"""Of all that is wrong the worst action wins."""

from __future__ import annotations

import itertools

from backstride.domain.failsafe import Action, Cause, Finding, worst


def test_of_nothing_nothing_is_the_worst():
    assert worst(()) is None


def test_the_ladder_of_actions_is_ordered_as_in_the_design():
    assert ["ANNOUNCE", "HOLD", "SLOW_DOWN", "STOP", "HAND_OVER"] == [
        action.name for action in sorted(Action)
    ]


def test_the_worst_wins_in_any_order():
    findings = [Finding(action, Cause.STALE, "") for action in Action]
    for some in itertools.permutations(findings, 3):
        expected = max(finding.action for finding in some)
        assert expected is worst(some).action


def test_of_equals_the_first_wins():
    first, second = (Finding(Action.STOP, cause, "") for cause in (Cause.BLIND, Cause.PROBE))
    assert worst((first, second)) is first
