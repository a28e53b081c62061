"""The host was away: what was seen before says nothing of the belt any more."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain import events
from backstride.domain.commands import SetSpeed
from backstride.domain.following import ready
from backstride.domain.session import Phase
from backstride.domain.supervision import GAP_HOLD


def asleep(rig, seconds):
    """The belt goes on, nothing is heard, and the clock does not see it."""
    rig.mute = True
    for _ in range(round(seconds * 10)):
        rig.speed += max(min(rig.target - rig.speed, 10), -10)
    rig.mute = False
    rig.feed(events.Tick(at=rig.now, slept=round(seconds * 1_000)))


@pytest.mark.hazard("H13", "H22")
def test_after_a_sleep_no_speed_is_told_to_a_belt_that_was_stopped_meanwhile(rig):
    rig.run()
    told = len(rig.commands(SetSpeed))
    rig.target = 0
    asleep(rig, 4)
    assert Phase.SLOWING is rig.session.phase
    rig.seconds(5)
    assert (0, told) == (rig.speed, len(rig.commands(SetSpeed)))


@pytest.mark.hazard("H22")
def test_after_a_sleep_a_belt_that_still_runs_comes_down_as_soon_as_it_is_seen(rig):
    rig.run()
    rig.seconds(12)
    told = len(rig.commands(SetSpeed))
    asleep(rig, 4)
    began = rig.now
    rig.seconds(3)
    at, command, speed = rig.commands(SetSpeed)[told]
    assert GAP_HOLD < at - began <= GAP_HOLD + 2 * rig.period
    assert command.target < speed
    rig.until(Phase.STOPPING)
    assert rig.refusals == []


@pytest.mark.hazard("H22")
@pytest.mark.parametrize(
    ("gap", "seen", "expected"),
    [
        (0, 0, True),
        (0, None, True),
        (GAP_HOLD + 1, GAP_HOLD, False),
        (GAP_HOLD + 1, GAP_HOLD + 1, True),
        (GAP_HOLD + 1, None, False),
    ],
)
def test_a_speed_waits_for_a_frame_from_well_after_the_gap(rig, gap, seen, expected):
    rig.run()
    s = rig.session
    at = None if seen is None else s.now + seen
    drive = replace(s.drive, pending=None, retry_at=0)
    away = replace(s, gap=gap, gap_at=s.now, drive=drive, evidence=replace(s.evidence, speed_at=at))
    assert expected is ready(replace(away, now=s.now + 2 * GAP_HOLD))
