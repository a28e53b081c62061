"""Each finding at its threshold and just beyond it, in the phases that ask for it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain.envelope import envelope
from backstride.domain.evidence import NEVER, Evidence
from backstride.domain.failsafe import Action, Cause
from backstride.domain.limits import SiteRules
from backstride.domain.session import Control, Cues, Drive, Phase, Session
from backstride.domain.supervision import assess, underway

NOW = 100_000


@pytest.fixture
def healthy(make_machine, make_program):
    """A session that has been walking at 1.0 km/h for a while, with everything as it should be."""
    chosen = make_program()
    known = make_machine()
    evidence = Evidence(
        at=NOW,
        speed=100,
        speed_at=NOW,
        incline=0,
        incline_at=NOW,
        distance=20,
        elapsed=60,
        frames=60,
        since=30,
        low=100,
        low_at=NOW - 9_000,
        since_at=NOW - 9_000,
        level=100,
        level_at=NOW - 9_000,
        advanced_at=NOW,
        counts=True,
        ticks=True,
    )
    drive = Drive(
        target=100,
        target_at=NOW - 9_000,
        previous=90,
        lowered_at=NOW - 60_000,
        incline_at=NOW - 60_000,
        probed=2,
        followed=True,
    )
    return Session(
        phase=Phase.RUNNING,
        since=NOW - 60_000,
        now=NOW,
        ticked_at=NOW,
        epoch=1,
        confirmed_epoch=1,
        linked=True,
        machine=known,
        control=Control.GRANTED,
        evidence=evidence,
        drive=drive,
        bus=True,
        program=chosen,
        envelope=envelope(SiteRules(), known, None, chosen),
        owed=True,
        cues=Cues(segment=0, heard_at=NOW - 50_000),
    )


def seen(s, **changes):
    return replace(s, evidence=replace(s.evidence, **changes))


def told(s, **changes):
    return replace(s, drive=replace(s.drive, **changes))


def found(s):
    return [(finding.cause, finding.action) for finding in assess(s)]


def test_all_is_well_while_all_is_well(healthy):
    assert found(healthy) == []
    assert underway(healthy)


CASES = {
    # what: (still well, no longer, what is found)
    "telemetry after 3 s": (
        lambda s: seen(s, speed_at=NOW - 3_000),
        lambda s: seen(s, speed_at=NOW - 3_001),
        (Cause.STALE, Action.HOLD),
    ),
    "telemetry after 5 s": (
        lambda s: seen(s, speed_at=NOW - 5_000),
        lambda s: seen(s, speed_at=NOW - 5_001),
        (Cause.BLIND, Action.STOP),
    ),
    "telemetry that never came": (
        lambda s: replace(seen(s, speed_at=None, speed=None), since=NOW - 3_000),
        lambda s: replace(seen(s, speed_at=None, speed=None), since=NOW - 5_001),
        (Cause.BLIND, Action.STOP),
    ),
    "counters for 5 s": (
        lambda s: seen(s, advanced_at=NOW - 5_000),
        lambda s: seen(s, advanced_at=NOW - 5_001),
        (Cause.FROZEN, Action.HOLD),
    ),
    "counters for 10 s": (
        lambda s: seen(s, advanced_at=NOW - 10_000),
        lambda s: seen(s, advanced_at=NOW - 10_001),
        (Cause.FROZEN, Action.SLOW_DOWN),
    ),
    "metres at 1 km/h take 3.6 s": (
        lambda s: seen(s, ticks=False, advanced_at=NOW - 8_600),
        lambda s: seen(s, ticks=False, advanced_at=NOW - 8_601),
        (Cause.FROZEN, Action.HOLD),
    ),
    "two frames above the cap": (
        lambda s: seen(s, over=1),
        lambda s: seen(s, over=2),
        (Cause.OVERSPEED, Action.STOP),
    ),
    "above the target for 3 s": (
        lambda s: replace(seen(s, speed=131), off_since=NOW - 3_000),
        lambda s: replace(seen(s, speed=131), off_since=NOW - 3_001),
        (Cause.NOT_FOLLOWING, Action.STOP),
    ),
    "above the target within the grace of 5 s": (
        lambda s: told(replace(seen(s, speed=131), off_since=NOW - 4_000), lowered_at=NOW - 5_000),
        lambda s: told(replace(seen(s, speed=131), off_since=NOW - 4_000), lowered_at=NOW - 5_001),
        (Cause.NOT_FOLLOWING, Action.STOP),
    ),
    "a probe for 5 s": (
        lambda s: told(s, probe_at=NOW - 5_000, probe_goal=80, probe_slack=15),
        lambda s: told(s, probe_at=NOW - 5_001, probe_goal=80, probe_slack=15),
        (Cause.PROBE, Action.STOP),
    ),
    "a probe within its slack": (
        lambda s: told(s, probe_at=NOW - 9_000, probe_goal=85, probe_slack=15),
        lambda s: told(s, probe_at=NOW - 9_000, probe_goal=84, probe_slack=15),
        (Cause.PROBE, Action.STOP),
    ),
    "no probe for 20 s": (
        lambda s: replace(told(s, probed=0), since=NOW - 20_000),
        lambda s: replace(told(s, probed=0), since=NOW - 20_001),
        (Cause.PROBE, Action.SLOW_DOWN),
    ),
    "slower than told, 10 s after the command": (
        lambda s: told(seen(s, speed=69), target_at=NOW - 10_000),
        lambda s: told(seen(s, speed=69), target_at=NOW - 10_001),
        (Cause.BELT_MOVED, Action.HAND_OVER),
    ),
    "slower than told by more than 0.3": (
        lambda s: told(seen(s, speed=70), target_at=NOW - 10_001),
        lambda s: told(seen(s, speed=69), target_at=NOW - 10_001),
        (Cause.BELT_MOVED, Action.HAND_OVER),
    ),
    "a belt that never came to its target": (
        lambda s: told(seen(s, speed=70), target_at=NOW - 10_001, followed=False),
        lambda s: told(seen(s, speed=69), target_at=NOW - 10_001, followed=False),
        (Cause.NOT_FOLLOWING, Action.SLOW_DOWN),
    ),
    "a belt that stands": (
        lambda s: seen(s, speed=0, zeros=1),
        lambda s: seen(s, speed=0, zeros=2),
        (Cause.CONSOLE, Action.HAND_OVER),
    ),
    "a deck below 0": (
        lambda s: seen(s, incline=0),
        lambda s: replace(seen(s, incline=-1), downhill_since=NOW),
        (Cause.DOWNHILL, Action.HOLD),
    ),
    "a deck below 0 for 5 s": (
        lambda s: replace(seen(s, incline=-1), downhill_since=NOW - 5_000),
        lambda s: replace(seen(s, incline=-1), downhill_since=NOW - 5_001),
        (Cause.DOWNHILL, Action.SLOW_DOWN),
    ),
    "a slope that nobody asked for": (
        lambda s: seen(s, incline=5),
        lambda s: seen(s, incline=6),
        (Cause.SLOPE_CHANGED, Action.SLOW_DOWN),
    ),
    "a slope on its way": (
        lambda s: told(seen(s, incline=5), incline=20, incline_from=10, incline_at=NOW - 40_000),
        lambda s: told(seen(s, incline=4), incline=20, incline_from=10, incline_at=NOW - 40_000),
        (Cause.SLOPE_CHANGED, Action.SLOW_DOWN),
    ),
    "a slope that never arrived": (
        lambda s: told(seen(s, incline=14), incline=20, incline_from=10, incline_at=NOW - 40_000),
        lambda s: told(seen(s, incline=14), incline=20, incline_from=10, incline_at=NOW - 40_001),
        (Cause.SLOPE_CHANGED, Action.SLOW_DOWN),
    ),
    "no broker": (
        lambda s: s,
        lambda s: replace(s, bus=False),
        (Cause.BROKER_LOST, Action.HOLD),
    ),
    "no broker for 15 s in sum": (
        lambda s: replace(s, outage=15_000),
        lambda s: replace(s, outage=15_001),
        (Cause.BROKER_LOST, Action.SLOW_DOWN),
    ),
    "a gap of 1 s": (
        lambda s: replace(s, gap=1_000, gap_at=NOW),
        lambda s: replace(s, gap=1_001, gap_at=NOW),
        (Cause.CLOCK, Action.HOLD),
    ),
    "a gap of 3 s": (
        lambda s: replace(s, gap=3_000, gap_at=NOW),
        lambda s: replace(s, gap=3_001, gap_at=NOW),
        (Cause.CLOCK, Action.SLOW_DOWN),
    ),
    "a gap 2 s ago": (
        lambda s: replace(s, gap=9_000, gap_at=NOW - 2_001),
        lambda s: replace(s, gap=9_000, gap_at=NOW - 2_000),
        (Cause.CLOCK, Action.SLOW_DOWN),
    ),
    "one unanswered command": (
        lambda s: told(s, unknowns=0),
        lambda s: told(s, unknowns=1),
        (Cause.NO_ANSWER, Action.HOLD),
    ),
    "three unanswered commands": (
        lambda s: told(s, unknowns=2),
        lambda s: told(s, unknowns=3),
        (Cause.NO_ANSWER, Action.STOP),
    ),
    "three refused commands": (
        lambda s: told(s, refusals=2),
        lambda s: told(s, refusals=3),
        (Cause.REFUSED, Action.STOP),
    ),
    "a check-in after 15 s": (
        lambda s: replace(s, asked_at=NOW - 15_000),
        lambda s: replace(s, asked_at=NOW - 15_001),
        (Cause.NOBODY_THERE, Action.HOLD),
    ),
    "a check-in after 30 s": (
        lambda s: replace(s, asked_at=NOW - 30_000),
        lambda s: replace(s, asked_at=NOW - 30_001),
        (Cause.NOBODY_THERE, Action.STOP),
    ),
    "no step for 20 s": (
        lambda s: seen(s, signs=30, sign_at=NOW - 20_000),
        lambda s: seen(s, signs=30, sign_at=NOW - 20_001),
        (Cause.NOBODY_THERE, Action.HOLD),
    ),
    "no step for 35 s": (
        lambda s: seen(s, signs=29, sign_at=NOW - 35_001),
        lambda s: seen(s, signs=30, sign_at=NOW - 35_001),
        (Cause.NOBODY_THERE, Action.STOP),
    ),
    "no step for just 35 s": (
        lambda s: seen(s, signs=30, sign_at=NOW - 35_000),
        lambda s: seen(s, signs=30, sign_at=NOW - 35_001),
        (Cause.NOBODY_THERE, Action.STOP),
    ),
    "a minute without an answer, but no hold": (
        lambda s: told(replace(s, since=NOW - 60_001), unknowns=1),
        lambda s: told(replace(s, phase=Phase.HOLDING, since=NOW - 60_001), unknowns=1),
        (Cause.NO_ANSWER, Action.SLOW_DOWN),
    ),
    "a hold for a minute, but every command answered": (
        lambda s: replace(s, phase=Phase.HOLDING, since=NOW - 60_001),
        lambda s: told(replace(s, phase=Phase.HOLDING, since=NOW - 60_001), unknowns=1),
        (Cause.NO_ANSWER, Action.SLOW_DOWN),
    ),
    "a hold without an answer for a minute": (
        lambda s: told(replace(s, phase=Phase.HOLDING, since=NOW - 60_000), unknowns=1),
        lambda s: told(replace(s, phase=Phase.HOLDING, since=NOW - 60_001), unknowns=1),
        (Cause.NO_ANSWER, Action.SLOW_DOWN),
    ),
    "a cue that nobody took for 5 s": (
        lambda s: replace(s, cues=Cues(segment=1, asked_at=NOW - 5_000)),
        lambda s: replace(s, cues=Cues(segment=1, asked_at=NOW - 5_001)),
        (Cause.CUE_NOT_HEARD, Action.ANNOUNCE),
    ),
    "a cue that was given in vain before": (
        lambda s: replace(s, cues=Cues(segment=1, asked_at=NOW)),
        lambda s: replace(s, cues=Cues(segment=1, asked_at=NOW, missed=1)),
        (Cause.CUE_NOT_HEARD, Action.ANNOUNCE),
    ),
    "a cue that was never given": (
        lambda s: replace(s, cues=Cues(segment=-1)),
        lambda s: replace(s, cues=Cues(segment=0)),
        (Cause.CUE_NOT_HEARD, Action.ANNOUNCE),
    ),
    "control granted after two requests": (
        lambda s: replace(s, control=Control.GRANTED, control_asks=2),
        lambda s: replace(s, control=Control.REFUSED, control_asks=2),
        (Cause.NO_CONTROL, Action.STOP),
    ),
    "control refused twice": (
        lambda s: replace(s, control=Control.REFUSED, control_asks=1),
        lambda s: replace(s, control=Control.REFUSED, control_asks=2),
        (Cause.NO_CONTROL, Action.STOP),
    ),
}


@pytest.mark.hazard("H05", "H08", "H12", "H13", "H14", "H17", "H22", "H24", "H28", "H29")
@pytest.mark.parametrize("name", CASES)
def test_a_finding_begins_just_beyond_its_threshold(healthy, name):
    well, beyond, expected = CASES[name]
    if well is not None:
        assert expected not in found(well(healthy))
    assert expected in found(beyond(healthy))
    assert all(finding.sentence for finding in assess(beyond(healthy)))


@pytest.mark.parametrize(
    ("phase", "silent"),
    [
        (Phase.OFFLINE, True),
        (Phase.IDLE, True),
        (Phase.ARMED, True),
        (Phase.COUNTDOWN, False),
        (Phase.STARTING, False),
        (Phase.RUNNING, False),
        (Phase.TURNING, False),
        (Phase.HOLDING, False),
        (Phase.SLOWING, False),
        (Phase.STOPPING, True),
        (Phase.FINISHED, True),
        (Phase.HANDED_OVER, True),
        (Phase.FAULTED, True),
    ],
)
def test_silence_matters_where_the_belt_may_move_because_of_us(healthy, phase, silent):
    blind = replace(seen(healthy, speed_at=NOW - 9_000), phase=phase)
    causes = {cause for cause, _ in found(blind)}
    assert silent is not bool(causes & {Cause.STALE, Cause.BLIND})


@pytest.mark.hazard("H12")
def test_without_a_broker_an_unsupervised_program_goes_on(healthy, make_program):
    alone = replace(healthy, bus=False, outage=60_000, program=make_program(unsupervised=True))
    assert found(alone) == []


@pytest.mark.hazard("H14")
def test_a_machine_whose_counters_never_counted_is_not_called_frozen(healthy):
    assert found(seen(healthy, counts=False, advanced_at=0)) == []


def test_a_resting_belt_in_a_pause_needs_no_telemetry_but_may_not_move(healthy):
    paused = replace(healthy, phase=Phase.HOLDING, paused=True, owed=False)
    assert found(seen(paused, speed=0, zeros=9, speed_at=0)) == []
    assert found(paused) == [(Cause.CONSOLE, Action.HAND_OVER)]


@pytest.mark.hazard("H16")
@pytest.mark.parametrize(
    "phase",
    [
        Phase.IDLE,
        Phase.ARMED,
        Phase.COUNTDOWN,
        Phase.TURNING,
        Phase.HOLDING,
        Phase.FINISHED,
        Phase.FAULTED,
    ],
)
def test_a_belt_that_moves_soon_after_our_stop_was_restarted_by_it(healthy, phase):
    still = replace(healthy, phase=phase, owed=False, rested_at=NOW - 30_000)
    restarted = (Cause.BELT_MOVED, Action.STOP)
    assert restarted in found(still)
    assert restarted not in found(replace(still, rested_at=NOW - 30_001))
    assert restarted not in found(replace(still, rested_at=None))
    assert restarted not in found(seen(still, speed=0))


STARTS = {
    "the belt did not move for 12 s": (
        lambda s: replace(s, since=NOW - 12_000),
        lambda s: replace(s, since=NOW - 12_001),
        (Cause.START_FAILED, Action.STOP),
    ),
    "nobody pressed Start for 45 s": (
        lambda s: replace(s, owed=False, since=NOW - 45_000),
        lambda s: replace(s, owed=False, since=NOW - 45_001),
        (Cause.START_FAILED, Action.STOP),
    ),
    "Start was refused": (
        lambda s: s,
        lambda s: told(s, refusals=1),
        (Cause.START_FAILED, Action.STOP),
    ),
    "the belt moves while its Start is not sent": (
        lambda s: seen(s, speed=1),
        lambda s: replace(seen(s, speed=1), start_granted=True),
        (Cause.BELT_MOVED, Action.HAND_OVER),
    ),
    "the belt moves while a Start waits": (
        lambda s: replace(s, start_granted=True),
        lambda s: replace(seen(s, speed=1), start_granted=True),
        (Cause.BELT_MOVED, Action.HAND_OVER),
    ),
    "the first frame is above the cap": (
        lambda s: seen(s, speed=180),
        lambda s: seen(s, speed=181),
        (Cause.OVERSPEED, Action.STOP),
    ),
}


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("name", STARTS)
def test_a_start_has_its_own_thresholds(healthy, name):
    base = replace(seen(healthy, speed=0), phase=Phase.STARTING, since=NOW)
    well, beyond, expected = STARTS[name]
    assert found(well(base)) == []
    assert found(beyond(base)) == [expected]


COUNTDOWNS = {
    "the belt moves": (
        lambda s: seen(s, speed=1),
        (Cause.BELT_MOVED, Action.HAND_OVER),
    ),
    "no telemetry for 3 s": (
        lambda s: seen(s, speed_at=NOW - 3_001),
        (Cause.STALE, Action.HOLD),
    ),
    "no telemetry at all": (lambda s: seen(s, speed_at=None), (Cause.STALE, Action.HOLD)),
    "the deck sank": (lambda s: seen(s, incline=-1), (Cause.DOWNHILL, Action.HOLD)),
    "the deck rose": (lambda s: seen(s, incline=1), (Cause.SLOPE_CHANGED, Action.HOLD)),
    "the deck is unknown": (
        lambda s: seen(s, incline=None),
        (Cause.SLOPE_CHANGED, Action.HOLD),
    ),
    "the broker went": (lambda s: replace(s, bus=False), (Cause.BROKER_LOST, Action.HOLD)),
    "the host slept": (
        lambda s: replace(s, gap=3_001, gap_at=NOW),
        (Cause.CLOCK, Action.SLOW_DOWN),
    ),
    "control was refused": (
        lambda s: replace(s, control=Control.REFUSED, control_asks=2),
        (Cause.NO_CONTROL, Action.HOLD),
    ),
}


@pytest.mark.hazard("H01", "H13")
@pytest.mark.parametrize("name", COUNTDOWNS)
def test_a_countdown_is_watched(healthy, name):
    base = replace(seen(healthy, speed=0), phase=Phase.COUNTDOWN, since=NOW, owed=False)
    change, expected = COUNTDOWNS[name]
    assert found(base) == []
    assert found(change(base)) == [expected]


def test_the_age_of_the_unseen_is_larger_than_any_threshold():
    assert Evidence().age(NOW) == NEVER > NOW


def test_a_belt_is_under_way_while_this_session_may_move_it_and_owes_it_a_rest(healthy):
    moving = {phase for phase in Phase if underway(replace(healthy, phase=phase))}
    assert {Phase.RUNNING, Phase.TURNING, Phase.HOLDING, Phase.SLOWING} == moving
    assert not underway(replace(healthy, owed=False))


def test_what_is_not_there_is_not_judged(healthy):
    assert found(replace(healthy, program=None)) == []
    counting = replace(seen(healthy, speed=0, incline=-5), phase=Phase.COUNTDOWN, owed=False)
    assert found(replace(counting, envelope=None)) == []
    assert found(counting) == [(Cause.DOWNHILL, Action.HOLD)]
    assert found(seen(counting, incline=1)) == [(Cause.SLOPE_CHANGED, Action.HOLD)]
    assert found(seen(counting, incline=0, speed_at=NOW - 3_000)) == []


def test_a_belt_that_is_owed_its_rest_was_not_restarted(healthy):
    idle = replace(healthy, phase=Phase.IDLE, rested_at=NOW - 1)
    assert found(idle) == []
    assert found(replace(idle, owed=False)) == [(Cause.BELT_MOVED, Action.STOP)]


def test_a_start_that_was_already_stopped_is_not_called_failed(healthy):
    late = replace(
        told(seen(healthy, speed=0), stop_at=NOW), phase=Phase.STARTING, since=NOW - 20_000
    )
    assert found(late) == []
    assert found(told(late, stop_at=None)) == [(Cause.START_FAILED, Action.STOP)]
