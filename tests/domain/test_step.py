"""One event: heard or obsolete; and of what is wrong the worst is done, and all of it told once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain import events
from backstride.domain.envelope import envelope
from backstride.domain.events import Tick
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.limits import SiteRules
from backstride.domain.notices import Alarm, Cue, CueKind
from backstride.domain.session import Control, Cues, Drive, Guide, Phase, Session, Then
from backstride.domain.step import step
from backstride.domain.workout import flatten

NOW = 100_000
STALE = {"speed_at": NOW - 3_001}
"""Of telemetry: old enough to hold."""


@pytest.fixture
def walking(make_machine, make_program):
    """A session that has been walking at 1.0 km/h for a while, with everything as it should be."""
    chosen, known = make_program(), make_machine()
    evidence = Evidence(
        at=NOW, speed=100, speed_at=NOW, incline=0, incline_at=NOW, frames=60, since=30, low=100,
        level=100, advanced_at=NOW, distance=20, elapsed=60, counts=True, ticks=True,
    )  # fmt: skip
    return Session(
        phase=Phase.RUNNING, since=NOW - 60_000, now=NOW, ticked_at=NOW, epoch=2, linked=True,
        confirmed_epoch=2, control=Control.GRANTED, machine=known, program=chosen, script=1_000,
        workout=flatten(chosen, 50), envelope=envelope(SiteRules(), known, None, chosen),
        bus=True, owed=True, seen_at=NOW, evidence=evidence,
        cues=Cues(segment=0, heard_at=NOW - 50_000, taken=((0, NOW - 50_000),)),
        drive=Drive(target=100, target_at=NOW - 9_000, previous=90, probed=2, followed=True),
        guide=Guide(reached=100),
    )  # fmt: skip


def ticked(session, **changes):
    """What becomes of the session within an instant."""
    return step(replace(session, **changes), Tick(at=NOW))


def seen(session, **changes):
    return replace(session, evidence=replace(session.evidence, **changes))


def told(transition):
    return [(n.cause, n.action) for n in transition.notices if isinstance(n, Alarm)]


def cues(transition):
    return [n.kind for n in transition.notices if isinstance(n, Cue)]


def test_while_all_is_well_nothing_changes(walking):
    assert (walking, (), ()) == (ticked(walking).session, (), ticked(walking).notices)


@pytest.mark.parametrize(("epoch", "linked"), [(1, False), (2, False), (3, True)])
def test_a_connection_that_is_not_new_is_no_connection(make_machine, epoch, linked):
    known = Session(epoch=2)
    after = step(known, events.LinkUp(at=NOW, epoch=epoch, machine=make_machine())).session
    assert linked is after.linked
    assert linked or replace(known, now=NOW) == after


# --- what is told ------------------------------------------------------------------------------------


def test_of_many_findings_all_are_told_once(walking):
    old = seen(walking, speed_at=NOW - 5_001)
    wrong = replace(old, bus=False, gap=3_001, gap_at=NOW)
    once = ticked(wrong)
    assert [("broker_lost", "hold"), ("clock", "slow_down"), ("blind", "stop")] == told(once)
    assert (Cause.BLIND, Cause.BROKER_LOST, Cause.CLOCK) == once.session.findings
    known = ticked(wrong, findings=once.session.findings)
    assert [("blind", "stop")] == told(known)


@pytest.mark.hazard("H13")
def test_what_is_done_without_a_latch_is_told_when_it_is_new(walking):
    old = seen(walking, **STALE)
    first = ticked(old)
    assert ([("stale", "hold")], [CueKind.ALARM, CueKind.HOLD]) == (told(first), cues(first))
    second = step(first.session, Tick(at=NOW))
    assert ([], (Cause.STALE,)) == (told(second), second.session.findings)


def test_an_announcement_changes_no_phase(walking):
    unheard = ticked(walking, cues=Cues(segment=0, asked_at=NOW - 4_999, missed=1))
    assert ([("cue_not_heard", "announce")], Phase.RUNNING) == (
        told(unheard),
        unheard.session.phase,
    )


# --- hold, and release -------------------------------------------------------------------------------


def test_what_holds_is_remembered_and_what_is_only_announced_is_not(walking):
    unheard = Cues(segment=0, asked_at=NOW - 4_999, missed=1)
    held = ticked(seen(walking, **STALE), bus=False, cues=unheard).session
    assert (Cause.STALE, Cause.BROKER_LOST, Cause.CUE_NOT_HEARD) == held.findings
    assert (Phase.HOLDING, (Cause.STALE, Cause.BROKER_LOST)) == (held.phase, held.holds)


def test_a_belt_that_is_brought_down_holds_nothing(walking):
    slowing = ticked(seen(walking, **STALE), phase=Phase.SLOWING).session
    assert ((Cause.STALE,), ()) == (slowing.findings, slowing.holds)


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(("target", "known"), [(90, False), (100, True), (110, True)])
def test_a_rise_after_a_hold_is_announced_anew(walking, target, known):
    drive = replace(walking.drive, target=target)
    holding = {"phase": Phase.HOLDING, "holds": (Cause.STALE,), "drive": drive}
    released = ticked(walking, **holding).session
    assert (Phase.RUNNING, NOW, ()) == (released.phase, released.since, released.holds)
    assert known is (released.cues.heard_at is not None)


def test_a_hold_without_a_workout_is_released_too(walking):
    released = ticked(walking, phase=Phase.HOLDING, workout=None).session
    assert (Phase.RUNNING, walking.cues) == (released.phase, released.cues)


def test_a_pause_is_not_released(walking):
    paused = seen(walking, speed=0, zeros=3)
    held = ticked(paused, phase=Phase.HOLDING, paused=True, owed=False).session
    assert held.phase is Phase.HOLDING


# --- before the belt moves ---------------------------------------------------------------------------


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    ("changes", "alarm"),
    [
        ({"phase": Phase.COUNTDOWN, "bus": False}, ("broker_lost", "hold")),
        ({"phase": Phase.ARMED, "gap": 1_001, "gap_at": NOW}, ("clock", "hold")),
        ({"phase": Phase.ARMED, "gap": 3_001, "gap_at": NOW}, ("clock", "slow_down")),
    ],
)
def test_a_start_that_is_in_doubt_is_called_off_with_its_program(walking, changes, alarm):
    resting = replace(seen(walking, speed=0), owed=False, start_granted=True)
    off = ticked(resting, **changes)
    assert ([alarm], [CueKind.ALARM, CueKind.STOPPED]) == (told(off), cues(off))
    assert (Phase.IDLE, False) == (off.session.phase, off.session.start_granted)
    assert (None, None) == (off.session.program, off.session.workout)


# --- slow down, and stop -----------------------------------------------------------------------------

SLOW = {"gap": 3_001, "gap_at": NOW}
DEEP = {"downhill_since": NOW - 5_001}
OLDER = Finding(Action.SLOW_DOWN, Cause.CLOCK, "an older fault")


def test_a_fault_slows_the_belt_down_and_ends_every_hold(walking):
    slowing = ticked(walking, phase=Phase.HOLDING, holds=(Cause.STALE,), **SLOW)
    assert [("clock", "slow_down")] == told(slowing)
    after = slowing.session
    assert (Phase.SLOWING, (), Then.FAULT) == (after.phase, after.holds, after.then)
    assert after.fault is not None
    assert (Cause.CLOCK, "clock") == (after.fault.cause, after.ended_by)


def test_a_belt_that_slows_down_for_a_fault_is_not_told_twice(walking):
    sinking = seen(walking, incline=-5)
    again = ticked(sinking, phase=Phase.SLOWING, then=Then.FAULT, fault=OLDER, **DEEP)
    assert ([], OLDER) == (told(again), again.session.fault)


@pytest.mark.hazard("H15")
@pytest.mark.parametrize("fault", [None, OLDER])
def test_a_belt_that_slows_down_for_a_pause_ends_in_the_fault(walking, fault):
    sinking = seen(walking, incline=-5)
    after = ticked(sinking, phase=Phase.SLOWING, then=Then.PAUSE, fault=fault, **DEEP).session
    assert (Phase.SLOWING, Then.FAULT) == (after.phase, after.then)
    assert (fault or after.fault, walking.since) == (after.fault, after.since)


def test_only_a_belt_that_slows_down_already_is_left_alone(walking):
    after = ticked(walking, then=Then.FAULT, **SLOW).session
    assert (Phase.SLOWING, "clock") == (after.phase, after.ended_by)
