"""Who may ask for what, when; and Stop always."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetSpeed, Start, Stop
from backstride.domain.envelope import envelope
from backstride.domain.events import Ask, Ownership, Request, Status, Verdict
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import BeltStart, SpeedRange
from backstride.domain.notices import Answer, Cue, CueKind, Reply
from backstride.domain.operator import operate
from backstride.domain.session import Control, Draft, Drive, Phase, Session, Then
from backstride.domain.workout import Effort, Facing, Step, Turn, flatten


def countdown(rig):
    rig.connect().start()


def starting(rig):
    rig.start_delay = 8_000
    rig.connect().start().until(Phase.STARTING)


def turned(rig):
    rig.run().until(Phase.TURNING).until(Phase.STOPPING).until(Phase.TURNING)


def paused(rig):
    rig.run().ask(Ask.PAUSE)
    rig.until(Phase.HOLDING)


def slowing(rig):
    rig.run()
    rig.seconds(15)
    rig.ask(Ask.PAUSE)


def finished(rig):
    rig.run().ask(Ask.STOP)
    rig.until(Phase.FINISHED)


def faulted(rig):
    rig.run().disconnect().connect()
    rig.seconds(5)


REACH = {
    Phase.OFFLINE: lambda _: None,
    Phase.IDLE: lambda rig: rig.connect(),
    Phase.ARMED: lambda rig: rig.connect().ask(Ask.START, rig.chosen),
    Phase.COUNTDOWN: countdown,
    Phase.STARTING: starting,
    Phase.RUNNING: lambda rig: rig.run(),
    Phase.TURNING: turned,
    Phase.HOLDING: paused,
    Phase.SLOWING: slowing,
    Phase.STOPPING: lambda rig: rig.run().ask(Ask.STOP),
    Phase.FINISHED: finished,
    Phase.HANDED_OVER: lambda rig: rig.run().status(Status.TARGET_INCLINE, 90),
    Phase.FAULTED: faulted,
}

W = "wrong_phase"
CODES = {
    #                 offline        idle           armed          countdown      starting
    Ask.START: ["wrong_phase", "armed", "armed", W, W, W, W, W, W, W, "armed", W, W],
    Ask.CONFIRM: [
        *["nothing_to_confirm"] * 2, "countdown", *["nothing_to_confirm"] * 3, "countdown",
        "countdown", *["nothing_to_confirm"] * 5,
    ],
    Ask.PAUSE: [W, W, W, W, W, "pausing", W, "paused", W, W, W, W, W],
    Ask.CONTINUE: [*["not_paused"] * 7, "countdown", *["not_paused"] * 5],
    Ask.SKIP: [W, W, W, W, W, "skipped", W, W, W, W, W, W, W],
    Ask.FASTER: [W, W, W, W, W, "adjusted", W, W, W, W, W, W, W],
    Ask.SLOWER: [W, W, W, W, W, "adjusted", W, W, W, W, W, W, W],
    Ask.FINISH: [W, W, W, W, W, "cooldown", "finished", "finished", "slowing", W, W, W, W],
    Ask.STOP: ["queued", *["stopping"] * 12],
    Ask.ACKNOWLEDGE: [*[W] * 10, "acknowledged", W, "acknowledged"],
    Ask.SELECT: ["selected"] * 13,
    Ask.SPEED: [W, W, W, W, W, "adjusted", W, W, W, W, W, W, W],
    Ask.PRESENT: ["thanks"] * 13,
    Ask.VOICE: ["voice_off"] * 13,
    Ask.WALKER: [*["walker"] * 2, *["wrong_phase"] * 8, "walker", *["wrong_phase"] * 2],
    Ask.FEEDBACK: [*["noted"] * 3, *["not_over"] * 7, "noted", "not_over", "noted"],
}  # fmt: skip


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("ask", list(Ask))
def test_each_request_in_each_phase_is_granted_or_refused_with_its_code(
    rig, make_program, phase, ask
):
    rig.chosen = make_program()
    REACH[phase](rig)
    assert phase is rig.session.phase
    values = {Ask.SPEED: {"speed": 100}, Ask.VOICE: {"on": False}, Ask.FEEDBACK: {"effort": 12}}
    chosen = rig.chosen if ask in {Ask.START, Ask.SELECT} else None
    answer = rig.ask(ask, chosen, **values.get(ask, {}))
    assert CODES[ask][list(Phase).index(phase)] == answer.code
    granted = answer.code in {
        "armed", "countdown", "pausing", "paused", "skipped", "adjusted", "cooldown", "finished",
        "slowing", "queued", "stopping", "acknowledged", "selected", "thanks", "voice_off",
        "noted", "walker",
    }  # fmt: skip
    assert (Reply.OK if granted else Reply.REFUSED) is answer.reply
    assert answer.sentence
    if ask is not Ask.SKIP:  # the pilot turns in the same instant, after the answer
        assert rig.session.phase == answer.phase


@pytest.mark.hazard("H07", "H15")
@pytest.mark.parametrize("phase", [p for p in Phase if p not in {Phase.OFFLINE, Phase.STOPPING}])
def test_stop_goes_out_at_once_in_every_phase_and_the_belt_comes_to_rest(rig, make_program, phase):
    rig.chosen = make_program()
    REACH[phase](rig)
    before = len(rig.commands(Stop))
    rig.ask(Ask.STOP)
    assert len(rig.commands(Stop)) == before + 1
    assert rig.commands(Stop)[-1][0] == rig.now
    rig.seconds(30)
    assert (0, False) == (rig.speed, rig.session.owed)
    assert rig.session.phase in {Phase.FINISHED, Phase.FAULTED}
    assert rig.refusals == []


def test_a_stop_asked_without_a_connection_goes_out_when_it_is_back(rig):
    rig.connect().disconnect()
    assert rig.ask(Ask.STOP).code == "queued"
    rig.now += 59_000
    rig.connect()
    assert [RequestControl, Stop] == [type(command) for _, command, _ in rig.sent]
    assert rig.until(Phase.FINISHED).session.ended_by == "stopped by request"


def test_a_stop_asked_more_than_a_minute_before_the_connection_is_void(rig):
    rig.connect().disconnect()
    rig.ask(Ask.STOP)
    rig.now += 60_001
    rig.connect()
    assert ([], Phase.IDLE) == (rig.sent, rig.session.phase)


@pytest.mark.hazard("H16")
def test_hammering_stop_on_a_coasting_belt_sends_it_once(rig):
    rig.run()
    rig.seconds(20)
    rig.stuck = False
    for _ in range(10):
        rig.ask(Ask.STOP)
    assert len(rig.commands(Stop)) == 1


@pytest.mark.hazard("H16")
def test_a_stop_that_shows_no_effect_is_sent_again_when_a_person_asks_again(rig):
    rig.run()
    rig.mute = True
    rig.deaf = True
    rig.ask(Ask.STOP)
    rig.seconds(1.9)
    assert rig.ask(Ask.STOP).sentence == "the belt is already being stopped"
    rig.seconds(0.1)
    assert rig.ask(Ask.STOP).sentence == "Stop is sent"
    assert len(rig.commands(Stop)) == 2


def test_stop_ends_what_was_to_be_a_pause(rig):
    slowing(rig)
    rig.until(Phase.STOPPING)
    rig.ask(Ask.STOP)
    assert rig.until(Phase.FINISHED).session.ended_by == "stopped by request"


def test_a_stop_in_a_fault_without_a_connection_is_kept_for_it(rig):
    rig.run().disconnect()
    assert rig.ask(Ask.STOP).code == "queued"
    rig.connect()
    assert rig.commands(Stop)


# --- start -----------------------------------------------------------------------------------------


@pytest.mark.hazard("H26")
def test_the_statement_says_what_will_happen(rig, make_program):
    steps = (
        Step(effort=Effort.WARMUP, duration=60_000, speed=100),
        Turn(to=Facing.BACKWARD),
        Step(effort=Effort.WORK, duration=90_000, speed=120, incline=25),
    )
    answer = rig.connect().ask(Ask.START, make_program(steps=steps, max_incline=30))
    assert answer.sentence == (
        "Bench: 2:30 min, at most 1.2 km/h, up to 2.5 % incline, 1 turn. Stand on the side rails, clip on"
        " your waistband, 2 m free behind the belt, and confirm within 45 s."
    )


def test_a_selected_program_needs_no_name_to_start(rig, make_program):
    rig.connect()
    assert rig.ask(Ask.START).code == "no_program"
    assert rig.ask(Ask.SELECT).code == "no_program"
    rig.ask(Ask.SELECT, make_program())
    assert rig.ask(Ask.START).code == "armed"


@pytest.mark.hazard("H01", "H08", "H12")
@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda rig: setattr(rig, "mute", True) or rig.seconds(2), "no_telemetry"),
        (lambda rig: setattr(rig, "target", 100) or rig.seconds(3), "belt_moving"),
        (lambda rig: setattr(rig, "incline", -5) or rig.seconds(1), "incline"),
        (lambda rig: setattr(rig, "incline", 10) or rig.seconds(1), "incline"),
        (lambda rig: rig.feed(events.BusDown(at=rig.now)), "no_broker"),
        (lambda rig: rig.feed(events.Shutdown(at=rig.now)), "shutting_down"),
    ],
)
def test_a_start_is_refused_unless_the_belt_rests_seen_level_and_watched(
    rig, make_program, prepare, code
):
    rig.connect()
    prepare(rig)
    assert rig.ask(Ask.START, make_program()).code == code
    assert rig.session.phase is Phase.IDLE


@pytest.mark.hazard("H08")
def test_a_machine_that_does_not_report_its_incline_is_not_started(make_rig, make_program):
    rig = make_rig()
    rig.connect()
    rig.session = replace(rig.session, evidence=replace(rig.session.evidence, incline=None))
    answer = rig.ask(Ask.START, make_program())
    assert (
        answer.sentence == "the treadmill does not report its incline: set it to 0 % on the console"
    )


@pytest.mark.hazard("H19")
def test_only_the_treadmill_of_the_configuration_is_started(make_rig, make_program, make_machine):
    rig = make_rig(session=Session(bound="another"))
    rig.connect()
    assert rig.ask(Ask.START, make_program()).code == "wrong_machine"
    bound = make_rig(session=Session(bound="bench"))
    assert bound.connect().ask(Ask.START, make_program()).code == "armed"


def test_a_machine_that_has_not_introduced_itself_is_not_started(rig, make_program):
    rig.connect()
    rig.session = replace(rig.session, machine=None)
    assert rig.ask(Ask.START, make_program()).code == "no_machine"


def test_an_unsupervised_program_needs_no_broker(rig, make_program):
    rig.connect().feed(events.BusDown(at=rig.now))
    assert rig.ask(Ask.START, make_program(unsupervised=True)).code == "armed"


@pytest.mark.parametrize(
    "steps", [(), (Step(effort=Effort.WORK, duration=0, speed=100),)], ids=["none", "no time"]
)
def test_a_program_without_substance_is_refused(rig, make_program, steps):
    assert rig.connect().ask(Ask.START, make_program(steps=steps)).code == "bad_program"


@pytest.mark.hazard("H04")
def test_a_program_above_a_limit_is_refused_with_the_rule(make_rig, make_program):
    slow = SiteRules(caps=Caps(reason="a clinic", speed=100))
    rig = make_rig(session=Session(site=slow))
    answer = rig.connect().ask(Ask.START, make_program())
    assert answer.code == "too_fast"
    assert answer.sentence == "1.2 km/h is above 1.0 km/h (site: a clinic)"


def test_a_machine_with_lowest_speed_0_walks_the_machines_minimum(
    make_rig, make_machine, make_program
):
    rig = make_rig(machine=make_machine(speed=SpeedRange(0, 600, 10)), start_speed=10)
    steps = (Step(effort=Effort.WORK, duration=30_000, speed=0),)
    rig.run(make_program(steps=steps))
    assert [SetSpeed(10)] == [command for _, command, _ in rig.commands(SetSpeed)]


# --- confirm ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H01")
def test_a_confirm_is_in_time_until_45_s(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    rig.seconds(44.9)
    assert rig.ask(Ask.CONFIRM).code == "countdown"


def test_a_confirm_that_overtakes_the_clock_is_too_late(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    rig.now += 45_000
    assert rig.ask(Ask.CONFIRM).code == "too_late"
    assert rig.session.phase is Phase.IDLE


@pytest.mark.hazard("H26")
def test_a_confirm_of_another_program_is_refused(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    assert rig.ask(Ask.CONFIRM, make_program(id="other")).code == "other_program"
    assert rig.ask(Ask.CONFIRM, make_program()).code == "countdown"


@pytest.mark.hazard("H01")
def test_a_confirm_is_good_for_one_start(rig):
    rig.run()
    assert len(rig.commands(Start)) == 1
    assert rig.ask(Ask.CONFIRM).code == "nothing_to_confirm"
    assert rig.session.start_granted is False


@pytest.mark.hazard("H08")
def test_a_confirm_is_refused_by_a_slope_that_came_after_the_arming(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    rig.incline = 20
    rig.seconds(1)
    assert rig.ask(Ask.CONFIRM).code == "incline"


def test_a_confirm_needs_a_treadmill_that_can_be_controlled(rig, make_program):
    rig.granted = False
    rig.connect().ask(Ask.START, make_program())
    assert rig.ask(Ask.CONFIRM).code == "countdown"  # it may still grant the second request
    rig.until(Phase.IDLE)
    assert len(rig.commands(RequestControl)) == 2
    rig.ask(Ask.START, make_program())
    rig.seconds(1)
    assert rig.ask(Ask.CONFIRM).code == "no_control"
    assert rig.commands(Start) == []


def test_a_machine_that_grants_control_at_the_second_request_is_controlled(rig, make_program):
    rig.granted = False
    rig.connect().ask(Ask.START, make_program())
    rig.granted = True
    assert rig.session.control is Control.REFUSED
    rig.seconds(0.5)
    assert rig.session.control is Control.GRANTED


def test_a_confirm_without_a_program_is_refused(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    rig.session = replace(rig.session, workout=None)
    assert rig.ask(Ask.CONFIRM).code == "no_program"


# --- while it runs -----------------------------------------------------------------------------------


def test_faster_stays_within_the_limit_that_it_names(rig, make_program):
    rig.run(make_program(max_speed=120))
    assert rig.ask(Ask.FASTER).sentence == "the setpoint is now 1.1 km/h"
    rig.ask(Ask.FASTER)
    answer = rig.ask(Ask.FASTER)
    assert answer.code == "too_fast"
    assert answer.sentence == "1.2 km/h is the limit (profile: the program 'Bench')"


def test_slower_stays_above_the_machines_lowest_speed(rig, make_program):
    rig.run()
    codes = [rig.ask(Ask.SLOWER).code for _ in range(6)]
    assert codes == ["adjusted"] * 5 + ["too_slow"]


def test_skip_goes_to_the_next_step_and_past_the_last_to_the_end(rig, make_program):
    steps = (
        Step(effort=Effort.WORK, duration=60_000, speed=100),
        Step(effort=Effort.RECOVER, duration=60_000, speed=80),
    )
    rig.run(make_program(steps=steps))
    assert rig.ask(Ask.SKIP).sentence == "on to recover"
    assert rig.ask(Ask.SKIP).sentence == "the program ends"
    rig.until(Phase.FINISHED)


def test_finish_goes_to_the_cool_down_and_from_there_to_the_end(rig, make_program):
    steps = (
        Step(effort=Effort.WORK, duration=60_000, speed=100),
        Step(effort=Effort.COOLDOWN, duration=60_000, speed=80),
    )
    rig.run(make_program(steps=steps))
    assert rig.ask(Ask.FINISH).code == "cooldown"
    assert rig.ask(Ask.FINISH).code == "slowing"
    assert rig.until(Phase.FINISHED).session.ended_by == "finished by request"


def test_finish_while_the_belt_slows_for_a_turn_ends_the_session(rig):
    rig.run().until(Phase.TURNING)
    assert rig.ask(Ask.FINISH).code == "slowing"
    rig.until(Phase.FINISHED)


LONG_STEP = Step(effort=Effort.WORK, duration=300_000, speed=100)
ONE_STEP = (Step(effort=Effort.WORK, duration=60_000, speed=100),)


@pytest.mark.hazard("H04", "H06")
def test_a_wished_speed_is_reached_in_slow_steps(rig, make_program):
    rig.run(make_program(steps=(LONG_STEP,), max_speed=200))
    rig.seconds(10)
    answer = rig.ask(Ask.SPEED, speed=200)
    assert ("adjusted", "the setpoint is now 2.0 km/h") == (answer.code, answer.sentence)
    rig.seconds(30)
    assert rig.session.drive.target == 200
    targets = [c.target for _, c, _ in rig.commands(SetSpeed)]
    assert max(b - a for a, b in itertools.pairwise(targets)) <= 10
    assert rig.ask(Ask.SPEED, speed=80).code == "adjusted"
    rig.seconds(15)
    assert rig.session.drive.target == 80


@pytest.mark.hazard("H04")
@pytest.mark.parametrize(
    ("speed", "code"),
    [(201, "too_fast"), (204, "too_fast"), (9_999, "too_fast"), (49, "too_slow"), (0, "too_slow")],
)
def test_a_speed_out_of_the_limits_is_refused_and_not_bent(rig, make_program, speed, code):
    rig.run(make_program(steps=ONE_STEP, max_speed=200))
    before = rig.session.trim
    assert rig.ask(Ask.SPEED, speed=speed).code == code
    assert before == rig.session.trim


def test_a_speed_between_two_steps_of_the_machine_is_told_as_it_is_taken(rig, make_program):
    rig.run(make_program(steps=ONE_STEP, max_speed=200))
    rig.seconds(2)
    assert rig.ask(Ask.SPEED, speed=126).sentence == "the setpoint is now 1.2 km/h"


def test_the_present_setpoint_wished_for_again_changes_nothing(rig, make_program):
    rig.run(make_program(steps=ONE_STEP, max_speed=200))
    rig.seconds(10)
    before = rig.session.trim, rig.session.cues
    assert rig.ask(Ask.SPEED, speed=100).code == "adjusted"
    assert before == (rig.session.trim, rig.session.cues)


@pytest.mark.parametrize(("ask", "code"), [(Ask.SPEED, "no_speed"), (Ask.VOICE, "no_value")])
def test_a_request_without_its_value_is_refused(rig, ask, code):
    rig.run()
    assert rig.ask(ask).code == code


def test_feedback_says_at_least_one_thing_and_0_is_one(rig):
    rig.connect()
    codes = [rig.ask(Ask.FEEDBACK, **said).code for said in ({}, {"effort": 6}, {"pain": 0})]
    assert ["no_value", "noted", "noted"] == codes


def test_the_voice_is_switched_off_and_on(rig):
    assert rig.session.voice
    assert rig.ask(Ask.VOICE, on=False).code == "voice_off"
    assert not rig.session.voice
    assert rig.ask(Ask.VOICE, on=True).code == "voice_on"
    assert rig.session.voice


@pytest.mark.parametrize("ask", [Ask.SKIP, Ask.FASTER, Ask.SPEED])
def test_a_running_session_without_a_program_has_nothing_to_adjust(rig, ask):
    rig.run()
    rig.session = replace(rig.session, workout=None)
    assert rig.ask(ask).code == "no_program"


@pytest.mark.hazard("H06", "H07")
def test_a_pause_keeps_the_place_and_continues_from_the_lowest_speed(rig):
    rig.run()
    rig.seconds(10)
    rig.ask(Ask.PAUSE)
    rig.until(Phase.HOLDING)
    place = rig.session.script
    rig.seconds(60)
    assert place == rig.session.script
    rig.ask(Ask.CONTINUE)
    rig.until(Phase.RUNNING)
    assert rig.speed <= 60
    assert len(rig.commands(Start)) == 2
    rises = [c.target for _, c, _ in rig.commands(SetSpeed)]
    assert max(b - a for a, b in itertools.pairwise(rises)) <= 10


# --- acknowledge -------------------------------------------------------------------------------------


@pytest.mark.hazard("H15")
def test_a_fault_is_acknowledged_once_the_belt_is_proven_still(rig):
    rig.run()
    rig.stuck = True
    rig.disconnect().connect()
    assert rig.ask(Ask.ACKNOWLEDGE).code == "not_still"
    rig.stuck = False
    rig.seconds(10)
    answer = rig.ask(Ask.ACKNOWLEDGE)
    assert (answer.code, answer.sentence) == ("acknowledged", "link_lost is acknowledged")
    assert (Phase.IDLE, None) == (rig.session.phase, rig.session.fault)


def test_a_fault_at_rest_is_acknowledged_without_a_connection(rig):
    turned(rig)
    rig.disconnect()
    assert rig.session.phase is Phase.FAULTED
    rig.ask(Ask.ACKNOWLEDGE)
    assert rig.session.phase is Phase.OFFLINE


def test_where_a_machine_falls_silent_a_person_who_was_asked_to_look_is_believed(rig):
    rig.run()
    rig.mute = True
    rig.ask(Ask.STOP)
    rig.seconds(19)
    assert rig.session.phase is Phase.STOPPING
    rig.seconds(2)
    assert rig.session.fault.cause == "stop_unconfirmed"
    rig.mute = False
    rig.stuck = True
    rig.speed = 20
    rig.seconds(1)
    assert rig.ask(Ask.ACKNOWLEDGE).code == "not_still"
    rig.mute = True
    rig.seconds(6)
    assert rig.ask(Ask.ACKNOWLEDGE).code == "acknowledged"
    assert (False, None) == (rig.session.owed, rig.session.drive.stop_at)


@pytest.mark.hazard("H29")
def test_present_answers_a_check_in(rig, make_program):
    rig.connect().start(make_program(check_in=20_000)).until(Phase.RUNNING)
    rig.seconds(21)
    assert rig.session.asked_at is not None
    rig.ask(Ask.PRESENT)
    assert (None, rig.now) == (rig.session.asked_at, rig.session.seen_at)


@pytest.mark.hazard("H01")
def test_a_console_machine_is_confirmed_without_a_grant_to_start(make_rig, make_machine):
    rig = make_rig(machine=make_machine(belt_start=BeltStart.CONSOLE))
    rig.connect().start()
    assert rig.session.start_granted is False


def test_a_late_answer_to_control_changes_nothing(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    first = rig.session.control_ticket
    rig.status(Status.CONTROL_LOST)
    rig.ask(Ask.START, make_program())
    rig.outcome(Verdict.REJECTED, ticket=first)
    assert rig.session.control is Control.GRANTED


# --- requests, field by field --------------------------------------------------------------------------

NOW = 1_000_000
FAULT = Finding(Action.STOP, Cause.BLIND, "test")
RECORD = Ownership(fingerprint="bench", program="", target=100, distance=None, elapsed=None)
FALLING = Evidence(speed=80, speed_at=NOW, since=3, since_at=NOW - 3_000, low=80, low_at=NOW)
STEPS = (
    Step(effort=Effort.WORK, duration=60_000, speed=100),
    Step(effort=Effort.COOLDOWN, duration=90_000, speed=80),
)


@pytest.fixture
def scene(make_machine, make_program):
    """A session in this phase, a minute long with a cool-down, under a cap of 1.55 km/h."""

    def make(phase, *steps, **changes):
        chosen = make_program(steps=steps or STEPS, max_speed=155)
        known = make_machine()
        fields = {
            "phase": phase,
            "now": NOW,
            "linked": True,
            "machine": known,
            "control": Control.GRANTED,
            "program": chosen,
            "workout": flatten(chosen, 50),
            "envelope": envelope(SiteRules(), known, None, chosen),
            "drive": Drive(target=100),
            "then": Then.PAUSE,
            "holds": (Cause.STALE,),
        }
        return Session(**{**fields, **changes})

    return make


def asked(session, ask, **values):
    """What is answered to this request, and the draft after it."""
    draft = Draft(session)
    operate(draft, Request(at=session.now, id="r", ask=ask, **values))
    (answer,) = [notice for notice in draft.notices if isinstance(notice, Answer)]
    assert "r" == answer.id
    return answer.code, draft


def commands(draft):
    return [order.command for order in draft.orders]


def told(draft):
    return [notice.kind for notice in draft.notices if isinstance(notice, Cue)]


@pytest.mark.hazard("H12")
def test_a_stop_without_a_connection_is_noted_with_its_time(scene):
    code, draft = asked(scene(Phase.OFFLINE, linked=False), Ask.STOP)
    assert ("queued", NOW, []) == (code, draft.s.stop_wanted_at, draft.orders)


@pytest.mark.hazard("H07", "H15")
@pytest.mark.parametrize("ended_by", [None, "broker_lost"])
@pytest.mark.parametrize(
    ("phase", "changes", "then"),
    [
        (Phase.RUNNING, {}, Then.FINISH),
        (Phase.SLOWING, {"fault": FAULT}, Then.FAULT),
        (Phase.STOPPING, {}, Then.FINISH),
        (Phase.STOPPING, {"then": Then.TURN}, Then.FINISH),
        (Phase.STOPPING, {"then": Then.FAULT}, Then.FAULT),
    ],
)
def test_a_stop_ends_what_was_planned_but_hides_no_fault_and_no_reason(
    scene, phase, changes, then, ended_by
):
    code, draft = asked(scene(phase, ended_by=ended_by, **changes), Ask.STOP)
    assert ("stopping", Phase.STOPPING, then) == (code, draft.s.phase, draft.s.then)
    assert (ended_by or "stopped by request") == draft.s.ended_by
    assert [Stop()] == commands(draft)


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("phase", [Phase.STOPPING, Phase.FAULTED])
@pytest.mark.parametrize(
    ("sent", "evidence", "expected"),
    [
        (None, Evidence(), [Stop()]),
        (None, FALLING, [Stop()]),
        (NOW - 1_999, Evidence(), []),
        (NOW - 2_000, Evidence(), [Stop()]),
        (NOW - 9_000, FALLING, []),
    ],
)
def test_a_second_stop_goes_out_unless_the_first_one_works(scene, phase, sent, evidence, expected):
    s = scene(phase, drive=Drive(stop_at=sent, stop_since=sent), evidence=evidence)
    code, draft = asked(s, Ask.STOP)
    assert ("stopping", expected) == (code, commands(draft))
    assert (phase is Phase.FAULTED) is draft.s.owed


def test_a_stop_in_a_fault_without_a_connection_is_owed(scene):
    code, draft = asked(scene(Phase.FAULTED, linked=False), Ask.STOP)
    assert ("queued", True, []) == (code, draft.s.owed, draft.orders)


@pytest.mark.parametrize(
    ("phase", "paused", "code", "then", "cues"),
    [
        (Phase.RUNNING, False, "pausing", Then.PAUSE, [CueKind.STOPPING]),
        (Phase.HOLDING, False, "pausing", Then.PAUSE, [CueKind.STOPPING]),
        (Phase.HOLDING, True, "paused", Then.FINISH, []),
        (Phase.SLOWING, False, "wrong_phase", Then.FINISH, []),
    ],
)
def test_a_pause_slows_down_what_is_not_paused_yet(scene, phase, paused, code, then, cues):  # noqa: PLR0917
    answer, draft = asked(scene(phase, paused=paused, then=Then.FINISH), Ask.PAUSE)
    assert (code, then, cues) == (answer, draft.s.then, told(draft))
    assert (() if cues else (Cause.STALE,)) == draft.s.holds
    assert (Phase.SLOWING if cues else phase) is draft.s.phase


@pytest.mark.parametrize(
    ("phase", "paused"), [(Phase.HOLDING, False), (Phase.RUNNING, True), (Phase.TURNING, True)]
)
def test_only_a_pause_can_be_continued(scene, phase, paused):
    assert "not_paused" == asked(scene(phase, paused=paused), Ask.CONTINUE)[0]


def test_a_skip_goes_to_the_end_of_the_step_and_forgets_the_wish(scene):
    code, draft = asked(scene(Phase.RUNNING, script=10_000, trim=30), Ask.SKIP)
    assert ("skipped", 60_000, 0) == (code, draft.s.script, draft.s.trim)


@pytest.mark.hazard("H04")
@pytest.mark.parametrize(
    ("ask", "speed", "trim", "code", "wish", "cues"),
    [
        (Ask.FASTER, None, 0, "adjusted", 10, [CueKind.FASTER]),
        (Ask.FASTER, None, 40, "adjusted", 50, [CueKind.FASTER]),
        (Ask.FASTER, None, 50, "too_fast", 50, []),
        (Ask.SLOWER, None, 0, "adjusted", -10, [CueKind.SLOWER]),
        (Ask.SLOWER, None, -40, "adjusted", -50, [CueKind.SLOWER]),
        (Ask.SLOWER, None, -50, "too_slow", -50, []),
        (Ask.SPEED, 120, 0, "adjusted", 20, [CueKind.FASTER]),
        (Ask.SPEED, 129, 0, "adjusted", 20, [CueKind.FASTER]),
        (Ask.SPEED, 80, 0, "adjusted", -20, [CueKind.SLOWER]),
        (Ask.SPEED, 80, -30, "adjusted", -20, [CueKind.FASTER]),
        (Ask.SPEED, 109, 0, "adjusted", 0, []),
        (Ask.SPEED, 50, 0, "adjusted", -50, [CueKind.SLOWER]),
        (Ask.SPEED, 49, 0, "too_slow", 0, []),
        (Ask.SPEED, 155, 0, "adjusted", 50, [CueKind.FASTER]),
        (Ask.SPEED, 156, 0, "too_fast", 0, []),
        (Ask.SPEED, None, 0, "no_speed", 0, []),
    ],
)
def test_a_wish_moves_the_setpoint_on_the_grid_and_within_the_limits(  # noqa: PLR0917
    scene, ask, speed, trim, code, wish, cues
):
    answer, draft = asked(scene(Phase.RUNNING, trim=trim), ask, speed=speed)
    assert (code, wish, cues) == (answer, draft.s.trim, told(draft))


@pytest.mark.parametrize("lacking", [{"workout": None}, {"envelope": None}])
@pytest.mark.parametrize("ask", [Ask.FASTER, Ask.SLOWER, Ask.SPEED])
def test_without_a_workout_or_limits_there_is_nothing_to_wish_for(scene, ask, lacking):
    assert "no_program" == asked(scene(Phase.RUNNING, **lacking), ask, speed=100)[0]


FINISHES = [
    # phase, what else, the answer, the phase after it, then, script
    (Phase.TURNING, {}, "finished", Phase.FINISHED, Then.PAUSE, 0),
    (Phase.HOLDING, {"paused": True}, "finished", Phase.FINISHED, Then.PAUSE, 0),
    (Phase.SLOWING, {}, "slowing", Phase.SLOWING, Then.FINISH, 0),
    (Phase.STOPPING, {"then": Then.TURN}, "slowing", Phase.STOPPING, Then.FINISH, 0),
    (Phase.STOPPING, {"then": Then.FAULT}, "wrong_phase", Phase.STOPPING, Then.FAULT, 0),
    (Phase.SLOWING, {"then": Then.FINISH}, "wrong_phase", Phase.SLOWING, Then.FINISH, 0),
    (Phase.RUNNING, {"owed": True}, "cooldown", Phase.RUNNING, Then.PAUSE, 60_000),
    (Phase.RUNNING, {"owed": True, "script": 59_999}, "cooldown", Phase.RUNNING, Then.PAUSE, 60_000),
    (Phase.RUNNING, {"owed": True, "script": 60_000}, "slowing", Phase.SLOWING, Then.FINISH, 60_000),
    (Phase.RUNNING, {"owed": True, "workout": None}, "slowing", Phase.SLOWING, Then.FINISH, 0),
    (Phase.HOLDING, {"owed": True}, "slowing", Phase.SLOWING, Then.FINISH, 0),
    (Phase.TURNING, {"owed": True}, "slowing", Phase.SLOWING, Then.FINISH, 0),
]  # fmt: skip


@pytest.mark.parametrize(("phase", "changes", "code", "after", "then", "script"), FINISHES)
def test_finish_takes_the_cool_down_where_there_is_one_left(  # noqa: PLR0917
    scene, phase, changes, code, after, then, script
):
    answer, draft = asked(scene(phase, trim=30, **changes), Ask.FINISH)
    s = draft.s
    assert (code, after, then, script) == (answer, s.phase, s.then, s.script)
    assert (None if code == "wrong_phase" else "finished by request") == s.ended_by
    assert (0 if code == "cooldown" else 30) == s.trim
    slows = after is Phase.SLOWING and phase is not Phase.SLOWING
    assert ([CueKind.STOPPING] if slows else []) == told(draft)
    assert (() if slows else (Cause.STALE,)) == s.holds
    assert s.paused is False


def test_finish_without_a_cool_down_slows_down(scene):
    answer, draft = asked(scene(Phase.RUNNING, STEPS[0], owed=True), Ask.FINISH)
    assert ("slowing", Phase.SLOWING) == (answer, draft.s.phase)


@pytest.mark.hazard("H15")
@pytest.mark.parametrize(
    ("changes", "granted"),
    [
        ({"owed": False}, True),
        ({}, False),
        # Reported as unconfirmed, and silent for more than 5 s: a person's word must do.
        ({"unconfirmed": True, "age": 5_001}, True),
        ({"unconfirmed": True, "age": 5_000}, False),
        ({"unconfirmed": False, "age": 5_001}, False),
        ({"unconfirmed": True, "age": 5_001, "linked": False}, False),
        ({"debtor": "another"}, True),
    ],
)
def test_a_fault_is_acknowledged_at_rest_or_by_a_person_who_looked(scene, changes, granted):
    known = {"owed": True, **changes}
    unconfirmed, age = known.pop("unconfirmed", False), known.pop("age", 0)
    drive = Drive(stop_at=1, stop_since=1, unconfirmed=unconfirmed)
    s = scene(
        Phase.FAULTED, drive=drive, evidence=Evidence(speed=100, speed_at=NOW - age), fault=FAULT,
        adopted=RECORD, findings=(Cause.STALE,), **known,
    )  # fmt: skip
    code, draft = asked(s, Ask.ACKNOWLEDGE)
    if not granted:
        assert ("not_still", s) == (code, draft.s)
        return
    assert ("acknowledged", Phase.IDLE, False) == (code, draft.s.phase, draft.s.owed)
    drive = draft.s.drive
    assert (None, None, False) == (drive.stop_at, drive.stop_since, drive.unconfirmed)
    left = draft.s.fault, draft.s.debtor, draft.s.holds, draft.s.findings, draft.s.adopted
    assert (None, None, (), (), None) == left


def test_without_a_connection_an_acknowledged_fault_leads_offline(scene):
    code, draft = asked(scene(Phase.FAULTED, linked=False, fault=FAULT), Ask.ACKNOWLEDGE)
    assert ("acknowledged", Phase.OFFLINE) == (code, draft.s.phase)


def test_what_is_acknowledged_is_named(scene):
    told_fault = asked(scene(Phase.FAULTED, fault=FAULT), Ask.ACKNOWLEDGE)[1].notices
    told_end = asked(scene(Phase.FINISHED, ended_by="completed"), Ask.ACKNOWLEDGE)[1].notices
    sentences = [n.sentence for n in (*told_fault, *told_end) if isinstance(n, Answer)]
    assert ["blind is acknowledged", "completed is acknowledged"] == sentences


@pytest.mark.hazard("H29")
def test_an_answered_check_in_is_a_sign_of_life(scene):
    code, draft = asked(scene(Phase.RUNNING, asked_at=NOW - 9_000), Ask.PRESENT)
    assert ("thanks", None, NOW) == (code, draft.s.asked_at, draft.s.seen_at)


def test_a_selected_program_is_kept(scene, make_program):
    chosen = make_program(id="other")
    code, draft = asked(scene(Phase.IDLE), Ask.SELECT, program=chosen)
    assert ("selected", chosen) == (code, draft.s.selected)
