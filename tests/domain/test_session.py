"""What a draft remembers of a move, a command and a cue; and the facts that others read from a session."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import Situation
from backstride.domain.events import Ownership
from backstride.domain.evidence import NEVER, Evidence
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.notices import Alarm, Answer, Cue, CueKind, Moved, Reply
from backstride.domain.session import (
    MOVING,
    Control,
    Cues,
    Draft,
    Drive,
    Order,
    Pending,
    Phase,
    Session,
    Trigger,
    ownership,
    situation,
)

NOW = 70_000
SEEN = Evidence(speed=90, speed_at=NOW - 200, incline=15, since=4, zeros=3, level=90)
"""What a belt has shown since the last command."""
VOID = replace(SEEN, since=0, zeros=0, level=None)
DRIVE = Drive(
    target=100,
    target_at=NOW - 9_000,
    previous=80,
    followed=True,
    lowered_at=NOW - 30_000,
    incline=10,
    incline_at=NOW - 20_000,
    probe_at=NOW - 1_000,
)
WALKING = Session(
    phase=Phase.RUNNING,
    since=NOW - 60_000,
    now=NOW,
    epoch=3,
    confirmed_epoch=3,
    linked=True,
    control=Control.GRANTED,
    control_asks=1,
    evidence=SEEN,
    drive=DRIVE,
    tickets=6,
    cues=Cues(number=4, segment=2),
    start_granted=True,
)


# --- moves -------------------------------------------------------------------------------------------


def test_another_phase_begins_now_and_everybody_is_told():
    draft = Draft(WALKING)
    draft.move(Trigger.SLOW, paused=True)
    assert replace(WALKING, phase=Phase.SLOWING, since=NOW, paused=True) == draft.s
    assert [Moved(at=NOW, before="running", after="slowing", trigger="slow")] == draft.notices


def test_a_phase_that_leads_to_itself_goes_on_and_nobody_is_told():
    slowing = replace(WALKING, phase=Phase.SLOWING)
    draft = Draft(slowing)
    draft.move(Trigger.SLOW, paused=True)
    assert (replace(slowing, paused=True), []) == (draft.s, draft.notices)


# --- commands ----------------------------------------------------------------------------------------


def ordered(session, command):
    """The session after an order, which is the 7th and is judged by the facts before it."""
    draft = Draft(session)
    draft.order(command)
    assert [Order(7, command, situation(session))] == draft.orders
    return draft.s


def test_a_request_for_control_is_counted_and_voids_nothing():
    asked = {"control": Control.ASKED, "control_ticket": 7, "control_asks": 2, "control_at": NOW}
    assert replace(WALKING, tickets=7, **asked) == ordered(WALKING, RequestControl())


@pytest.mark.hazard("H01")
def test_a_start_uses_the_confirm_up_and_the_belt_owes_a_rest():
    command = Start()
    told = replace(DRIVE, pending=Pending(7, command, NOW))
    used = {"start_granted": False, "owed": True, "started_at": NOW}
    expected = replace(WALKING, tickets=7, drive=told, evidence=VOID, **used)
    assert expected == ordered(WALKING, command)


TOLD = {"target_at": NOW, "previous": 100, "probe_at": None, "commanded": True, "followed": False}
HALTED = replace(DRIVE, stop_at=1, stop_since=2, stop_answered_at=3, stop_retry_at=4)
MEMORY = {
    "more": (DRIVE, SetSpeed(110), {**TOLD, "target": 110}),
    "the same": (DRIVE, SetSpeed(100), {**TOLD, "target": 100}),
    "less": (DRIVE, SetSpeed(99), {**TOLD, "target": 99, "lowered_at": NOW}),
    "a slope": (DRIVE, SetIncline(20), {"incline": 20, "incline_at": NOW, "incline_from": 15}),
    "the first Stop": (DRIVE, Stop(), {"stop_at": NOW, "stop_since": NOW}),
    "the next Stop": (
        HALTED,
        Stop(),
        {"stop_at": NOW, "stop_answered_at": None, "stop_retry_at": None},
    ),
}


@pytest.mark.parametrize(("before", "command", "changes"), MEMORY.values(), ids=MEMORY)
def test_a_command_waits_for_its_answer_and_voids_what_was_seen(before, command, changes):
    session = replace(WALKING, drive=before)
    told = replace(before, pending=Pending(7, command, NOW), **changes)
    expected = replace(session, tickets=7, drive=told, evidence=VOID)
    assert expected == ordered(session, command)


def test_a_deck_that_nobody_sees_is_taken_to_be_where_it_was_sent():
    blind = replace(WALKING, evidence=replace(SEEN, incline=None))
    assert ordered(blind, SetIncline(20)).drive.incline_from == DRIVE.incline


# --- words -------------------------------------------------------------------------------------------


def test_each_cue_has_the_next_number():
    draft = Draft(WALKING)
    assert draft.say(CueKind.FASTER, "faster", speed=110, within=2_000) == 5
    assert draft.say(CueKind.HOLD, "hold") == 6
    assert replace(WALKING, cues=Cues(number=6, segment=2)) == draft.s
    assert [
        Cue(at=NOW, number=5, kind=CueKind.FASTER, text="faster", speed=110, within=2_000),
        Cue(at=NOW, number=6, kind=CueKind.HOLD, text="hold"),
    ] == draft.notices


def test_an_alarm_is_told_and_spoken():
    draft = Draft(WALKING)
    draft.alarm(Finding(Action.SLOW_DOWN, Cause.CLOCK, "the clock stood still"))
    assert [
        Alarm(at=NOW, cause="clock", action="slow_down", sentence="the clock stood still"),
        Cue(
            at=NOW,
            number=5,
            kind=CueKind.ALARM,
            text="the clock stood still",
            cause="clock",
            action="slow_down",
        ),
    ] == draft.notices


def test_an_answer_names_the_phase_that_it_leaves():
    draft = Draft(WALKING)
    draft.move(Trigger.SLOW)
    draft.answer("r1", Reply.OK, "pausing", "so be it")
    expected = Answer(id="r1", reply=Reply.OK, code="pausing", sentence="so be it", phase="slowing")
    assert expected == draft.notices[-1]


# --- the facts ---------------------------------------------------------------------------------------

FACTS = Situation(
    now=NOW,
    epoch=3,
    control=True,
    moves=True,
    start_granted=False,
    speed=90,
    incline=15,
    age=200,
    target=100,
    target_at=NOW - 9_000,
    incline_target=10,
    incline_target_at=NOW - 20_000,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"linked": False}, {"epoch": 0}),
        ({"control": Control.ASSUMED}, {}),
        ({"control": Control.ASKED}, {"control": False}),
        ({"control": Control.REFUSED}, {"control": False}),
        ({"confirmed_epoch": 2}, {"moves": False}),
        ({"phase": Phase.STOPPING}, {"moves": False}),
        ({"phase": Phase.STARTING}, {"start_granted": True}),
        ({"phase": Phase.STARTING, "start_granted": False}, {}),
        ({"evidence": Evidence()}, {"speed": None, "incline": None, "age": NEVER}),
    ],
)
def test_the_gate_is_told_the_plain_facts(changes, expected):
    assert replace(FACTS, **expected) == situation(replace(WALKING, **changes))


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("phase", list(Phase))
def test_only_a_phase_that_moves_the_belt_may_move_it(phase):
    assert (phase in MOVING) is situation(replace(WALKING, phase=phase)).moves


@pytest.mark.hazard("H11")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"program": None}, {"program": ""}),
        ({"started_at": NOW - 1_000}, {"distance": None, "elapsed": None}),
        ({"machine": None}, None),
        ({"owed": False}, None),
    ],
)
def test_the_claim_is_what_recognises_the_belt_again(make_machine, make_program, changes, expected):
    counting = replace(SEEN, distance=40, elapsed=90)
    known = {"machine": make_machine(), "program": make_program(), "evidence": counting}
    owing = replace(WALKING, **{**known, "owed": True, **changes})
    claim = {"fingerprint": "bench", "program": "bench", "target": 100}
    claim = {**claim, "distance": 40, "elapsed": 90}
    assert (None if expected is None else Ownership(**{**claim, **expected})) == ownership(owing)
