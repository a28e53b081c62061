"""Coming down and coming to rest, decision by decision: what is ordered in one instant of one session."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain.commands import RequestControl, SetSpeed, Start, Stop
from backstride.domain.events import Ask, Ownership
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.following import PACE
from backstride.domain.notices import Cue, CueKind
from backstride.domain.plausibility import HOLD_AGE
from backstride.domain.session import Control, Draft, Pending, Phase, Then
from backstride.domain.stopping import (
    ARRIVED,
    SLOWEST,
    STOP_PATIENCE,
    STOP_SILENCE,
    await_rest,
    descend,
    halt_now,
    hand_over,
)
from backstride.domain.supervision import GAP_HOLD, START_TIME

FLOOR = 50
OLD = 100_000
"""Long ago, in ms: no pace and no limit binds any more."""
MOVING = Evidence(
    at=0, speed=100, speed_at=0, frames=9, since=3, since_at=0, low=100, low_at=0, level=100
)
STILL = Evidence(at=0, speed=0, speed_at=0, frames=9, since=3, zeros=2)


@pytest.fixture
def slowing(rig):
    """A session that comes down from 1.0 km/h since this instant."""
    rig.run()
    s = rig.session
    drive = replace(
        s.drive,
        target=100,
        target_at=s.now - PACE,
        previous=100,
        commanded=True,
        pending=None,
        refusals=0,
        retry_at=0,
    )
    return replace(
        s, phase=Phase.SLOWING, since=s.now, drive=drive, evidence=MOVING, started_at=None
    )


def orders(work, s, **drive):
    d = Draft(replace(s, drive=replace(s.drive, **drive)))
    work(d)
    return [order.command for order in d.orders]


def later(s, time):
    return replace(s, now=s.now + time)


# --- coming down -----------------------------------------------------------------------------------


def test_it_comes_down_step_by_step(slowing):
    assert orders(descend, slowing) == [SetSpeed(70)]
    assert orders(descend, slowing, target_at=slowing.now) == []
    assert orders(descend, slowing, target=FLOOR) == []


def test_a_refused_step_down_is_followed_by_stop(slowing):
    assert [Stop()] == orders(descend, slowing, refusals=1, target_at=slowing.since)
    before = {"refusals": 1, "target_at": slowing.since - PACE}
    assert [SetSpeed(70)] == orders(descend, slowing, **before)


def test_without_limits_to_come_down_within_it_stops(slowing):
    assert [Stop()] == orders(descend, replace(slowing, envelope=None))


@pytest.mark.parametrize(("over", "expected"), [(0, []), (1, [Stop()])])
def test_a_minute_is_enough_to_come_down(slowing, over, expected):
    s = later(slowing, SLOWEST + over)
    assert expected == orders(descend, s, target_at=s.now)


@pytest.mark.parametrize(
    ("control", "waited", "expected"),
    [
        (Control.ASKED, STOP_SILENCE, []),
        (Control.ASKED, STOP_SILENCE + 1, [Stop()]),
        (Control.NONE, 0, []),
        (Control.NONE, STOP_SILENCE + 1, [RequestControl(), Stop()]),
        (Control.REFUSED, 0, [RequestControl(), Stop()]),
        (Control.ASSUMED, 0, [SetSpeed(70)]),
    ],
)
def test_without_control_it_waits_a_little_and_stops(slowing, control, waited, expected):
    assert expected == orders(descend, replace(later(slowing, waited), control=control))


def test_while_a_command_runs_no_other_is_given(slowing):
    pending = Pending(ticket=1, command=SetSpeed(100), sent_at=slowing.now)
    assert orders(descend, slowing, pending=pending) == []


@pytest.mark.parametrize(
    ("target", "age", "speed", "expected"),
    [
        (FLOOR, 2 * PACE, 100, []),
        (FLOOR, 2 * PACE + 1, 100, [Stop()]),
        (FLOOR, 2 * PACE + 1, None, [Stop()]),
        (100, OLD, FLOOR + ARRIVED, [Stop()]),
        (100, OLD, FLOOR + ARRIVED + 1, []),
        (100, 0, None, []),
    ],
)
def test_it_stops_at_the_lowest_speed_or_when_it_should_be_there(
    slowing, target, age, speed, expected
):
    s = replace(slowing, evidence=replace(MOVING, speed=speed))
    assert expected == [
        c
        for c in orders(descend, s, target=target, target_at=s.now - age)
        if not isinstance(c, SetSpeed)
    ]


@pytest.mark.parametrize(
    ("commanded", "since", "low_at", "expected"),
    [
        (True, 1, 0, [SetSpeed(70)]),
        (False, 1, 0, []),
        (False, 2, 0, [SetSpeed(70)]),
        (False, 3, 500, []),
        (True, 3, 500, [SetSpeed(70)]),
    ],
)
def test_a_belt_that_coasts_and_is_not_driven_by_us_is_left_to_itself(
    slowing, commanded, since, low_at, expected
):
    seen = replace(MOVING, since=since, low_at=low_at, speed_at=low_at)
    assert expected == orders(descend, replace(slowing, evidence=seen), commanded=commanded)


# --- stopping at once ------------------------------------------------------------------------------


def test_a_stop_owes_a_rest_and_takes_every_licence_back(slowing):
    busy = replace(
        slowing, owed=False, start_granted=True, paused=True, holds=(Cause.STALE,), started_at=5
    )
    s = after(halt_now, busy).s
    assert (Phase.STOPPING, True, False, False) == (s.phase, s.owed, s.start_granted, s.paused)
    assert ((), 5) == (s.holds, s.started_at)


def test_a_stop_before_an_earlier_lifes_claim_is_judged_minds_its_last_word(slowing):
    record = Ownership(fingerprint="bench", program="x", target=0, distance=None, elapsed=None)
    left = replace(slowing, adopted=record, adopted_at=1_000, adopted_age=400, started_at=5)
    assert after(halt_now, left).s.started_at == 600


# --- coming to rest --------------------------------------------------------------------------------


@pytest.fixture
def stopping(slowing):
    """Stop was sent in this instant, and answered."""
    drive = replace(
        slowing.drive, stop_at=slowing.now, stop_since=slowing.now, stop_answered_at=slowing.now
    )
    return replace(slowing, phase=Phase.STOPPING, drive=drive, owed=True, evidence=MOVING)


def after(work, s, **drive):
    d = Draft(replace(s, drive=replace(s.drive, **drive)))
    work(d)
    return d


def test_nothing_is_awaited_without_a_stop(stopping):
    s = replace(stopping, evidence=STILL)
    assert after(await_rest, s, stop_at=None).s.owed
    assert after(await_rest, s, stop_since=None).s.owed


@pytest.mark.parametrize(("over", "given_up"), [(0, False), (1, True)])
def test_an_answer_that_does_not_come_is_given_up_after_4_s(stopping, over, given_up):
    s = replace(later(stopping, STOP_SILENCE + over), evidence=STILL)
    d = after(await_rest, s, stop_answered_at=None)
    assert (s.now if given_up else None) == d.s.drive.stop_answered_at
    assert (0 if given_up else 2) == d.s.evidence.zeros
    assert d.s.owed


def test_two_zeros_after_the_answer_are_rest_and_without_an_answer_they_are_not(stopping):
    s = replace(stopping, evidence=STILL)
    d = after(await_rest, s, unconfirmed=True)
    assert (False, None, None, False, Phase.FINISHED) == (
        d.s.owed,
        d.s.drive.stop_at,
        d.s.drive.stop_since,
        d.s.drive.unconfirmed,
        d.s.phase,
    )
    assert (s.now, None, None) == (d.s.rested_at, d.s.started_at, d.s.moving_since)
    assert after(await_rest, s, stop_answered_at=None).s.owed
    assert after(await_rest, replace(s, evidence=replace(STILL, zeros=1))).s.owed


@pytest.mark.parametrize(
    ("seen", "gap_at", "owed"),
    [
        (1_000 + START_TIME, 0, True),
        (1_001 + START_TIME, 0, False),
        (1_001 + START_TIME, 1_001 + START_TIME - GAP_HOLD, True),
        (1_002 + START_TIME, 1_001 + START_TIME - GAP_HOLD, False),
        (None, 0, True),
    ],
)
def test_zeros_prove_no_rest_while_a_start_may_yet_take_effect(stopping, seen, gap_at, owed):
    s = replace(
        stopping,
        evidence=replace(STILL, speed_at=seen),
        started_at=1_000,
        gap_at=gap_at,
        then=Then.FINISH,
    )
    assert owed is after(await_rest, s).s.owed


@pytest.mark.parametrize(("over", "told"), [(0, False), (1, True)])
def test_a_stop_without_proof_is_told_after_20_s_once(stopping, over, told):
    s = later(stopping, STOP_PATIENCE + over)
    d = after(await_rest, s)
    assert told is d.s.drive.unconfirmed
    assert (Phase.FAULTED if told else Phase.STOPPING) is d.s.phase
    assert (Cause.STOP_UNCONFIRMED if told else None) == (d.s.fault and d.s.fault.cause)
    again = after(await_rest, s, unconfirmed=True)
    assert Phase.STOPPING is again.s.phase


@pytest.mark.parametrize(
    ("retry", "expected"), [(0, [Stop()]), (1, []), (-1, [Stop()])], ids=["due", "early", "late"]
)
def test_a_refused_stop_is_repeated_when_it_is_due(stopping, retry, expected):
    s = later(stopping, 600)
    due = s.now + retry
    assert expected == orders(await_rest, s, stop_retry_at=due, stop_answered_at=None)


def test_a_belt_that_insists_is_stopped_again_once_the_stop_was_answered(stopping):
    deaf = replace(stopping, evidence=replace(MOVING, speed_at=900))
    assert orders(await_rest, deaf) == [Stop()]
    assert orders(await_rest, deaf, stop_answered_at=None) == []
    assert orders(await_rest, replace(deaf, evidence=replace(MOVING, speed_at=899))) == []


@pytest.mark.parametrize(
    ("then", "fault", "expected"),
    [
        (Then.FINISH, False, Phase.FINISHED),
        (Then.PAUSE, False, Phase.HOLDING),
        (Then.TURN, False, Phase.TURNING),
        (Then.FAULT, False, Phase.FAULTED),
        (Then.PAUSE, True, Phase.FAULTED),
    ],
)
def test_what_was_planned_comes_after_the_rest(stopping, then, fault, expected):
    finding = Finding(Action.STOP, Cause.BLIND, "test") if fault else None
    s = replace(stopping, evidence=STILL, then=then, fault=finding, ended_by=None)
    d = after(await_rest, s)
    assert expected is d.s.phase
    assert (then is Then.PAUSE and not fault) is d.s.paused
    assert ("completed" if expected is Phase.FINISHED else None) == d.s.ended_by
    kept = after(await_rest, replace(s, phase=Phase.FAULTED))
    assert (Phase.FAULTED, False) == (kept.s.phase, kept.s.owed)


# --- handing over ----------------------------------------------------------------------------------

TAKEN = Finding(Action.HAND_OVER, Cause.CONSOLE, "somebody pressed a button")


def handed_over(s, **drive):
    return after(lambda d: hand_over(d, TAKEN), s, **drive)


def test_what_is_handed_over_is_owed_nothing_and_may_start_nothing(slowing):
    s = replace(slowing, owed=True, start_granted=True, paused=True, rested_at=1, started_at=1)
    d = handed_over(s, pending=Pending(ticket=1, command=SetSpeed(100), sent_at=0)).s
    assert (Phase.HANDED_OVER, False, False, False) == (d.phase, d.owed, d.start_granted, d.paused)
    assert (None, None, None, 0) == (d.drive.pending, d.rested_at, d.started_at, d.evidence.since)
    assert ("console", Then.FINISH) == (d.ended_by, d.then)


@pytest.mark.parametrize(
    ("phase", "command", "expected"),
    [
        (Phase.RUNNING, Start(), Phase.STOPPING),
        (Phase.RUNNING, SetSpeed(100), Phase.HANDED_OVER),
        (Phase.STARTING, SetSpeed(100), Phase.STOPPING),
        (Phase.FINISHED, Start(), Phase.FINISHED),
    ],
)
def test_a_belt_that_our_start_may_yet_move_is_stopped(slowing, phase, command, expected):
    pending = Pending(ticket=1, command=command, sent_at=0)
    assert (
        expected is handed_over(replace(slowing, phase=phase, owed=True), pending=pending).s.phase
    )
    calm = handed_over(replace(slowing, phase=Phase.STARTING, owed=False), pending=None)
    assert calm.s.phase is Phase.HANDED_OVER


# --- what rest and fault leave behind ----------------------------------------------------------------


def kinds(d):
    return [n.kind for n in d.notices if isinstance(n, Cue)]


@pytest.mark.parametrize(
    ("then", "expected"),
    [(Then.PAUSE, CueKind.STOPPED), (Then.TURN, CueKind.TURN), (Then.FINISH, CueKind.FINISHED)],
)
def test_a_rest_settles_everything_and_is_told(stopping, then, expected):
    record = Ownership(fingerprint="bench", program="x", target=0, distance=None, elapsed=None)
    s = replace(stopping, evidence=replace(STILL, speed_at=90_000), then=then, fault=None)
    s = replace(s, adopted=record, started_at=1_000, gap_at=0)
    d = after(await_rest, s, pending=Pending(ticket=1, command=Stop(), sent_at=0))
    assert (None, None, None) == (d.s.drive.pending, d.s.adopted, d.s.started_at)
    assert [expected] == kinds(d)


def test_a_stop_without_proof_asks_a_person(stopping):
    d = after(await_rest, later(stopping, STOP_PATIENCE + 1))
    assert Action.STOP is d.s.fault.action
    assert (Then.FAULT, "stop_unconfirmed") == (d.s.then, d.s.ended_by)
    assert [CueKind.ALARM] == kinds(d)


def test_the_first_fault_stays(stopping):
    first = Finding(Action.STOP, Cause.BLIND, "first")
    d = after(
        await_rest, later(replace(stopping, fault=first, ended_by="blind"), STOP_PATIENCE + 1)
    )
    assert (first, "blind") == (d.s.fault, d.s.ended_by)


def test_handing_over_ends_holds_and_plans(slowing):
    held = replace(slowing, owed=True, holds=(Cause.STALE,), then=Then.TURN)
    d = handed_over(held).s
    assert ((), Then.FINISH) == (d.holds, d.then)


@pytest.mark.parametrize(("script", "words"), [(0, "the console"), (30_000, "the rear")])
def test_a_turn_says_where_to_look(stopping, script, words):
    s = replace(stopping, evidence=STILL, then=Then.TURN, fault=None, script=script)
    (cue,) = [n for n in after(await_rest, s).notices if isinstance(n, Cue)]
    assert f"turn to face {words}," in cue.text


def test_a_turn_without_a_program_is_an_end(stopping):
    s = replace(stopping, evidence=STILL, then=Then.TURN, fault=None, workout=None)
    assert after(await_rest, s).s.phase is Phase.FINISHED


# --- never a second Stop to a belt that coasts ------------------------------------------------------

COASTING = replace(MOVING, speed=60, speed_at=1_000, low=60, low_at=1_000)
BLIND = HOLD_AGE + 1


@pytest.mark.hazard("H16")
@pytest.mark.parametrize(
    ("seen", "age", "again"),
    [(MOVING, 0, True), (COASTING, 0, False), (COASTING, HOLD_AGE, False), (COASTING, BLIND, True)],
)
def test_a_refused_stop_waits_while_the_belt_is_seen_to_slow_down(stopping, seen, age, again):
    s = later(stopping, 600)
    seen = replace(seen, speed_at=s.now - age, low_at=s.now - age, since_at=0)
    seen = seen if seen.speed == 60 else replace(seen, low_at=0)
    expected = [Stop()] if again else []
    assert expected == orders(
        await_rest, replace(s, evidence=seen), stop_retry_at=s.now, stop_answered_at=None
    )


@pytest.mark.hazard("H16", "H24")
@pytest.mark.parametrize(
    ("since", "age", "again"), [(0, 0, True), (1, 0, False), (1, HOLD_AGE, False), (1, BLIND, True)]
)
def test_a_stop_without_an_answer_is_repeated_only_to_a_belt_that_is_not_seen(
    stopping, since, age, again
):
    s = later(stopping, 600)
    seen = replace(MOVING, since=since, since_at=s.now - age, speed_at=s.now - age)
    s = replace(s, evidence=replace(seen, low_at=s.now - age))
    assert ([Stop()] if again else []) == orders(await_rest, s, stop_retry_at=s.now)
    assert orders(await_rest, s, stop_retry_at=s.now + 1) == []


# --- a belt that creeps -----------------------------------------------------------------------------

INSISTENT = replace(MOVING, speed_at=900)


@pytest.mark.hazard("H16")
@pytest.mark.parametrize(
    ("speed", "crept", "again"),
    [
        (FLOOR - 1, False, True),
        (FLOOR - 1, True, False),
        (FLOOR, True, True),
        (FLOOR, False, True),
    ],
)
def test_a_belt_below_its_lowest_speed_gets_one_more_stop(stopping, speed, crept, again):
    s = replace(stopping, evidence=replace(INSISTENT, speed=speed))
    d = after(await_rest, s, crept=crept)
    assert ([Stop()] if again else []) == [order.command for order in d.orders]
    assert (crept or speed < FLOOR) is d.s.drive.crept


@pytest.mark.hazard("H16")
def test_a_belt_that_a_second_stop_set_going_again_is_told_at_once_and_stopped(stopping):
    s = replace(stopping, evidence=INSISTENT, fault=None)
    d = after(await_rest, s, crept=True)
    assert [Stop()] == [order.command for order in d.orders]
    assert (Phase.FAULTED, Cause.STOP_UNCONFIRMED) == (d.s.phase, d.s.fault.cause)
    assert "set the belt going again" in d.s.fault.sentence
    assert [CueKind.ALARM] == kinds(d)
    again = after(await_rest, s, crept=True, unconfirmed=True)
    assert ([Stop()], []) == ([order.command for order in again.orders], kinds(again))


def test_a_rest_forgets_that_the_belt_crept(stopping):
    s = replace(stopping, evidence=replace(STILL, speed_at=90_000))
    assert after(await_rest, s, crept=True).s.drive.crept is False


@pytest.mark.hazard("H16")
def test_a_belt_that_creeps_and_starts_again_at_a_second_stop_comes_to_rest(rig):
    """Found by the swarm: every Stop to the creeping belt was a Start, for ever."""
    rig.run()
    rig.ask(Ask.STOP)
    heard, starts, creeps_until = 0, 0, None
    for _ in range(600):
        if len(rig.commands(Stop)) > heard:
            heard += 1
            if creeps_until is None:
                rig.target, creeps_until = 20, rig.now + 13_000
            else:
                rig.target, creeps_until, starts = 80, None, starts + 1
        if creeps_until is not None and rig.now >= creeps_until:
            rig.target = 0
        rig.tick()
    assert (1, 3) == (starts, heard)
    assert (0, False, Phase.FAULTED) == (rig.speed, rig.session.owed, rig.session.phase)


@pytest.mark.hazard("H16")
def test_only_a_belt_that_insists_below_a_lowest_speed_that_is_known_creeps(stopping):
    nameless = replace(stopping, machine=None, evidence=replace(INSISTENT, speed=FLOOR - 1))
    d = after(await_rest, nameless)
    assert ([Stop()], False) == ([order.command for order in d.orders], d.s.drive.crept)
    s = later(stopping, 9_000)
    falling = replace(COASTING, speed=FLOOR - 1, speed_at=s.now - BLIND, low_at=s.now - BLIND)
    d = after(await_rest, replace(s, evidence=falling), stop_retry_at=s.now, stop_answered_at=s.now)
    assert ([Stop()], False) == ([order.command for order in d.orders], d.s.drive.crept)


@pytest.mark.hazard("H01", "H17")
@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (START_TIME, Phase.STOPPING),
        (START_TIME + 1, Phase.HANDED_OVER),
        (None, Phase.HANDED_OVER),
    ],
)
def test_a_start_is_out_for_as_long_as_the_slowest_belt_takes(slowing, ago, expected):
    s = later(slowing, OLD)
    s = replace(s, phase=Phase.RUNNING, started_at=None if ago is None else s.now - ago)
    assert expected is handed_over(s).s.phase


def test_a_stop_without_proof_is_told_in_a_fault_too(stopping):
    d = after(await_rest, replace(later(stopping, STOP_PATIENCE + 1), phase=Phase.FAULTED))
    assert (Phase.FAULTED, True) == (d.s.phase, d.s.drive.unconfirmed)


@pytest.mark.hazard("H16")
def test_a_belt_that_insists_at_a_walking_speed_is_stopped_again_without_an_alarm(stopping):
    d = after(await_rest, replace(stopping, evidence=INSISTENT))
    assert ([Stop()], []) == ([order.command for order in d.orders], kinds(d))


def test_a_hand_over_is_told(slowing):
    assert [CueKind.ALARM] == kinds(handed_over(slowing))
