"""Starting, following, turning, slowing and stopping, seen from the belt."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.events import Ask, Status, Verdict
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.machine import BeltStart, SpeedRange
from backstride.domain.notices import Cue, CueKind
from backstride.domain.pilot import pilot
from backstride.domain.session import Control, Draft, Drive, Options, Phase, Session
from backstride.domain.workout import Effort, Facing, Step, Turn

ANY_END = (Phase.FINISHED, Phase.FAULTED, Phase.HANDED_OVER)


def work(seconds, speed, **changes):
    return Step(effort=Effort.WORK, duration=seconds * 1_000, speed=speed, **changes)


def speeds(rig):
    return [(at, command.target) for at, command, _ in rig.commands(SetSpeed)]


def causes(rig):
    return [str(cause) for cause in rig.alarms()]


# --- a whole session -------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [200, 500, 1_000])
@pytest.mark.parametrize(
    "speed_range", [(50, 1200, 10), (60, 2000, 10), (50, 600, 5), (50, 500, 1)]
)
def test_a_whole_session_ends_in_peace_and_the_gate_refuses_nothing(
    make_rig, make_machine, period, speed_range
):
    rig = make_rig(machine=make_machine(speed=SpeedRange(*speed_range)), period=period)
    rig.walk()
    assert Phase.FINISHED is rig.session.phase
    assert (0, "completed", []) == (rig.speed, rig.session.ended_by, causes(rig))
    assert rig.refusals == []
    assert [0, 0, 0] == [speed for _, _, speed in rig.commands(Start)]
    assert len(rig.commands(Stop)) == 3


@pytest.mark.parametrize(("low", "increment", "high"), [(100, 50, 250), (96, 32, 288)])
def test_a_coarse_machine_climbs_by_one_increment_no_faster_than_a_fine_one(  # noqa: PLR0917
    make_rig, make_machine, make_program, low, increment, high
):
    rig = make_rig(machine=make_machine(speed=SpeedRange(low, 600, increment)))
    steps = (work(120, high - low), work(60, low))
    rig.walk(make_program(max_speed=300, steps=(work(30, low), *steps)))
    assert ("completed", []) == (rig.session.ended_by, rig.refusals)
    for (at, before), (later, after) in itertools.pairwise(speeds(rig)):
        assert (after - low) % increment == 0
        if after > before:
            assert after - before == increment
            assert increment * 1_000 <= 10 * (later - at)


@pytest.mark.hazard("H06")
def test_ramps_keep_their_pace_upwards_and_downwards(rig, make_program):
    steps = (work(60, 120), work(30, 200), work(40, 100))
    rig.walk(make_program(max_speed=200, steps=steps))
    for (at, before), (later, after) in itertools.pairwise(speeds(rig)):
        assert later - at >= 1_000
        if after > before:
            assert (after - before, later - at) == (10, max(2_000, later - at))
        else:
            assert (before - after) * 1_000 <= 30 * (later - at)


@pytest.mark.hazard("H07")
def test_a_planned_end_ramps_down_before_it_stops(rig, make_program):
    rig.walk(make_program(max_speed=200, steps=(work(60, 150),)))
    _, _, speed = rig.commands(Stop)[0]
    assert speed <= 60


def test_the_slope_is_climbed_and_left_by_small_steps(rig, make_program):
    steps = (work(40, 80), work(60, 80, incline=30), work(30, 80, incline=5))
    rig.walk(make_program(max_incline=30, steps=steps))
    asked = [(at, command.target) for at, command, _ in rig.commands(SetIncline)]
    assert [target for _, target in asked] == [10, 20, 30, 5]
    assert min(b - a for (a, _), (b, _) in itertools.pairwise(asked[:3])) >= 5_000
    assert ("completed", []) == (rig.session.ended_by, rig.refusals)


def test_a_turn_is_made_on_a_belt_that_was_proven_still(rig):
    rig.run().until(Phase.TURNING)
    rig.until(Phase.STOPPING).until(Phase.TURNING)
    assert rig.speed == 0
    assert "turn to face the rear" in rig.last_cue(CueKind.TURN).text
    rig.seconds(30)
    assert (0, 1) == (rig.speed, len(rig.commands(Start)))
    rig.ask(Ask.CONFIRM)
    rig.until(Phase.RUNNING)
    assert Facing.BACKWARD is rig.session.facing


def test_nobody_who_goes_on_ends_a_turn_after_ten_minutes(rig):
    rig.run().until(Phase.TURNING).until(Phase.STOPPING).until(Phase.TURNING)
    rig.seconds(599)
    assert rig.session.phase is Phase.TURNING
    rig.seconds(2)
    assert (Phase.FINISHED, "nobody went on") == (rig.session.phase, rig.session.ended_by)


# --- start -----------------------------------------------------------------------------------------


@pytest.mark.hazard("H01")
def test_the_countdown_is_spoken_and_start_follows_it(rig):
    rig.connect().start()
    began = rig.now
    rig.until(Phase.STARTING)
    assert rig.now - began == 10_000
    spoken = [n.text for n in rig.notices if isinstance(n, Cue) and n.kind is CueKind.COUNTDOWN]
    assert [str(number) for number in range(10, 0, -1)] == spoken
    assert [rig.now] == [at for at, _, _ in rig.commands(Start)]


@pytest.mark.hazard("H01")
def test_an_arming_dies_after_45_s(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    rig.seconds(44.9)
    assert rig.session.phase is Phase.ARMED
    rig.seconds(0.1)
    assert rig.session.phase is Phase.IDLE


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("act", ["moves", "says so"])
def test_an_arming_dies_when_the_belt_moves(rig, make_program, act):
    rig.connect().ask(Ask.START, make_program())
    if act == "moves":
        rig.target = 50
        rig.seconds(1)
    else:
        rig.status(Status.STARTED_BY_USER)
    assert (Phase.IDLE, None) == (rig.session.phase, rig.session.program)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(
    "trouble",
    [
        lambda rig: rig.feed(events.BusDown(at=rig.now)),
        lambda rig: rig.feed(events.Tick(at=rig.now, slept=60_000)),
        lambda rig: setattr(rig, "mute", True) or rig.seconds(4),
        lambda rig: setattr(rig, "incline", -5) or rig.seconds(1),
        lambda rig: rig.feed(events.Shutdown(at=rig.now)),
    ],
    ids=["broker lost", "host slept", "no telemetry", "deck sank", "shutdown"],
)
def test_a_countdown_is_called_off_by_any_trouble_and_the_belt_never_starts(rig, trouble):
    rig.connect().start()
    rig.seconds(3)
    trouble(rig)
    assert rig.session.phase is Phase.IDLE
    rig.mute = False
    rig.seconds(60)
    assert ([], []) == (rig.commands(Start), rig.commands(Stop))
    assert rig.session.start_granted is False


def test_a_start_waits_for_a_frame_that_is_fresh(rig):
    rig.period = 2_500
    rig.connect().start()
    rig.seconds(9)
    while rig.session.evidence.age(rig.now) <= 1_500 or rig.session.phase is Phase.COUNTDOWN:
        rig.tick()
        if rig.commands(Start):
            break
    assert rig.session.evidence.age(rig.now) <= 1_500


def test_a_belt_that_takes_six_seconds_to_move_is_waited_for(rig):
    rig.start_delay = 6_200
    rig.connect().start().until(Phase.STARTING)
    began = rig.now
    rig.until(Phase.RUNNING)
    assert 6_200 <= rig.now - began <= 8_000
    assert len(rig.commands(Start)) == 1


def test_a_start_without_motion_is_given_up_and_stopped(rig):
    rig.start_delay = 60_000
    rig.connect().start().until(Phase.FAULTED)
    assert ("start_failed", 1) == (rig.session.fault.cause, len(rig.commands(Stop)))


def test_a_refused_start_is_a_fault(rig):
    rig.refuses = [(Verdict.REJECTED, "refused: failed")]
    rig.connect().start().until(Phase.STOPPING)
    assert rig.session.fault.cause == "start_failed"


def test_a_start_whose_answer_is_lost_is_believed_when_the_belt_moves(rig):
    rig.connect().start()
    rig.seconds(9.9)
    rig.deaf = True
    rig.tick()
    ticket = rig.session.tickets
    rig.deaf = False
    rig.starts_at = rig.now
    rig.until(Phase.RUNNING)
    rig.outcome(Verdict.UNKNOWN, ticket=ticket)
    assert (Phase.RUNNING, 0) == (rig.session.phase, rig.session.drive.unknowns)


@pytest.mark.hazard("H05")
def test_a_machine_that_starts_too_fast_is_stopped_at_its_first_frame_above_the_cap(rig):
    rig.start_speed, rig.step_up = 225, 300
    rig.connect().start().until(Phase.STOPPING)
    assert rig.session.fault.cause == "overspeed"
    assert rig.session.fault.sentence == "the belt started with 2.25 km/h, above 1.5 km/h"


@pytest.mark.hazard("H06")
def test_a_machine_that_resumes_at_its_last_speed_is_brought_to_the_setpoint(rig, make_program):
    rig.start_speed = 225
    rig.walk(make_program(max_speed=250, steps=(work(60, 100),)))
    assert ("completed", []) == (rig.session.ended_by, rig.refusals)
    assert [220, 200, 180, 160] == [target for _, target in speeds(rig)][:4]


def test_a_console_machine_is_taken_over_when_the_walker_pressed_start(make_rig, make_machine):
    rig = make_rig(machine=make_machine(belt_start=BeltStart.CONSOLE))
    rig.connect().start().until(Phase.STARTING)
    rig.seconds(20)
    assert rig.session.phase is Phase.STARTING
    rig.starts_at = rig.now
    rig.status(Status.STARTED_BY_USER)
    rig.until(Phase.RUNNING)
    rig.seconds(30)
    assert ([], True) == (rig.commands(Start), rig.session.owed)
    assert speeds(rig)


def test_a_console_machine_that_nobody_starts_is_given_up(make_rig, make_machine):
    rig = make_rig(machine=make_machine(belt_start=BeltStart.CONSOLE))
    rig.connect().start().until(Phase.FAULTED)
    assert rig.session.fault.sentence == "nobody pressed Start on the console"


def test_a_machine_that_never_answers_the_request_for_control_is_assumed_to_obey(rig):
    rig.deaf_to_control = True
    rig.walk()
    assert Control.ASSUMED is rig.session.control
    assert rig.session.ended_by == "completed"


def test_a_key_pulled_before_the_belt_moved_stops_what_may_still_start(rig):
    rig.start_delay = 6_000
    rig.connect().start().until(Phase.STARTING)
    rig.status(Status.SAFETY_KEY)
    assert (1, Phase.STOPPING) == (len(rig.commands(Stop)), rig.session.phase)
    rig.until(Phase.FINISHED)
    assert rig.session.ended_by == "safety_key"


@pytest.mark.hazard("H15")
def test_a_stop_before_the_belt_moved_is_not_proven_by_the_zeros_from_before(rig):
    rig.start_delay = 6_000
    rig.connect().start().until(Phase.STARTING)
    rig.refuses = [(Verdict.CONFIRMED, "")]  # says so, and starts all the same
    rig.ask(Ask.STOP)
    rig.seconds(5)
    assert rig.session.phase is Phase.STOPPING
    rig.seconds(30)
    assert (0, False) == (rig.speed, rig.session.owed)
    assert len(rig.commands(Stop)) == 2


# --- probes ----------------------------------------------------------------------------------------


@pytest.mark.hazard("H05")
def test_the_first_command_changes_nothing_and_the_second_one_step(rig):
    rig.connect().start().until(Phase.RUNNING)
    rig.seconds(40)
    asked = [target for _, target in speeds(rig)]
    assert [50, 60, 70] == asked[:3]
    assert rig.session.drive.probed == 2


@pytest.mark.hazard("H05", "H20")
@pytest.mark.parametrize("low", [50, 80, 100])
def test_a_machine_that_takes_mph_for_kmh_is_stopped_by_the_probe(
    make_rig, make_machine, make_program, low
):
    """It reports km/h and starts where its range says, but a target of 100 means 1.61 km/h."""
    rig = make_rig(machine=make_machine(speed=SpeedRange(low, 1200, 10)), units=161)
    rig.start_speed = low
    rig.connect().start(make_program(steps=(work(60, 120),))).until(*ANY_END)
    assert rig.session.fault.cause in {"probe", "not_following"}
    assert max(target for _, target in speeds(rig)) == low


@pytest.mark.hazard("H05", "H20")
def test_a_machine_that_reports_mph_is_not_raised(
    make_rig, make_machine, make_program, monkeypatch
):
    rig = make_rig(machine=make_machine(speed=SpeedRange(80, 1200, 10)))
    report = rig.report
    monkeypatch.setattr(rig, "report", lambda **_: report(speed=rig.speed * 62 // 100))
    rig.connect().start(make_program(steps=(work(60, 100),))).until(*ANY_END)
    assert rig.session.fault.cause == "probe"
    assert "does not settle" in rig.session.fault.sentence
    assert max([0, *(target for _, target in speeds(rig))]) <= 80


@pytest.mark.hazard("H05")
def test_a_machine_that_does_not_obey_is_stopped_by_the_second_probe(rig):
    rig.connect().start().until(Phase.RUNNING)
    rig.seconds(4)
    rig.stuck = True
    rig.until(*ANY_END)
    assert rig.session.fault.cause == "probe"
    assert [50, 60] == [target for _, target in speeds(rig)]


def test_a_step_of_the_wrong_size_is_noticed(rig):
    rig.connect().start().until(Phase.RUNNING)
    rig.seconds(4)
    rig.units = 133
    rig.until(*ANY_END)
    assert rig.session.fault.cause == "probe"


def test_a_belt_that_trembles_is_probed_and_raised(rig, monkeypatch):
    report = rig.report
    tremble = itertools.cycle([0, 2, -2, 1])
    monkeypatch.setattr(
        rig, "report", lambda **_: report(speed=rig.speed + next(tremble) if rig.speed else 0)
    )
    rig.walk()
    assert (rig.session.ended_by, rig.session.top_speed) == ("completed", 122)


def test_a_belt_that_is_still_getting_going_is_not_commanded(rig):
    rig.step_up, rig.start_speed, rig.period = 1, 100, 200
    rig.connect().start().until(Phase.RUNNING)
    rig.seconds(8)
    assert speeds(rig) == []
    rig.seconds(6)
    assert [100] == [target for _, target in speeds(rig)]
    assert causes(rig) == []


# --- hold, slow, stop ------------------------------------------------------------------------------


def test_the_script_waits_while_holding_and_for_the_belt_to_move(rig):
    rig.connect().start().until(Phase.STARTING)
    assert rig.session.script == 0
    rig.until(Phase.RUNNING)
    rig.seconds(10)
    rig.feed(events.BusDown(at=rig.now))
    place = rig.session.script
    rig.seconds(10)
    assert (Phase.HOLDING, place) == (rig.session.phase, rig.session.script)
    rig.feed(events.BusUp(at=rig.now))
    rig.seconds(1)
    assert place < rig.session.script


@pytest.mark.hazard("H12")
def test_a_broker_lost_for_15_s_slows_the_belt_down(rig):
    rig.run()
    rig.seconds(20)
    rig.feed(events.BusDown(at=rig.now))
    lost = rig.now
    rig.until(Phase.SLOWING)
    assert 15_000 <= rig.now - lost <= 15_300
    rig.until(Phase.FAULTED)
    assert rig.session.fault.cause == "broker_lost"


@pytest.mark.hazard("H12")
def test_a_flapping_broker_cannot_put_it_off(rig, make_program):
    rig.run(make_program(steps=(work(600, 100),)))
    gone = 0
    while rig.session.phase in {Phase.RUNNING, Phase.HOLDING}:
        rig.feed(events.BusDown(at=rig.now))
        rig.seconds(2)
        rig.feed(events.BusUp(at=rig.now))
        rig.seconds(3)
        gone += 2
        assert gone <= 18
    assert rig.session.fault.cause == "broker_lost"


def test_an_outage_is_forgotten_after_a_minute(rig, make_program):
    rig.run(make_program(steps=(work(600, 100),)))
    rig.feed(events.BusDown(at=rig.now))
    rig.seconds(10)
    rig.feed(events.BusUp(at=rig.now))
    rig.seconds(59)
    assert rig.session.outage == 10_000
    rig.seconds(2)
    assert rig.session.outage == 0


@pytest.mark.hazard("H22", "H23")
@pytest.mark.parametrize(
    ("gap", "phase"),
    [
        (1_000, Phase.RUNNING),
        (1_100, Phase.HOLDING),
        (3_000, Phase.HOLDING),
        (3_100, Phase.SLOWING),
    ],
)
@pytest.mark.parametrize("slept", [True, False])
def test_a_loop_that_was_away_holds_and_for_longer_slows(rig, gap, phase, slept):
    rig.run()
    rig.seconds(20)
    if slept:
        rig.feed(events.Tick(at=rig.now, slept=gap))
    else:
        rig.now += gap
        rig.report()
        rig.feed(events.Tick(at=rig.now))
    assert phase is rig.session.phase
    if phase is Phase.HOLDING:
        rig.seconds(3)
        assert rig.session.phase is Phase.RUNNING


def test_a_hold_that_lowered_the_belt_is_followed_by_a_new_cue(rig, make_program):
    rig.connect().start(make_program(check_in=30_000, steps=(work(300, 150),)))
    rig.until(Phase.RUNNING)
    rig.until(Phase.HOLDING)
    rig.seconds(12)
    assert rig.speed == 50
    rig.ask(Ask.PRESENT)
    told = rig.now
    rig.seconds(20)
    assert rig.session.phase is Phase.RUNNING
    rises = [at for at, target in speeds(rig) if at > told and target > 50]
    assert min(rises) - told >= 5_000
    assert "faster" in next(n for n in rig.notices if isinstance(n, Cue) and n.at >= told).text


@pytest.mark.hazard("H29")
def test_a_check_in_that_nobody_answers_slows_after_15_s_and_stops_after_30(rig, make_program):
    rig.connect().start(make_program(check_in=40_000, max_speed=400, steps=(work(300, 200),)))
    rig.until(Phase.RUNNING)
    while rig.session.asked_at is None:
        rig.tick()
    asked = rig.now
    assert "are you well" in rig.last_cue(CueKind.CHECK_IN).text
    before = rig.speed
    rig.seconds(15)
    assert (before, Phase.RUNNING) == (min(rig.speed, before), rig.session.phase)
    rig.until(Phase.HOLDING)
    rig.until(Phase.STOPPING)
    assert 30_000 <= rig.now - asked <= 30_200
    assert 50 == rig.commands(Stop)[0][2]
    rig.until(Phase.FAULTED)


@pytest.mark.hazard("H29")
def test_a_walker_who_leaves_the_belt_is_missed_where_steps_are_told(
    rig, monkeypatch, make_program
):
    rig.run(make_program(steps=(work(600, 150),)))
    report, gone = rig.report, []
    steps = itertools.count()

    def walk(**_):
        report(steps=0 if gone else next(steps))

    monkeypatch.setattr(rig, "report", walk)
    rig.seconds(40)
    gone.append(rig.now)
    rig.until(Phase.HOLDING)
    assert 20_000 <= rig.now - gone[0] <= 21_200
    rig.until(Phase.STOPPING)
    assert 35_000 <= rig.now - gone[0] <= 36_200
    assert (50, "nobody_there") == (rig.speed, rig.session.fault.cause)


@pytest.mark.hazard("H22")
def test_an_arming_does_not_survive_the_sleep_of_the_host(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    rig.feed(events.Tick(at=rig.now, slept=60_000))
    assert (Phase.IDLE, "nothing_to_confirm") == (rig.session.phase, rig.ask(Ask.CONFIRM).code)


@pytest.mark.hazard("H08")
def test_a_deck_that_sinks_is_commanded_to_0_and_then_the_belt_comes_down(rig):
    rig.run()
    rig.seconds(10)
    rig.incline = -5
    rig.seconds(1.1)
    assert Phase.HOLDING is rig.session.phase
    assert [0] == [command.target for _, command, _ in rig.commands(SetIncline)]


@pytest.mark.hazard("H08")
def test_a_deck_that_stays_below_0_slows_the_belt_down_after_5_s(rig, monkeypatch):
    rig.run()
    rig.seconds(10)
    report = rig.report
    monkeypatch.setattr(rig, "report", lambda **_: report(incline=-5))
    rig.until(Phase.HOLDING)
    sank = rig.now
    rig.until(Phase.SLOWING)
    assert 5_000 <= rig.now - sank <= 5_200
    rig.until(Phase.FAULTED)
    assert rig.session.fault.cause == "downhill"


def test_a_deck_without_a_motor_is_not_commanded(make_rig, make_machine, monkeypatch):
    rig = make_rig(machine=make_machine(incline=None))
    rig.run()
    report = rig.report
    monkeypatch.setattr(rig, "report", lambda **_: report(incline=-5))
    rig.until(Phase.SLOWING)
    assert rig.commands(SetIncline) == []


@pytest.mark.hazard("H13")
def test_a_blind_belt_is_held_after_3_s_and_stopped_after_5(rig):
    rig.run()
    rig.seconds(10)
    rig.mute = True
    silent = rig.session.evidence.speed_at
    rig.until(Phase.HOLDING)
    assert 3_000 < rig.now - silent <= 3_100
    rig.until(Phase.STOPPING)
    assert 5_000 < rig.now - silent <= 5_100
    rig.until(Phase.FAULTED)
    assert rig.session.fault.cause == "blind"


@pytest.mark.hazard("H15")
def test_a_stop_is_proven_by_two_new_zeros_after_its_answer(rig):
    rig.run()
    rig.speed = rig.target = 0
    rig.deaf = True
    rig.ask(Ask.STOP)
    rig.report()
    rig.report()
    assert rig.session.phase is Phase.STOPPING
    rig.outcome(Verdict.CONFIRMED)
    rig.report()
    assert rig.session.phase is Phase.STOPPING
    rig.report()
    assert rig.session.phase is Phase.FINISHED


def test_a_stop_without_an_answer_is_proven_by_zeros_4_s_later(rig):
    rig.run()
    rig.deaf = True
    rig.ask(Ask.STOP)
    rig.target = 0
    rig.seconds(4)
    assert rig.session.phase is Phase.STOPPING
    rig.until(Phase.FINISHED, limit=4)


@pytest.mark.hazard("H16")
def test_a_stop_that_shows_no_effect_is_repeated_and_one_that_does_is_not(rig):
    rig.run()
    rig.seconds(20)
    rig.refuses = [(Verdict.CONFIRMED, "")]
    rig.ask(Ask.STOP)
    first = rig.now
    rig.until(Phase.FINISHED)
    times = [at - first for at, _, _ in rig.commands(Stop)]
    assert len(times) == 2
    assert 1_000 <= times[1] <= 2_100


def test_a_refused_stop_is_repeated_every_half_second(rig):
    rig.run()
    rig.refuses = [(Verdict.REJECTED, "refused: failed")] * 3
    rig.ask(Ask.STOP)
    first = rig.now
    rig.seconds(2)
    assert [0, 500, 1_000, 1_500] == [at - first for at, _, _ in rig.commands(Stop)]


def test_an_unanswered_stop_on_a_silent_machine_is_repeated(rig):
    rig.run()
    rig.mute = True
    rig.refuses = [(Verdict.UNKNOWN, "")]
    rig.ask(Ask.STOP)
    rig.seconds(1)
    assert len(rig.commands(Stop)) == 2


@pytest.mark.hazard("H15")
def test_a_stop_without_proof_is_told_after_20_s_and_still_repeated(rig):
    rig.run()
    rig.stuck = True
    rig.ask(Ask.STOP)
    rig.seconds(20.2)
    assert (Phase.FAULTED, True) == (rig.session.phase, rig.session.owed)
    assert "look at it" in rig.session.fault.sentence
    before = len(rig.commands(Stop))
    rig.seconds(10)
    assert before < len(rig.commands(Stop))
    assert causes(rig).count("stop_unconfirmed") == 1
    rig.stuck = False
    rig.seconds(5)
    assert (0, False) == (rig.speed, rig.session.owed)


@pytest.mark.hazard("H16")
def test_a_belt_that_our_stop_restarts_is_stopped_again(rig):
    rig.run().ask(Ask.STOP)
    rig.until(Phase.FINISHED)
    rig.seconds(10)
    rig.target = 50
    rig.until(Phase.STOPPING).until(Phase.FAULTED)
    assert (0, "belt_moved") == (rig.speed, rig.session.fault.cause)


def test_a_walker_who_starts_the_belt_at_the_console_afterwards_is_left_alone(rig):
    rig.run().ask(Ask.STOP)
    rig.until(Phase.FINISHED)
    rig.seconds(10)
    rig.status(Status.STARTED_BY_USER)
    rig.target = 50
    stops = len(rig.commands(Stop))
    rig.seconds(20)
    assert stops == len(rig.commands(Stop))


def test_a_ramp_down_without_control_ends_in_stop(rig):
    rig.run()
    rig.seconds(15)
    rig.granted = False
    rig.refuses = [(Verdict.REJECTED, "refused: failed")]
    rig.ask(Ask.PAUSE)
    rig.until(Phase.STOPPING, limit=10)
    rig.until(Phase.HOLDING)


def test_a_ramp_down_that_takes_a_minute_ends_in_stop(rig, make_program):
    rig.run(make_program(max_speed=300, steps=(work(100, 150),)))
    rig.seconds(40)
    rig.deaf = True
    rig.ask(Ask.PAUSE)
    began = rig.now
    rig.deaf = False
    rig.refuses = [(Verdict.UNKNOWN, "")] * 2
    rig.until(Phase.STOPPING)
    assert rig.now - began <= 60_100


def test_times_can_be_chosen(make_rig):
    options = Options(confirm_window=5_000, countdown=2_000, patience=9_000)
    rig = make_rig(session=Session(options=options))
    rig.connect().start()
    began = rig.now
    rig.until(Phase.STARTING)
    assert rig.now - began == 2_000


def test_control_is_asked_once_and_not_kept_alive(rig):
    rig.walk()
    assert len(rig.commands(RequestControl)) == 1


def test_a_turn_to_the_same_side_is_no_turn(rig, make_program):
    steps = (work(20, 80), Turn(to=Facing.FORWARD), work(20, 80))
    rig.walk(make_program(steps=steps))
    assert Phase.TURNING not in rig.phases()


# --- the pilot's own work, phase by phase --------------------------------------------------------------

NOW = 1_000_000
FAULT = Finding(Action.STOP, Cause.BLIND, "test")
STILL = Evidence(speed=0, speed_at=NOW, zeros=2)


def piloted(**fields):
    draft = Draft(Session(now=NOW, linked=True, control=Control.GRANTED, **fields))
    pilot(draft)
    return draft


def done(draft):
    return [order.command for order in draft.orders]


@pytest.mark.parametrize("phase", [Phase.OFFLINE, Phase.IDLE, Phase.FINISHED])
def test_phases_without_work_do_nothing(phase):
    draft = piloted(phase=phase, owed=True)
    assert ([], [], phase) == (draft.orders, draft.notices, draft.s.phase)


@pytest.mark.parametrize(
    ("phase", "paused", "waited", "over"),
    [
        (Phase.HOLDING, True, 600_000, True),
        (Phase.HOLDING, True, 599_999, False),
        (Phase.HOLDING, False, 600_000, False),
        (Phase.TURNING, False, 600_000, True),
        (Phase.TURNING, False, 599_999, False),
    ],
)
def test_a_pause_or_a_turn_that_nobody_ends_is_finished_after_10_minutes(
    phase, paused, waited, over
):
    draft = piloted(phase=phase, paused=paused, since=NOW - waited)
    assert (Phase.FINISHED if over else phase) is draft.s.phase
    assert ("nobody went on" if over else None) == draft.s.ended_by
    assert (paused and not over) is draft.s.paused
    told = [notice.kind for notice in draft.notices if isinstance(notice, Cue)]
    assert ([CueKind.FINISHED] if over else []) == told


def test_a_turning_belt_comes_down_and_does_not_lose_patience():
    draft = piloted(phase=Phase.TURNING, owed=True, since=NOW - 600_000)
    assert ([Stop()], Phase.STOPPING) == (done(draft), draft.s.phase)


@pytest.mark.hazard("H09", "H15", "H19")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [Stop()]),
        ({"owed": False}, []),
        ({"linked": False}, []),
        ({"debtor": "another"}, []),
        # A Stop is on its way: the next one is due when that one was refused.
        ({"drive": Drive(stop_at=NOW, stop_since=NOW)}, []),
        ({"drive": Drive(stop_at=NOW, stop_since=NOW, stop_retry_at=NOW)}, [Stop()]),
    ],
)
def test_a_debt_is_collected_after_a_fault_from_whom_it_is_owed(fields, expected):
    draft = Draft(
        Session(**{
            "phase": Phase.FAULTED, "now": NOW, "linked": True, "control": Control.GRANTED,
            "owed": True, "fault": FAULT, **fields,
        })
    )  # fmt: skip
    pilot(draft)
    assert expected == done(draft)


@pytest.mark.parametrize(
    ("evidence", "fault", "phase"),
    [
        (STILL, None, Phase.FINISHED),
        (STILL, FAULT, Phase.FAULTED),
        (replace(STILL, zeros=1), None, Phase.HANDED_OVER),
        (replace(STILL, zeros=1), FAULT, Phase.HANDED_OVER),
    ],
)
def test_a_belt_that_was_handed_over_is_watched_until_it_rests(evidence, fault, phase):
    draft = piloted(phase=Phase.HANDED_OVER, evidence=evidence, fault=fault)
    assert (phase, []) == (draft.s.phase, draft.orders)
