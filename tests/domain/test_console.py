"""The walker always wins; and our own echo is not the walker."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Stop
from backstride.domain.console import observe_status
from backstride.domain.events import Ask, MachineStatus, Status, Training, Verdict
from backstride.domain.evidence import Evidence
from backstride.domain.notices import Alarm, Cue, CueKind
from backstride.domain.outcomes import CONTROL_DENIED
from backstride.domain.session import Control, Draft, Drive, Pending, Phase, Session
from backstride.domain.workout import Effort, Step, flatten

STATUSES = {
    Status.SAFETY_KEY: "safety_key",
    Status.STOPPED_BY_USER: "console",
    Status.PAUSED_BY_USER: "console",
    Status.CONTROL_LOST: "control_taken",
    Status.RESET: "control_taken",
}


def work(seconds, speed, **changes):
    return Step(effort=Effort.WORK, duration=seconds * 1_000, speed=speed, **changes)


@pytest.fixture
def walking(rig, make_program):
    """At 1.0 km/h for a while, nothing to come."""
    rig.run(make_program(max_speed=200, steps=(work(600, 100),)))
    rig.seconds(40)
    assert rig.speed == 100
    return rig


@pytest.mark.hazard("H17", "H18")
@pytest.mark.parametrize(("status", "cause"), STATUSES.items())
def test_whoever_acts_at_the_machine_has_the_belt(walking, status, cause):
    walking.status(status)
    assert (Phase.HANDED_OVER, False) == (walking.session.phase, walking.session.owed)
    assert [cause] == walking.alarms()


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("phase", ["offline", "idle", "stopping", "finished", "faulted"])
def test_where_there_is_nothing_to_hand_over_a_status_changes_no_phase(rig, status, phase):
    if phase != "offline":
        rig.connect()
    if phase in {"stopping", "finished", "faulted"}:
        rig.start().until(Phase.RUNNING)
        rig.ask(Ask.STOP)
    if phase == "finished":
        rig.until(Phase.FINISHED)
    if phase == "faulted":
        rig.disconnect().connect()
    rig.status(status, 100)
    assert phase == rig.session.phase


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("value", [90, 110, 101, 200, 0])
def test_a_target_speed_that_is_not_ours_is_the_console(walking, value):
    walking.status(Status.TARGET_SPEED, value)
    assert walking.session.phase is Phase.HANDED_OVER


@pytest.mark.parametrize("value", [100, None])
def test_our_own_target_speed_is_our_echo(walking, value):
    walking.status(Status.TARGET_SPEED, value)
    assert walking.session.phase is Phase.RUNNING


@pytest.mark.parametrize(
    ("value", "phase"),
    [(0, Phase.RUNNING), (5, Phase.RUNNING), (6, Phase.HANDED_OVER), (-6, Phase.HANDED_OVER)],
)
def test_a_target_incline_that_is_not_ours_is_the_console(walking, value, phase):
    walking.status(Status.TARGET_INCLINE, value)
    assert phase is walking.session.phase
    walking.status(Status.TARGET_INCLINE)


def test_a_machine_that_streams_the_speeds_of_its_ramp_is_not_the_console(make_rig, make_program):
    rig = make_rig(streams=True, step_up=1, period=500)
    rig.walk(make_program(max_speed=200, steps=(work(40, 100), work(40, 60))))
    assert rig.session.ended_by == "completed"


@pytest.mark.parametrize("delay", [0, 4_000])
def test_before_the_first_probe_every_target_is_the_machines_own(rig, delay):
    rig.start_delay = delay
    rig.connect().start().until(Phase.RUNNING)
    rig.status(Status.TARGET_SPEED, 225)
    rig.status(Status.TARGET_INCLINE, 30)
    assert rig.session.phase is Phase.RUNNING


def test_the_start_of_the_machine_itself_is_no_console_press(rig):
    rig.start_delay = 3_000
    rig.connect().start().until(Phase.STARTING)
    rig.status(Status.STARTED_BY_USER)
    rig.until(Phase.RUNNING)
    rig.status(Status.STARTED_BY_USER)
    assert rig.session.phase is Phase.RUNNING


@pytest.mark.parametrize("phase", [Phase.COUNTDOWN, Phase.TURNING])
def test_a_belt_that_somebody_starts_while_it_should_rest_is_theirs(rig, phase):
    if phase is Phase.COUNTDOWN:
        rig.connect().start()
    else:
        rig.run().until(Phase.TURNING).until(Phase.STOPPING).until(Phase.TURNING)
    rig.status(Status.STARTED_BY_USER)
    assert rig.session.phase is Phase.HANDED_OVER


def test_a_late_word_about_our_own_stop_is_no_console_press(rig):
    rig.run().until(Phase.TURNING).until(Phase.STOPPING).until(Phase.TURNING)
    rig.status(Status.STOPPED_BY_USER)
    assert rig.session.phase is Phase.TURNING


@pytest.mark.hazard("H01", "H18")
def test_an_armed_program_dies_when_somebody_takes_the_machine(rig, make_program):
    rig.connect().ask(Ask.START, make_program())
    rig.status(Status.CONTROL_LOST)
    assert (Phase.IDLE, None) == (rig.session.phase, rig.session.program)


# --- ours or theirs: each status in an instant -------------------------------------------------------

NOW = 100_000
ALONE = Session(
    phase=Phase.RUNNING, now=NOW, owed=True, moving_since=NOW - 60_000, rested_at=NOW - 90_000,
    evidence=Evidence(speed=100, incline=10),
    drive=Drive(probed=1, target=100, previous=90, target_at=NOW - 60_000, incline=10),
)  # fmt: skip
"""On its own at 1.0 km/h and 1 % since a minute."""


def noticed(session, status, value=None):
    """What a status makes of a session, and what it makes it say."""
    draft = Draft(session)
    observe_status(draft, MachineStatus(at=NOW, epoch=1, status=status, value=value))
    return draft.s, draft.notices


def alarms(notices):
    return [(n.cause, n.action) for n in notices if isinstance(n, Alarm)]


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("status", [Status.STOPPED_BY_USER, Status.PAUSED_BY_USER])
@pytest.mark.parametrize(
    ("phase", "owed", "theirs"),
    [
        (Phase.RUNNING, True, True),
        (Phase.COUNTDOWN, False, True),
        (Phase.TURNING, True, True),
        (Phase.TURNING, False, False),
        (Phase.HOLDING, True, True),
        (Phase.HOLDING, False, False),
    ],
)
def test_a_stop_is_theirs_unless_ours_is_proven_and_the_belt_rests(phase, owed, theirs, status):
    after, notices = noticed(replace(ALONE, phase=phase, owed=owed), status)
    assert ([("console", "hand_over")] if theirs else []) == alarms(notices)
    assert (Phase.HANDED_OVER if theirs else phase) is after.phase


@pytest.mark.parametrize(
    ("phase", "owed", "theirs", "rested_at"),
    [
        (Phase.COUNTDOWN, False, True, None),
        (Phase.HOLDING, False, True, None),
        (Phase.HOLDING, True, False, NOW - 90_000),
        (Phase.STARTING, False, False, None),
        (Phase.STARTING, True, False, NOW - 90_000),
        (Phase.IDLE, False, False, None),
        (Phase.FAULTED, True, False, NOW - 90_000),
    ],
)
def test_a_start_is_theirs_where_the_belt_should_rest(phase, owed, theirs, rested_at):
    """Elsewhere it is at least not the belt that our Stop brought to rest and that moves again."""
    known = replace(ALONE, phase=phase, owed=owed)
    after, notices = noticed(known, Status.STARTED_BY_USER)
    assert ([("console", "hand_over")] if theirs else []) == alarms(notices)
    assert rested_at == after.rested_at


RESTING = [{"phase": Phase.COUNTDOWN, "owed": False}, {"phase": Phase.STOPPING}]


@pytest.mark.parametrize("changes", RESTING, ids=["countdown", "stopping"])
@pytest.mark.parametrize("status", [Status.TARGET_SPEED, Status.TARGET_INCLINE])
def test_a_target_means_nothing_to_a_belt_that_is_not_driven(changes, status):
    resting = replace(ALONE, **changes)
    assert (resting, []) == noticed(resting, status, 200)


def judged(status, value, drive, evidence, **changes):
    known = replace(
        ALONE,
        drive=replace(ALONE.drive, **drive),
        evidence=replace(ALONE.evidence, **evidence),
        **changes,
    )
    after, notices = noticed(known, status, value)
    theirs = after.phase is Phase.HANDED_OVER
    assert ([("console", "hand_over")] if theirs else []) == alarms(notices)
    return not theirs


YOUNG = {"target_at": NOW - 5_000}
OLD = {"target_at": NOW - 5_001}
ASKED = {**OLD, "pending": Pending(1, SetSpeed(100), NOW - 1)}
UP = {"moving_since": NOW - 10_000}
SPEEDS = {
    # when: (drive, evidence, session, the speeds that are ours, those that are not)
    "before the first probe": ({"probed": 0}, {}, {}, [0, 250], []),
    "long after a command": (OLD, {}, {}, [100], [0, 90, 99, 101]),
    "on the way up": (YOUNG, {"speed": 95}, {}, [90, 95, 100], [89, 101]),
    "on the way down": (
        {**YOUNG, "previous": 110}, {"speed": 105}, {}, [100, 110], [99, 111],
    ),
    "from above": (YOUNG, {"speed": 115}, {}, [90, 115], [89, 116]),
    "from below": (YOUNG, {"speed": 80}, {}, [80, 100], [79, 101]),
    "while nobody knows the speed": (YOUNG, {"speed": None}, {}, [90, 100], [89, 101]),
    "before the answer": (ASKED, {"speed": 95}, {}, [90, 100], [89, 101]),
    "while it gets going": (OLD, {}, UP, [0, 1, 99, 100], [-1, 101]),
    "while it gets going, just told": (YOUNG, {"speed": 110}, UP, [0, 110], [111]),
    "when it has got going": (OLD, {}, {"moving_since": NOW - 10_001}, [100], [0, 99, 101]),
    "when nobody saw it get going": (OLD, {}, {"moving_since": None}, [100], [0, 99, 101]),
}  # fmt: skip
INCLINES = {
    "before the first probe": ({"probed": 0}, {}, {}, [-50, 150], []),
    "at its target": ({}, {}, {}, [5, 10, 15], [4, 16, 0]),
    "on the way down": ({}, {"incline": 30}, {}, [5, 30, 35], [4, 36]),
    "on the way up": ({}, {"incline": 0}, {}, [-5, 0, 15], [-6, 16]),
    "while nobody knows the slope": ({}, {"incline": None}, {}, [5, 15], [4, 16]),
}


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("when", SPEEDS)
def test_a_target_speed_is_ours_from_where_the_belt_was_to_where_it_was_sent(when):
    *known, ours, theirs = SPEEDS[when]
    drive, evidence, session = known
    answers = {v: judged(Status.TARGET_SPEED, v, drive, evidence, **session) for v in ours + theirs}
    assert {**dict.fromkeys(ours, True), **dict.fromkeys(theirs, False)} == answers


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("when", INCLINES)
def test_a_target_incline_is_ours_from_where_the_deck_is_to_where_it_was_sent(when):
    drive, evidence, _, ours, theirs = INCLINES[when]
    answers = {v: judged(Status.TARGET_INCLINE, v, drive, evidence) for v in ours + theirs}
    assert {**dict.fromkeys(ours, True), **dict.fromkeys(theirs, False)} == answers


def test_who_takes_an_armed_machine_is_told_and_nothing_is_left_of_the_program(make_program):
    chosen = make_program()
    armed = replace(ALONE, phase=Phase.ARMED, owed=False, program=chosen)
    after, notices = noticed(replace(armed, workout=flatten(chosen, 50)), Status.SAFETY_KEY)
    assert (Phase.IDLE, None, None) == (after.phase, after.program, after.workout)
    assert [CueKind.ALARM] == [n.kind for n in notices if isinstance(n, Cue)]


# --- without a word from the machine -----------------------------------------------------------------


@pytest.mark.hazard("H17")
def test_a_belt_that_somebody_slowed_is_theirs(walking):
    walking.target = 60
    walking.until(Phase.HANDED_OVER, limit=5)
    assert walking.alarms() == ["belt_moved"]


@pytest.mark.hazard("H17")
def test_a_belt_that_somebody_stopped_is_theirs(walking):
    walking.target = 0
    walking.until(Phase.HANDED_OVER, limit=5)
    assert walking.alarms() == ["console"]


def test_a_belt_that_somebody_raised_is_stopped(walking):
    walking.target = 140
    walking.until(Phase.STOPPING, limit=6)
    assert walking.session.fault.cause == "not_following"


@pytest.mark.hazard("H05")
def test_a_belt_that_somebody_raised_above_the_cap_is_stopped_at_the_second_frame(walking):
    walking.target = 300
    walking.speed = 300
    walking.seconds(2)
    assert (Phase.STOPPING, "overspeed") == (
        walking.session.phase,
        walking.session.fault.cause,
    )


@pytest.mark.hazard("H08")
def test_a_slope_that_somebody_changed_slows_the_belt_down(walking):
    walking.incline = 10
    walking.until(Phase.SLOWING, limit=2)
    assert walking.session.fault.cause == "slope_changed"


def test_to_a_belt_that_somebody_slowed_less_is_not_asked_as_more(rig, make_program):
    """The setpoint falls from 2.0 to 1.8 while the belt is found at 1.0: 1.8 would be a jump."""
    rig.run(make_program(max_speed=200, steps=(work(90, 200), work(60, 100))))
    while rig.session.script < 88_000:
        rig.tick()
    rig.target = 120
    rig.speed = 120
    rig.seconds(12)
    for (_, before), (_, after) in itertools.pairwise(
        [(0, 120), *((a, c.target) for a, c, _ in rig.commands(SetSpeed) if a > 99_000)]
    ):
        assert after <= before + 30
    assert rig.refusals == []


# --- afterwards --------------------------------------------------------------------------------------


@pytest.mark.hazard("H17", "H18")
def test_after_handing_over_nothing_is_sent_but_stop_on_overspeed(walking):
    walking.status(Status.TARGET_SPEED, 120)
    before = len(walking.sent)
    walking.target = 230
    walking.seconds(60)
    assert before == len(walking.sent)
    walking.target = 231
    walking.until(Phase.STOPPING, limit=5)
    assert [Stop] == [type(command) for _, command, _ in walking.sent[before:]]
    walking.until(Phase.FAULTED)
    assert (0, "overspeed") == (walking.speed, walking.session.fault.cause)


def test_what_was_handed_over_is_finished_by_two_new_zeros(walking):
    walking.status(Status.STOPPED_BY_USER)
    walking.target = walking.speed = 0
    walking.report()
    assert walking.session.phase is Phase.HANDED_OVER
    walking.report()
    assert (Phase.FINISHED, "console") == (walking.session.phase, walking.session.ended_by)


def test_an_answer_that_comes_after_handing_over_is_nobodys(walking):
    walking.deaf = True
    walking.ask(Ask.SLOWER)
    walking.tick()
    ticket = walking.session.tickets
    walking.status(Status.TARGET_SPEED, 120)
    before = len(walking.sent)
    walking.outcome(Verdict.REJECTED, CONTROL_DENIED, ticket=ticket)
    walking.seconds(20)
    assert before == len(walking.sent)


@pytest.mark.hazard("H15")
def test_a_fault_that_somebody_took_over_still_waits_for_its_acknowledgement(walking):
    walking.incline = 10
    walking.until(Phase.SLOWING, limit=2)
    walking.status(Status.TARGET_SPEED, 120)
    walking.target = 0
    walking.until(Phase.FAULTED, limit=5)
    assert walking.ask(Ask.ACKNOWLEDGE).code == "acknowledged"


def test_a_fault_that_somebody_took_over_outlives_the_link(walking):
    walking.incline = 10
    walking.until(Phase.SLOWING, limit=2)
    walking.status(Status.TARGET_SPEED, 120)
    walking.disconnect()
    assert (Phase.FAULTED, False) == (walking.session.phase, walking.session.owed)


# --- refusals and silence ----------------------------------------------------------------------------


@pytest.mark.hazard("H18")
def test_a_refusal_for_want_of_control_is_the_end_of_ours(walking):
    walking.refuses = [(Verdict.REJECTED, CONTROL_DENIED)]
    walking.ask(Ask.SLOWER)
    walking.seconds(1)
    assert walking.session.phase is Phase.HANDED_OVER
    assert walking.session.control is Control.NONE
    assert len(walking.commands(RequestControl)) == 1


def test_while_the_belt_gets_going_control_is_asked_for_once_more(rig):
    rig.refuses = [(Verdict.CONFIRMED, ""), (Verdict.REJECTED, CONTROL_DENIED)]
    rig.connect().start().until(Phase.STARTING)
    rig.starts_at = rig.now
    rig.until(Phase.RUNNING)
    rig.seconds(4)
    assert (Phase.RUNNING, 2) == (rig.session.phase, len(rig.commands(RequestControl)))
    rig.seconds(20)
    assert rig.session.drive.probed


def test_a_machine_that_then_refuses_control_is_stopped(rig):
    rig.refuses = [(Verdict.CONFIRMED, ""), (Verdict.REJECTED, CONTROL_DENIED)]
    rig.connect().start().until(Phase.STARTING)
    rig.starts_at = rig.now
    rig.granted = False
    rig.until(Phase.RUNNING).until(Phase.STOPPING, limit=10)
    assert rig.session.fault.cause == "no_control"


def test_a_rejected_speed_is_asked_for_again_after_5_s(walking):
    walking.refuses = [(Verdict.REJECTED, "refused: failed")]
    before = len(walking.commands(SetSpeed))
    walking.ask(Ask.SLOWER)
    walking.seconds(4)
    asked = [at for at, _, _ in walking.commands(SetSpeed)[before:]]
    assert (1, 100) == (len(asked), walking.session.drive.target)
    walking.seconds(2)
    asked = [at for at, _, _ in walking.commands(SetSpeed)[before:]]
    assert 5_000 <= asked[1] - asked[0] <= 5_200
    assert walking.session.drive.refusals == 0


def test_three_refusals_end_the_session(walking):
    walking.refuses = [(Verdict.REJECTED, "refused: failed")] * 3
    walking.ask(Ask.SLOWER)
    walking.until(Phase.FAULTED, limit=30)
    assert walking.session.fault.cause == "refused"


@pytest.mark.hazard("H24")
@pytest.mark.parametrize("took_effect", [True, False])
def test_of_an_unanswered_decrease_the_faster_is_feared_and_the_slower_asked_for(
    walking, took_effect
):
    walking.refuses = [(Verdict.UNKNOWN, "")]
    walking.ask(Ask.SLOWER)
    walking.tick(2)
    assert (Phase.HOLDING, 100) == (walking.session.phase, walking.session.drive.target)
    if took_effect:
        walking.target = 90
    walking.seconds(6)
    assert [90, 90] == [c.target for _, c, _ in walking.commands(SetSpeed)][-2:]
    walking.tick()
    assert (Phase.RUNNING, 0) == (walking.session.phase, walking.session.drive.unknowns)
    assert walking.refusals == []


@pytest.mark.hazard("H24")
def test_three_silences_end_the_session(walking):
    walking.deaf = True
    walking.ask(Ask.SLOWER)
    walking.until(Phase.STOPPING, limit=60)
    assert walking.session.fault.cause == "no_answer"


def test_an_outcome_that_the_adapter_never_gives_is_unknown_after_5_s(walking):
    walking.deaf = True
    walking.ask(Ask.SLOWER)
    walking.tick()
    asked = walking.session.drive.pending.sent_at
    walking.until(Phase.HOLDING, limit=10)
    assert 5_000 < walking.now - asked <= 5_200


def test_a_late_outcome_is_nobodys(walking):
    walking.deaf = True
    walking.ask(Ask.SLOWER)
    walking.tick()
    ticket = walking.session.tickets
    walking.until(Phase.HOLDING, limit=10)
    walking.outcome(Verdict.CONFIRMED, ticket=ticket)
    assert (Phase.HOLDING, 1) == (walking.session.phase, walking.session.drive.unknowns)


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.REJECTED])
def test_a_slope_that_was_not_confirmed_is_asked_for_again(rig, make_program, verdict):
    steps = (work(30, 80), work(90, 80, incline=10))
    rig.run(make_program(max_incline=20, steps=steps))
    rig.seconds(15)
    rig.refuses = [(verdict, "refused: failed")]
    rig.seconds(60)
    assert [10, 10] == [c.target for _, c, _ in rig.commands(SetIncline)]
    assert (10, Phase.RUNNING) == (rig.incline, rig.session.phase)
    assert (80, []) == (rig.session.drive.target, rig.refusals)


def test_a_training_status_proves_neither_motion_nor_rest(walking):
    before = walking.session
    walking.feed(Training(at=walking.now, epoch=walking.epoch, code=1))
    assert (before.phase, before.evidence) == (walking.session.phase, walking.session.evidence)


def test_an_unanswered_request_for_control_is_taken_for_a_yes(rig, make_program):
    rig.deaf_to_control = True
    rig.connect().ask(Ask.START, make_program())
    assert rig.session.control is Control.ASKED
    rig.outcome(Verdict.UNKNOWN)
    assert rig.session.control is Control.ASSUMED
