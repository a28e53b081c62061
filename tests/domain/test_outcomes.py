"""What each ending of each command makes us believe, and of which command it may speak."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.events import Outcome, Verdict
from backstride.domain.failsafe import Cause
from backstride.domain.notices import Alarm
from backstride.domain.outcomes import CONTROL_DENIED, RETRY, hear_outcome
from backstride.domain.plausibility import SPIN_UP
from backstride.domain.session import Control, Draft, Pending, Phase
from backstride.domain.stopping import STOP_AGAIN

TICKET = 7
EARLIER = 9


@pytest.fixture
def walking(rig):
    """A belt that was told 1.1 km/h after 1.0; the answer is awaited. So is one about control."""
    rig.run()
    s = rig.session
    drive = replace(
        s.drive,
        target=110,
        previous=100,
        pending=Pending(TICKET, SetSpeed(110), s.now),
        unknowns=1,
        refusals=1,
        retry_at=0,
        probe_at=5,
        incline=20,
    )
    return replace(
        s, drive=drive, control_ticket=EARLIER, control_at=0, moving_since=0, now=s.now + SPIN_UP
    )


def awaiting(s, command):
    return replace(s, drive=replace(s.drive, pending=Pending(TICKET, command, s.now)))


def heard(s, verdict, detail="", ticket=TICKET):
    d = Draft(s)
    hear_outcome(d, Outcome(at=s.now, epoch=s.epoch, ticket=ticket, verdict=verdict, detail=detail))
    return d


@pytest.mark.hazard("H24")
@pytest.mark.parametrize("verdict", list(Verdict))
def test_an_outcome_that_nobody_waits_for_changes_nothing(walking, verdict):
    assert heard(walking, verdict, ticket=TICKET + 1).s == walking
    idle = replace(walking, drive=replace(walking.drive, pending=None))
    assert heard(idle, verdict).s == idle


@pytest.mark.parametrize(
    ("verdict", "control"),
    [
        (Verdict.CONFIRMED, Control.GRANTED),
        (Verdict.REJECTED, Control.REFUSED),
        (Verdict.UNKNOWN, Control.ASSUMED),
    ],
)
def test_the_answer_about_control_is_dated_and_settles_nothing_else(walking, verdict, control):
    s = heard(walking, verdict, ticket=EARLIER).s
    assert (control, walking.now, walking.drive) == (s.control, s.control_at, s.drive)


@pytest.mark.hazard("H24")
def test_a_confirmed_command_clears_the_doubts(walking):
    drive = heard(walking, Verdict.CONFIRMED).s.drive
    assert (None, 0, 0, 110, 5) == (
        drive.pending,
        drive.unknowns,
        drive.refusals,
        drive.target,
        drive.probe_at,
    )


@pytest.mark.hazard("H24")
@pytest.mark.parametrize(
    ("command", "target", "previous", "expected"),
    [
        (SetSpeed(110), 110, 100, (110, 100)),
        (SetSpeed(90), 90, 100, (100, 90)),
        (SetIncline(20), 90, 100, (90, 90)),
    ],
)
def test_without_an_answer_the_faster_of_the_two_is_assumed(
    walking, command, target, previous, expected
):
    s = awaiting(walking, command)
    s = replace(s, drive=replace(s.drive, target=target, previous=previous))
    drive = heard(s, Verdict.UNKNOWN).s.drive
    assert (2, 1, s.now + RETRY, None) == (
        drive.unknowns,
        drive.refusals,
        drive.retry_at,
        drive.probe_at,
    )
    assert expected == (drive.target, drive.previous)


@pytest.mark.hazard("H24")
def test_a_refused_speed_was_never_told_and_a_refused_slope_changes_no_speed(walking):
    drive = heard(walking, Verdict.REJECTED).s.drive
    assert (1, 2, walking.now + RETRY, None) == (
        drive.unknowns,
        drive.refusals,
        drive.retry_at,
        drive.probe_at,
    )
    assert (100, 20) == (drive.target, drive.incline)
    assert heard(awaiting(walking, SetIncline(20)), Verdict.REJECTED).s.drive.target == 110


@pytest.mark.hazard("H08")
@pytest.mark.parametrize("verdict", [Verdict.REJECTED, Verdict.UNKNOWN])
@pytest.mark.parametrize(("deck", "expected"), [(15, 15), (0, 0), (-5, 0), (None, 0), (1, 1)])
def test_after_a_slope_that_was_not_confirmed_the_deck_says_where_it_is(
    walking, verdict, deck, expected
):
    s = awaiting(walking, SetIncline(20))
    s = replace(s, evidence=replace(s.evidence, incline=deck))
    assert expected == heard(s, verdict).s.drive.incline
    assert heard(s, Verdict.CONFIRMED).s.drive.incline == 20


@pytest.mark.hazard("H18")
@pytest.mark.parametrize(
    ("phase", "moving_since", "expected", "ordered"),
    [
        (Phase.RUNNING, 0, Phase.RUNNING, [RequestControl()]),
        (Phase.RUNNING, -1, Phase.HANDED_OVER, []),
        (Phase.RUNNING, None, Phase.HANDED_OVER, []),
        (Phase.SLOWING, -1, Phase.STOPPING, [RequestControl(), Stop()]),
        (Phase.FAULTED, 0, Phase.FAULTED, []),
    ],
)
def test_control_denied_means_not_yet_and_later_no_longer(
    walking, phase, moving_since, expected, ordered
):
    since = None if moving_since is None else walking.now - SPIN_UP + moving_since
    s = replace(walking, phase=phase, moving_since=since, started_at=None)
    d = heard(s, Verdict.REJECTED, CONTROL_DENIED)
    assert expected is d.s.phase
    assert ordered == [order.command for order in d.orders]
    if expected is Phase.HANDED_OVER:
        assert (Cause.CONTROL_TAKEN, Control.NONE) == (d.s.ended_by, d.s.control)
        assert [n.action for n in d.notices if isinstance(n, Alarm)] == ["hand_over"]


@pytest.mark.parametrize(
    ("verdict", "since", "answered", "again"),
    [
        (Verdict.CONFIRMED, 0, True, False),
        (Verdict.REJECTED, 3, False, True),
        (Verdict.UNKNOWN, 0, True, True),
        (Verdict.UNKNOWN, 1, True, False),
    ],
)
@pytest.mark.hazard("H15", "H16")
def test_a_stop_is_answered_or_tried_again(walking, verdict, since, answered, again):
    s = awaiting(walking, Stop())
    s = replace(s, evidence=replace(s.evidence, zeros=2, since=since))
    d = heard(s, verdict).s
    assert (s.now if answered else None) == d.drive.stop_answered_at
    assert (s.now + STOP_AGAIN if again else None) == d.drive.stop_retry_at
    assert (0 if answered else 2) == d.evidence.zeros


@pytest.mark.hazard("H01", "H18")
@pytest.mark.parametrize(
    ("phase", "detail", "asks", "again"),
    [
        (Phase.STARTING, CONTROL_DENIED, 1, True),
        (Phase.STARTING, CONTROL_DENIED, 2, False),
        (Phase.STARTING, "refused: failed", 1, False),
        (Phase.RUNNING, CONTROL_DENIED, 1, None),
    ],
)
def test_a_start_denied_for_want_of_control_is_granted_once_more(
    walking, phase, detail, asks, again
):
    s = awaiting(walking, Start())
    s = replace(s, phase=phase, control_asks=asks, start_granted=False)
    d = heard(s, Verdict.REJECTED, detail).s
    assert (again is True) is d.start_granted
    assert (2 if again is False else 1) == d.drive.refusals
    if again:
        assert (Control.REFUSED, s.now) == (d.control, d.control_at)


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_the_result_code_says_that_control_is_gone(walking, verdict):
    d = heard(replace(walking, control=Control.GRANTED), verdict, "refused: failed")
    assert (Control.GRANTED, Phase.RUNNING, []) == (d.s.control, d.s.phase, d.orders)
