"""What each event makes us believe, and what it does not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetSpeed, Start, Stop
from backstride.domain.envelope import envelope
from backstride.domain.events import Ownership
from backstride.domain.evidence import Evidence
from backstride.domain.intake import believe
from backstride.domain.limits import SiteRules
from backstride.domain.notices import Cue, CueKind
from backstride.domain.session import Control, Draft, Drive, Pending, Phase, Session
from backstride.domain.workout import flatten

NOW = 100_000
RECORD = Ownership(fingerprint="bench", program="", target=100, distance=None, elapsed=None)
MOVING = Evidence(speed=100, speed_at=NOW)
STANDING = Evidence(speed=0, speed_at=NOW)


@pytest.fixture
def session(make_machine, make_program):
    """A running session, linked, with a broker and a cap of 1.5 km/h; `changes` make it another."""

    def make(**changes):
        known = make_machine()
        fields = {
            "phase": Phase.RUNNING,
            "now": NOW,
            "ticked_at": NOW - 100,
            "bus": True,
            "bus_since": NOW - 60_000,
            "epoch": 1,
            "linked": True,
            "machine": known,
            "control": Control.GRANTED,
            "evidence": MOVING,
            "drive": Drive(target=100, target_at=NOW - 60_000, probed=2),
            "envelope": envelope(SiteRules(), known, None, make_program()),
            "owed": True,
        }
        return Session(**{**fields, **changes})

    return make


def after(session, event):
    draft = Draft(session)
    believe(draft, event)
    return draft


def ticked(session, slept=0):
    return after(session, events.Tick(at=session.now, slept=slept)).s


def reported(session, **fields):
    return after(session, events.Telemetry(at=session.now, epoch=1, **fields))


# --- the broker ----------------------------------------------------------------------------------------


def test_a_broker_that_comes_back_counts_from_then(session):
    back = after(session(bus=False, bus_since=5), events.BusUp(at=NOW)).s
    assert (True, NOW) == (back.bus, back.bus_since)
    gone = after(session(), events.BusDown(at=NOW)).s
    assert gone.bus is False


@pytest.mark.hazard("H12")
@pytest.mark.parametrize(
    ("bus", "since", "ticked_at", "outage"),
    [
        (False, 0, NOW - 100, 7_100),
        (False, 0, None, 7_000),
        (True, NOW - 60_000, NOW - 100, 7_000),
        (True, NOW - 60_001, NOW - 100, 0),
    ],
)
def test_outages_add_up_until_the_broker_was_back_for_a_minute(
    session, bus, since, ticked_at, outage
):
    s = session(bus=bus, bus_since=since, ticked_at=ticked_at, outage=7_000)
    assert outage == ticked(s).outage


# --- the clock -----------------------------------------------------------------------------------------


@pytest.mark.hazard("H22", "H23")
@pytest.mark.parametrize(
    ("passed", "slept", "gap"),
    [
        (1_000, 0, None),
        (1_001, 0, 1_001),
        (100, 900, None),
        (100, 901, 1_001),
        (None, 1_001, 1_001),
        (None, 1_000, None),
    ],
)
def test_a_gap_is_what_passed_and_what_was_slept(session, passed, slept, gap):
    s = session(ticked_at=None if passed is None else NOW - passed, walked=5_000, script=4_000)
    seen = ticked(s, slept)
    assert NOW == seen.ticked_at
    if gap is None:
        assert (0, 0) == (seen.gap, seen.gap_at)
        assert (5_000 + (passed or 0), 4_000 + (passed or 0)) == (seen.walked, seen.script)
    else:
        assert (gap, NOW) == (seen.gap, seen.gap_at)
        assert (5_000, 4_000) == (seen.walked, seen.script)


@pytest.mark.parametrize(
    ("changes", "walked", "script"),
    [
        ({}, 100, 100),
        ({"phase": Phase.HOLDING}, 100, 0),
        ({"phase": Phase.SLOWING}, 100, 0),
        ({"phase": Phase.STOPPING}, 0, 0),
        ({"phase": Phase.HANDED_OVER}, 0, 0),
        ({"owed": False}, 0, 0),
        ({"evidence": STANDING}, 0, 0),
        ({"evidence": Evidence()}, 0, 0),
    ],
)
def test_time_is_walked_while_our_belt_moves_and_the_script_only_while_running(
    session, changes, walked, script
):
    seen = ticked(session(**changes))
    assert (walked, script) == (seen.walked, seen.script)


# --- answers that do not come --------------------------------------------------------------------------


@pytest.mark.hazard("H24")
@pytest.mark.parametrize(("sent_at", "unknowns"), [(NOW - 5_000, 0), (NOW - 5_001, 1)])
def test_a_procedure_without_an_outcome_is_unknown_after_5_s(session, sent_at, unknowns):
    drive = Drive(target=100, previous=90, pending=Pending(3, SetSpeed(100), sent_at))
    seen = ticked(session(drive=drive)).drive
    assert (unknowns, unknowns == 0) == (seen.unknowns, seen.pending is not None)


@pytest.mark.parametrize(
    ("control", "control_at", "expected"),
    [
        (Control.ASKED, NOW - 5_000, Control.ASKED),
        (Control.ASKED, NOW - 5_001, Control.ASSUMED),
        (Control.NONE, 0, Control.NONE),
        (Control.REFUSED, 0, Control.REFUSED),
        (Control.GRANTED, 0, Control.GRANTED),
    ],
)
def test_a_request_for_control_without_an_answer_is_assumed_granted_after_5_s(
    session, control, control_at, expected
):
    assert expected is ticked(session(control=control, control_at=control_at)).control


# --- an earlier life's belt ----------------------------------------------------------------------------


def stops(draft):
    return [
        order.command for order in draft.orders if not isinstance(order.command, RequestControl)
    ]


@pytest.mark.hazard("H10")
@pytest.mark.parametrize(
    ("phase", "adopted", "expected"),
    [(Phase.IDLE, RECORD, [Stop()]), (Phase.ARMED, RECORD, []), (Phase.IDLE, None, [])],
)
def test_a_silent_machine_is_looked_at_by_the_clock_while_idle(session, phase, adopted, expected):
    s = session(
        phase=phase, adopted=adopted, since=NOW - 9_000, adopted_at=NOW - 9_000,
        evidence=Evidence(), owed=False,
    )  # fmt: skip
    assert expected == stops(after(s, events.Tick(at=NOW)))


@pytest.mark.hazard("H10")
@pytest.mark.parametrize(
    ("phase", "adopted", "speed", "taken"),
    [
        (Phase.IDLE, RECORD, 100, True),
        (Phase.IDLE, RECORD, None, False),
        (Phase.IDLE, None, 100, False),
        (Phase.FINISHED, RECORD, 100, False),
    ],
)
def test_an_earlier_lifes_belt_is_recognised_by_its_speeds_while_idle(
    session, phase, adopted, speed, taken
):
    s = session(phase=phase, adopted=adopted, adopted_age=1_000, adopted_at=NOW, owed=False)
    seen = reported(s, speed=speed).s
    assert (Phase.SLOWING if taken else phase) is seen.phase


# --- telemetry -----------------------------------------------------------------------------------------


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    ("phase", "speed", "disarmed"),
    [(Phase.ARMED, 1, True), (Phase.ARMED, 0, False), (Phase.IDLE, 1, False)],
)
def test_a_belt_that_moves_voids_the_arming(session, make_program, phase, speed, disarmed):
    chosen = make_program()
    s = session(
        phase=phase, evidence=Evidence(), program=chosen, workout=flatten(chosen, 50), owed=False
    )
    draft = reported(s, speed=speed)
    assert (Phase.IDLE if disarmed or phase is Phase.IDLE else Phase.ARMED) is draft.s.phase
    told = [n.kind for n in draft.notices if isinstance(n, Cue)]
    assert ([CueKind.ALARM] if disarmed else []) == told
    assert (disarmed, disarmed) == (draft.s.program is None, draft.s.workout is None)


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(("speed", "over"), [(180, 0), (181, 1)])
def test_frames_above_the_cap_are_counted_beyond_its_margin(session, speed, over):
    assert over == reported(session(), speed=speed).s.evidence.over


def test_without_an_envelope_no_frame_is_above_the_cap(session):
    assert reported(session(envelope=None), speed=2_000).s.evidence.over == 0


@pytest.mark.parametrize(
    ("phase", "before", "speed", "expected"),
    [
        (Phase.RUNNING, 100, 130, 130),
        (Phase.RUNNING, 130, 100, 130),
        (Phase.STOPPING, 100, 130, 130),
        (Phase.RUNNING, 100, None, 100),
        (Phase.RUNNING, 0, 0, 0),
        (Phase.IDLE, 100, 130, 100),
        (Phase.HANDED_OVER, 100, 130, 100),
    ],
)
def test_the_top_speed_is_of_the_session(session, phase, before, speed, expected):
    s = session(phase=phase, top_speed=before, owed=False)
    assert expected == reported(s, speed=speed).s.top_speed


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(
    ("since", "speed", "expected"),
    [
        (None, 130, None),
        (None, 131, NOW),
        (NOW - 2_000, 131, NOW - 2_000),
        (NOW - 2_000, 130, None),
        (0, 131, 0),
        # A record without a speed says nothing about it.
        (NOW - 2_000, None, NOW - 2_000),
        (None, None, None),
    ],
)
def test_a_belt_is_off_its_target_from_the_first_frame_that_says_so(
    session, since, speed, expected
):
    before = replace(MOVING, speed=150)
    assert expected == reported(session(off_since=since, evidence=before), speed=speed).s.off_since


@pytest.mark.hazard("H08")
@pytest.mark.parametrize(
    ("since", "before", "incline", "expected"),
    [
        (None, None, None, None),
        (None, None, 0, None),
        (None, None, -1, NOW),
        (NOW - 2_000, -1, -1, NOW - 2_000),
        (0, -1, -1, 0),
        (NOW - 2_000, -1, None, NOW - 2_000),
        (NOW - 2_000, -1, 0, None),
    ],
)
def test_a_deck_is_downhill_from_the_first_frame_that_says_so(
    session, since, before, incline, expected
):
    s = session(downhill_since=since, evidence=replace(MOVING, incline=before))
    assert expected == reported(s, incline=incline).s.downhill_since


@pytest.mark.parametrize(
    ("followed", "speed", "expected"),
    [
        (False, 100, True),
        (False, 130, True),
        (False, 131, False),
        (False, 70, True),
        (False, 69, False),
        (False, None, False),
        (True, 0, True),
    ],
)
def test_a_belt_followed_once_it_came_within_03_of_its_target(session, followed, speed, expected):
    s = session(drive=Drive(target=100, target_at=NOW - 60_000, probed=2, followed=followed))
    assert expected is reported(s, speed=speed).s.drive.followed


@pytest.mark.hazard("H05", "H06")
@pytest.mark.parametrize(
    ("drive", "changes", "speed", "found"),
    [
        ({}, {}, 80, True),
        ({}, {"phase": Phase.HOLDING}, 80, True),
        ({}, {"phase": Phase.STARTING}, 80, False),
        ({}, {"phase": Phase.SLOWING}, 80, False),
        ({}, {"owed": False}, 80, False),
        # Nothing new: where it was found before, at rest, or not told.
        ({}, {}, 50, False),
        ({}, {}, 0, False),
        ({}, {"evidence": Evidence()}, None, False),
        # A command went out, or was asked.
        ({"probed": 1}, {}, 80, False),
        ({"probe_at": 0}, {}, 80, False),
        ({"pending": Pending(3, Start(), NOW)}, {}, 80, False),
        ({"commanded": True, "target_at": NOW - 5_000}, {}, 80, False),
        ({"commanded": True, "target_at": NOW - 5_001}, {}, 80, True),
    ],
)
def test_until_the_first_command_the_target_is_where_the_belt_is_found(
    session, drive, changes, speed, found
):
    known = Drive(**{"target": 50, "previous": 40, "target_at": NOW - 60_000, **drive})
    after_it = reported(session(drive=known, **changes), speed=speed).s.drive
    expected = {"target": 80, "previous": 80, "target_at": NOW} if found else {}
    near = speed is not None and abs(speed - (80 if found else 50)) <= 30
    assert replace(known, followed=near, **expected) == after_it


def test_a_status_of_training_proves_nothing(session):
    s = session()
    assert s == after(s, events.Training(at=NOW, epoch=1, code=1)).s
