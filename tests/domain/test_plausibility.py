"""Each check of the belt by itself: what it looks at, and what makes it hold its tongue."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain import plausibility
from backstride.domain.envelope import envelope
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Action, Cause
from backstride.domain.limits import SiteRules
from backstride.domain.session import Drive, Phase, Session

NOW = 100_000


@pytest.fixture
def walking(make_machine, make_program):
    """A belt at 1.0 km/h under a cap of 1.5 km/h, on a deck at 1 %."""
    known = make_machine()
    return Session(
        phase=Phase.RUNNING,
        since=NOW - 60_000,
        now=NOW,
        machine=known,
        envelope=envelope(SiteRules(), known, None, make_program()),
        evidence=Evidence(
            at=NOW, speed=100, speed_at=NOW, incline=10, since=9, level=100, level_at=NOW - 9_000,
            counts=True, ticks=True, advanced_at=NOW,
        ),
        drive=Drive(
            target=100, target_at=NOW - 20_000, probed=2, followed=True, incline=10, incline_from=10,
        ),
    )  # fmt: skip


def seen(s, **changes):
    return replace(s, evidence=replace(s.evidence, **changes))


def told(s, **changes):
    return replace(s, drive=replace(s.drive, **changes))


def verdict(check, s):
    finding = check(s)
    return None if finding is None else (finding.action, finding.cause)


def test_above_the_cap_needs_two_frames_and_a_speed(walking):
    over = seen(walking, speed=181, over=2)
    assert verdict(plausibility.over_cap, over) == (Action.STOP, Cause.OVERSPEED)
    assert plausibility.over_cap(over).sentence == "the belt runs at 1.81 km/h, above 1.5 km/h"
    nameless = replace(over, envelope=None)
    assert plausibility.over_cap(nameless).sentence == "the belt runs at 1.81 km/h, above the cap"
    assert plausibility.over_cap(seen(over, speed=None)) is None
    assert plausibility.over_cap(seen(over, over=1)) is None


@pytest.mark.parametrize(("speed", "expected"), [(None, None), (180, None), (181, Action.STOP)])
def test_a_first_speed_is_held_against_the_cap(walking, speed, expected):
    finding = plausibility.too_fast_at_once(seen(walking, speed=speed))
    assert expected == (finding and finding.action)
    assert plausibility.too_fast_at_once(replace(walking, envelope=None)) is None


def test_faster_than_told_needs_a_speed_and_a_beginning(walking):
    off = seen(replace(walking, off_since=NOW - 9_000), speed=140)
    assert verdict(plausibility.over_target, off) == (Action.STOP, Cause.NOT_FOLLOWING)
    assert plausibility.over_target(seen(off, speed=None)) is None
    assert plausibility.over_target(replace(off, off_since=None)) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, True), ({"since": 0}, False), ({"since": 1}, True), ({"speed": None}, False)],
)
def test_a_probe_is_judged_by_frames_that_came_after_it(walking, changes, expected):
    probing = seen(told(walking, probe_at=NOW - 9_000, probe_goal=50, probe_slack=15), **changes)
    assert expected is (plausibility.probe(probing) is not None)
    assert plausibility.probe(told(probing, probe_at=None)) is None


@pytest.mark.parametrize(
    ("speed", "expected"), [(84, False), (85, True), (115, True), (116, False)]
)
def test_a_probe_is_obeyed_within_its_slack_both_ways(speed, expected):
    assert plausibility.obeyed(Drive(probe_goal=100, probe_slack=15), speed) is expected


@pytest.mark.parametrize(
    "excuse",
    [{"probed": 1}, {"probe_at": NOW}, {"refusals": 1}],
    ids=lambda excuse: next(iter(excuse)),
)
def test_a_belt_that_was_never_probed_has_few_excuses(walking, excuse):
    unknown = told(walking, probed=0)
    assert verdict(plausibility.unprobed, unknown) == (Action.SLOW_DOWN, Cause.PROBE)
    assert plausibility.unprobed(told(unknown, **excuse)) is None


@pytest.mark.parametrize(("speed", "shown"), [(None, "0.0 km/h"), (30, "0.3 km/h")])
def test_a_belt_that_never_settled_is_told_with_its_speed(walking, speed, shown):
    finding = plausibility.unprobed(seen(told(walking, probed=0), speed=speed))
    assert finding.sentence.endswith(f"it reports {shown}")


@pytest.mark.parametrize(
    ("drive", "evidence", "expected"),
    [
        ({}, {}, (Action.HAND_OVER, Cause.BELT_MOVED)),
        ({"followed": False}, {}, (Action.SLOW_DOWN, Cause.NOT_FOLLOWING)),
        ({"probed": 0}, {}, None),
        ({"probed": 1}, {}, (Action.HAND_OVER, Cause.BELT_MOVED)),
        ({"unknowns": 1}, {}, None),
        ({"refusals": 1}, {}, None),
        ({"probe_at": NOW}, {}, None),
        ({}, {"since": 1}, None),
        ({}, {"since": 2}, (Action.HAND_OVER, Cause.BELT_MOVED)),
        ({}, {"speed": None}, None),
        ({}, {"speed": 0}, None),
        ({}, {"speed": 1}, (Action.HAND_OVER, Cause.BELT_MOVED)),
        ({}, {"speed": 70}, None),
        ({}, {"level_at": NOW}, None),
        ({"target_at": NOW - 10_000}, {}, None),
    ],
)
def test_only_a_steady_belt_that_nothing_of_ours_explains_was_moved(
    walking, drive, evidence, expected
):
    left = told(seen(walking, **{"speed": 60, **evidence}), **drive)
    assert expected == verdict(plausibility.unexplained, left)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Action.SLOW_DOWN),
        ({"counts": False}, None),
        ({"speed": 0}, None),
        ({"speed": None}, None),
        ({"advanced_at": NOW - 10_000}, Action.HOLD),
        ({"advanced_at": NOW - 5_000}, None),
        ({"speed": 1, "ticks": False, "advanced_at": NOW - 365_001}, Action.HOLD),
        ({"speed": 1, "ticks": False, "advanced_at": NOW - 365_000}, None),
    ],
)
def test_a_frozen_belt_moves_and_counted_before(walking, changes, expected):
    still = {"advanced_at": NOW - 10_001, **changes}
    s = seen(walking, **still)
    finding = plausibility.frozen(replace(s, now=NOW))
    assert expected == (finding and finding.action)


@pytest.mark.parametrize(
    ("age", "expected"),
    [(3_000, None), (3_001, Action.HOLD), (5_000, Action.HOLD), (5_001, Action.STOP)],
)
def test_silence_counts_from_the_last_speed_or_else_from_the_phase(walking, age, expected):
    for silent in (
        seen(walking, speed_at=NOW - age),
        replace(seen(walking, speed_at=None), since=NOW - age),
    ):
        finding = plausibility.stale(silent)
        assert expected == (finding and finding.action)


def test_a_belt_that_stands_was_stopped_at_the_machine(walking):
    assert plausibility.halted(seen(walking, zeros=1)) is None
    stands = seen(walking, zeros=2)
    assert verdict(plausibility.halted, stands) == (Action.HAND_OVER, Cause.CONSOLE)


@pytest.mark.parametrize(
    ("since", "incline", "expected"),
    [
        (None, -1, None),
        (NOW, None, None),
        (NOW, -1, Action.HOLD),
        (NOW - 5_000, -1, Action.HOLD),
        (NOW - 5_001, -1, Action.SLOW_DOWN),
    ],
)
def test_a_deck_below_0_has_5_s_to_come_up(walking, since, incline, expected):
    finding = plausibility.downhill(seen(replace(walking, downhill_since=since), incline=incline))
    assert expected == (finding and finding.action)


@pytest.mark.parametrize(
    ("incline", "start", "target", "age", "expected"),
    [
        (None, 10, 10, 0, None),
        (5, 10, 10, 0, None),
        (15, 10, 10, 0, None),
        (4, 10, 10, 0, Cause.SLOPE_CHANGED),
        (16, 10, 10, 0, Cause.SLOPE_CHANGED),
        (5, 10, 20, 40_000, None),
        (25, 10, 20, 40_000, None),
        (4, 10, 20, 40_000, Cause.SLOPE_CHANGED),
        (26, 10, 20, 40_000, Cause.SLOPE_CHANGED),
        (14, 10, 20, 40_001, Cause.SLOPE_CHANGED),
        (5, 20, 10, 40_000, None),
        (26, 20, 10, 40_000, Cause.SLOPE_CHANGED),
    ],
)
def test_a_deck_is_at_its_target_or_on_its_way(walking, incline, start, target, age, expected):  # noqa: PLR0917  a case is its arguments
    s = told(
        seen(walking, incline=incline),
        incline_from=start,
        incline=target,
        incline_at=NOW - age,
    )
    finding = plausibility.slope(s)
    assert expected == (finding and finding.cause)
