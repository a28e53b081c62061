"""Connections that break, lives that ended early, and the end of the service: nothing restarts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetSpeed, Start, Stop
from backstride.domain.events import Adopt, Ask, LinkUp, Ownership, Status
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Action, Cause
from backstride.domain.notices import Alarm, Cue, CueKind
from backstride.domain.recovery import (
    adopt,
    link_down,
    link_up,
    recognise,
    recognise_in_silence,
    shut_down,
)
from backstride.domain.session import (
    Control,
    Draft,
    Drive,
    Phase,
    Session,
    Then,
    is_owed,
    ownership,
)
from backstride.domain.workout import Effort, Step

RECORD = Ownership(
    fingerprint="bench", program="first-steps", target=100, distance=500, elapsed=300
)

METRES = replace(RECORD, elapsed=None)
NOTHING = replace(RECORD, elapsed=None, distance=None)
ZEROS = replace(RECORD, elapsed=0, distance=0)
ANOTHER = replace(RECORD, fingerprint="another")


def armed(rig):
    rig.connect().ask(Ask.START, rig.chosen)


def countdown(rig):
    rig.connect().start()


def starting(rig):
    rig.start_delay = 3_000
    rig.connect().start().until(Phase.STARTING)


def running(rig):
    rig.run(rig.chosen)
    rig.seconds(30)


def turning(rig):
    rig.run().until(Phase.TURNING)


def turned(rig):
    turning(rig)
    rig.until(Phase.STOPPING).until(Phase.TURNING)


def holding(rig):
    running(rig)
    rig.feed(events.Tick(at=rig.now, slept=2_000))


def paused(rig):
    slowing(rig)
    rig.until(Phase.HOLDING)


def slowing(rig):
    running(rig)
    rig.ask(Ask.PAUSE)


def stopping(rig):
    running(rig)
    rig.ask(Ask.STOP)


def handed_over(rig):
    running(rig)
    rig.status(Status.TARGET_SPEED, 140)


@pytest.fixture
def ready(rig, make_program):
    rig.chosen = make_program(steps=(Step(effort=Effort.WORK, duration=600_000, speed=100),))
    return rig


def drop_and_return(rig):
    rig.disconnect()
    rig.seconds(1)
    rig.connect()


def return_without_a_word(rig):
    rig.connect()


def tell_a_new_epoch_of_an_old_one(rig):
    old = rig.epoch
    rig.disconnect()
    rig.connect()
    for event in (
        events.LinkDown(at=rig.now, epoch=old, reason="late"),
        events.Telemetry(at=rig.now, epoch=old, speed=0),
        events.Telemetry(at=rig.now, epoch=old, speed=0),
        events.MachineStatus(at=rig.now, epoch=old, status=Status.STOPPED_BY_USER),
        events.Training(at=rig.now, epoch=old, code=1),
        events.LinkUp(at=rig.now, epoch=old, machine=rig.machine),
    ):
        before = rig.session
        rig.feed(event)
        assert before == rig.session


@pytest.mark.hazard("H09")
@pytest.mark.parametrize(
    "how", [drop_and_return, return_without_a_word, tell_a_new_epoch_of_an_old_one]
)
@pytest.mark.parametrize(
    ("reach", "owed"),
    [
        (armed, False),
        (countdown, False),
        (starting, True),
        (running, True),
        (turning, True),
        (turned, False),
        (holding, True),
        (paused, False),
        (slowing, True),
        (stopping, True),
        (handed_over, False),
    ],
)
def test_after_a_lost_link_what_is_owed_is_stopped_and_nothing_restarts(ready, reach, owed, how):
    rig = ready
    reach(rig)
    starts = len(rig.commands(Start))
    before = len(rig.sent)
    assert owed is rig.session.owed
    how(rig)
    assert (Stop in {type(command) for _, command, _ in rig.sent[before:]}) is owed
    if owed:
        assert rig.session.phase is Phase.FAULTED
        rig.seconds(15)
        assert (0, False) == (rig.speed, rig.session.owed)
        assert rig.session.fault.cause == "link_lost"
    rig.seconds(60)
    assert starts == len(rig.commands(Start))
    later = {type(command) for _, command, _ in rig.sent[before:]}
    assert later <= {Stop, RequestControl}


def test_a_link_that_was_never_there_can_go_without_harm(rig):
    rig.disconnect()
    assert rig.session.phase is Phase.OFFLINE


def test_a_stop_that_nobody_proves_after_a_reconnection_is_told_too(ready):
    running(ready)
    ready.stuck = True
    ready.disconnect().connect()
    ready.seconds(17)
    assert [str(a) for a in ready.alarms()] == ["link_lost"]
    ready.seconds(2)
    assert [str(a) for a in ready.alarms()] == ["link_lost", "stop_unconfirmed"]


@pytest.mark.hazard("H19")
def test_another_treadmill_does_not_pay_the_debt_of_the_first(ready, make_machine):
    running(ready)
    ready.disconnect()
    other = make_machine(fingerprint="another")
    ready.epoch += 1
    ready.feed(LinkUp(at=ready.now, epoch=ready.epoch, machine=other))
    before = len(ready.sent)
    ready.speed = ready.target = 0
    ready.seconds(30)
    assert (before, True) == (len(ready.sent), ready.session.owed)
    assert "machine_changed" in ready.alarms()
    ready.ask(Ask.STOP)
    assert ready.commands(Stop)
    assert ready.ask(Ask.ACKNOWLEDGE).code == "acknowledged"
    assert (Phase.IDLE, None) == (ready.session.phase, ready.session.debtor)


@pytest.mark.hazard("H19")
def test_the_first_treadmill_pays_when_it_is_back(ready, make_machine):
    running(ready)
    ready.disconnect()
    ready.epoch += 1
    ready.feed(LinkUp(at=ready.now, epoch=ready.epoch, machine=make_machine(fingerprint="another")))
    ready.disconnect()
    ready.connect()
    assert (None, 1) == (ready.session.debtor, len(ready.commands(Stop)))
    ready.seconds(15)
    assert ready.session.owed is False


# --- another life ------------------------------------------------------------------------------------


def reborn(rig, speed, age=4_000, record=RECORD, ran=304_000, meters=501):  # noqa: PLR0917
    """The process is back, `age` after its last record; the belt runs as it runs."""
    rig.speed = rig.target = speed
    rig.ran, rig.meters = ran, meters * 36_000
    rig.feed(Adopt(at=rig.now, record=record, age=age))
    rig.connect()
    return rig


@pytest.mark.hazard("H10", "H11")
def test_a_belt_that_goes_on_as_we_left_it_is_brought_down_and_stopped(rig):
    reborn(rig, 150)
    assert (Phase.SLOWING, True) == (rig.session.phase, rig.session.owed)
    rig.until(Phase.FAULTED)
    assert [140 - 20, 90, 60, 50] == [c.target for _, c, _ in rig.commands(SetSpeed)]
    assert (0, "restarted", []) == (rig.speed, rig.session.fault.cause, rig.refusals)
    assert len(rig.commands(Stop)) == 1


@pytest.mark.hazard("H06", "H16")
def test_a_belt_that_coasts_after_an_earlier_lifes_stop_is_not_told_a_speed(rig):
    """Found by the adversary, seed 7000901: a crash right after Stop, and 0.5 km/h to a stopping belt."""
    rig.speed, rig.ran, rig.meters = 390, 304_000, 501 * 36_000
    rig.feed(Adopt(at=rig.now, record=RECORD, age=4_000))
    rig.connect()
    assert rig.session.phase is Phase.SLOWING
    rig.until(Phase.FAULTED)
    assert ([], 0) == (rig.commands(SetSpeed), rig.speed)


@pytest.mark.hazard("H10", "H11")
@pytest.mark.parametrize(
    ("record", "age", "ran", "meters", "ours"),
    [
        # Time goes on as long as the record is old, give or take a minute.
        (RECORD, 4_000, 304_000, 0, True),
        (RECORD, 4_000, 300_000, 0, True),
        (RECORD, 4_000, 297_000, 0, False),
        (RECORD, 4_000, 362_000, 0, True),
        (RECORD, 4_000, 366_000, 0, False),
        (RECORD, 7_200_000, 7_500_000, 0, True),
        (RECORD, 7_200_000, 3_600_000, 0, False),
        # Where no time is told the distance decides.
        (METRES, 4_000, 9, 520, True),
        (METRES, 4_000, 9, 499, False),
        (METRES, 4_000, 9, 590, False),
        # Where nothing is told, only a fresh record is believed.
        (NOTHING, 590_000, 9, 9, True),
        (NOTHING, 600_000, 9, 9, False),
        # A counter at 0 is a counter.
        (ZEROS, 4_000, 500_000, 0, False),
        (ANOTHER, 4_000, 304_000, 0, False),
    ],
)  # fmt: skip
def test_a_moving_belt_is_ours_if_its_counters_go_on(rig, record, age, ran, meters, ours):  # noqa: PLR0917
    reborn(rig, 100, age, record, ran, meters)
    assert ours is rig.session.owed
    if not ours:
        rig.seconds(60)
        assert (Phase.IDLE, []) == (rig.session.phase, rig.sent)
        assert [str(a) for a in rig.alarms()] == ["restarted"]
    assert rig.session.adopted is None


@pytest.mark.hazard("H10")
def test_a_belt_that_was_left_moving_and_stands_is_told_and_not_touched(rig):
    reborn(rig, 0, age=60_000)
    assert (Phase.FAULTED, False, []) == (rig.session.phase, rig.session.owed, rig.sent)


@pytest.mark.hazard("H10")
def test_a_belt_that_was_perhaps_about_to_start_is_stopped_before_it_does(rig):
    rig.starts_at = rig.now + 7_000
    reborn(rig, 0, age=1_000)
    assert len(rig.commands(Stop)) == 1
    rig.until(Phase.FAULTED)
    assert (0, None) == (rig.speed, rig.starts_at)


@pytest.mark.hazard("H10", "H11")
def test_a_silent_machine_that_was_left_moving_is_stopped_after_5_s(rig):
    rig.mute = True
    reborn(rig, 100)
    rig.seconds(2.9)
    assert rig.sent == []
    rig.seconds(0.3)
    assert [Stop] == [type(c) for _, c, _ in rig.sent if not isinstance(c, RequestControl)]


@pytest.mark.hazard("H19")
def test_a_silent_machine_that_is_another_one_is_left_alone(rig):
    rig.mute = True
    other = Ownership(fingerprint="another", program="", target=100, distance=1, elapsed=1)
    reborn(rig, 100, record=other)
    rig.seconds(10)
    assert (Phase.IDLE, [], None) == (rig.session.phase, rig.sent, rig.session.adopted)


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("age", [1_000, 60_000])
def test_another_machine_at_rest_is_not_the_belt_that_was_left(rig, age):
    reborn(rig, 0, age=age, record=ANOTHER)
    rig.seconds(60)
    assert (Phase.IDLE, [], None) == (rig.session.phase, rig.sent, rig.session.adopted)
    assert ["restarted"] == [str(told) for told in rig.alarms()]


@pytest.mark.hazard("H09", "H10")
@pytest.mark.parametrize(
    ("owed", "adopted", "expected"),
    [(False, None, False), (True, None, True), (False, RECORD, True), (True, RECORD, True)],
)
def test_an_earlier_life_s_belt_is_owed_until_it_is_judged(rig, owed, adopted, expected):
    assert expected is is_owed(replace(rig.session, owed=owed, adopted=adopted))


def test_a_record_says_nothing_to_a_session_under_way(ready):
    running(ready)
    ready.feed(Adopt(at=ready.now, record=RECORD, age=0))
    assert ready.session.adopted is None


@pytest.mark.hazard("H10")
def test_the_claim_lasts_from_the_start_to_the_proven_rest(ready):
    assert ownership(Session()) is None
    countdown(ready)
    assert ownership(ready.session) is None
    ready.until(Phase.STARTING)
    assert ownership(ready.session).fingerprint == "bench"
    ready.until(Phase.RUNNING)
    ready.seconds(29)
    claim = ownership(ready.session)
    assert ("bench", ready.session.drive.target) == (claim.program, claim.target)
    assert claim.elapsed > 0
    ready.ask(Ask.STOP)
    assert ownership(ready.session) is not None
    ready.until(Phase.FINISHED)
    assert ownership(ready.session) is None


# --- shutdown ----------------------------------------------------------------------------------------


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("reach", "end"),
    [
        (lambda _: None, Phase.OFFLINE),
        (lambda rig: rig.connect(), Phase.IDLE),
        (armed, Phase.IDLE),
        (countdown, Phase.IDLE),
        (starting, Phase.FINISHED),
        (running, Phase.FINISHED),
        (turning, Phase.FINISHED),
        (turned, Phase.FINISHED),
        (holding, Phase.FINISHED),
        (paused, Phase.FINISHED),
        (slowing, Phase.FINISHED),
        (stopping, Phase.FINISHED),
        (handed_over, Phase.HANDED_OVER),
        (lambda rig: (running(rig), drop_and_return(rig)), Phase.FAULTED),
    ],
)  # fmt: skip
def test_a_shutdown_brings_the_belt_down_and_begins_nothing(ready, reach, end):
    reach(ready)
    starts = len(ready.commands(Start))
    ready.feed(events.Shutdown(at=ready.now))
    ready.seconds(40)
    assert (end, starts) == (ready.session.phase, len(ready.commands(Start)))
    assert ready.session.owed is False
    if end is not Phase.HANDED_OVER:
        assert ready.speed == 0
    if end in {Phase.IDLE, Phase.FINISHED}:
        assert ready.ask(Ask.START, ready.chosen).code == "shutting_down"


def test_a_shutdown_while_the_belt_slows_for_a_pause_ends_the_session(ready):
    slowing(ready)
    ready.feed(events.Shutdown(at=ready.now))
    assert ready.session.then is Then.FINISH
    assert ready.until(Phase.FINISHED).session.ended_by == "shutdown"


def test_a_shutdown_does_not_hide_a_fault(ready):
    running(ready)
    ready.feed(events.Tick(at=ready.now, slept=4_000))
    ready.feed(events.Shutdown(at=ready.now))
    ready.until(Phase.FAULTED)


@pytest.mark.hazard("H07", "H25")
def test_a_planned_shutdown_is_gentle(ready):
    running(ready)
    ready.feed(events.Shutdown(at=ready.now))
    ready.until(Phase.FINISHED)
    assert ready.commands(Stop)[0][2] <= 60


def test_a_belt_that_we_may_not_command_any_more_is_stopped_at_once(rig):
    rig.granted = False
    reborn(rig, 150)
    rig.seconds(1)
    assert [Stop] == [type(c) for _, c, _ in rig.sent if not isinstance(c, RequestControl)]


def test_a_belt_whose_machine_does_not_answer_the_request_for_control_is_stopped_after_4_s(rig):
    rig.deaf_to_control = True
    rig.mute = False
    reborn(rig, 150)
    began = rig.now
    rig.until(Phase.STOPPING)
    assert 2_000 <= rig.now - began <= 5_000


# --- connections, field by field ---------------------------------------------------------------------

CAUTIOUS = {
    Phase.OFFLINE: None,
    Phase.IDLE: None,
    Phase.ARMED: "link_lost",
    Phase.COUNTDOWN: "link_lost",
    Phase.STARTING: "link_lost",
    Phase.RUNNING: "link_lost",
    Phase.TURNING: "link_lost",
    Phase.HOLDING: "link_lost",
    Phase.SLOWING: "link_lost",
    Phase.STOPPING: "link_lost",
    Phase.FINISHED: None,
    Phase.HANDED_OVER: "link_lost",
    Phase.FAULTED: None,
}
"""Where the loss of a link is worth an alarm."""


@pytest.fixture
def busy(rig):
    """A session in which every field that a connection touches has a value of its own."""
    rig.run()
    return replace(
        rig.session,
        start_granted=True,
        paused=True,
        off_since=1,
        downhill_since=2,
        rested_at=3,
        holds=(Cause.STALE,),
        findings=(Cause.STALE,),
        control_asks=2,
        debtor=None,
    )


@pytest.mark.hazard("H03", "H09")
@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.OFFLINE])
def test_a_lost_link_takes_everything_that_was_seen_and_granted_on_it(busy, phase):
    d = Draft(replace(busy, phase=phase))
    link_down(d, "test")
    s = d.s
    assert (False, Control.NONE, False, False) == (s.linked, s.control, s.start_granted, s.paused)
    assert (Drive(), Evidence(), (), ()) == (s.drive, s.evidence, s.holds, s.findings)
    assert (None, None, None) == (s.off_since, s.downhill_since, s.rested_at)
    assert busy.owed is s.owed
    alarms = [(n.cause, n.action) for n in d.notices if isinstance(n, Alarm)]
    assert ([(CAUTIOUS[phase], "stop")] if CAUTIOUS[phase] else []) == alarms
    faulted = CAUTIOUS[phase] and phase not in {Phase.ARMED, Phase.COUNTDOWN, Phase.HANDED_OVER}
    assert ("link_lost" if faulted else None) == (s.fault and s.fault.cause)


@pytest.mark.hazard("H03", "H09", "H19")
@pytest.mark.parametrize("owed", [True, False])
@pytest.mark.parametrize("same", [True, False])
def test_a_new_link_knows_nothing_and_finds_out_who_is_owed(busy, make_machine, owed, same):
    other = busy.machine if same else make_machine(fingerprint="another")
    d = Draft(replace(busy, phase=Phase.FAULTED, linked=False, owed=owed, control=Control.GRANTED))
    link_up(d, events.LinkUp(at=d.s.now, epoch=9, machine=other))
    s = d.s
    assert (9, True, other, Control.NONE, 0) == (
        s.epoch,
        s.linked,
        s.machine,
        s.control,
        s.control_asks,
    )
    assert (Drive(), Evidence()) == (s.drive, s.evidence)
    assert (None, None, None) == (s.off_since, s.downhill_since, s.rested_at)
    assert ("bench" if owed and not same else None) == s.debtor
    told = [(n.cause, n.action) for n in d.notices if isinstance(n, Alarm)]
    assert ([("machine_changed", "announce")] if owed and not same else []) == told


@pytest.mark.hazard("H12")
@pytest.mark.parametrize(("waited", "sent"), [(60_000, True), (60_001, False)])
def test_a_stop_that_waited_for_the_link_is_sent_within_a_minute(rig, waited, sent):
    asked = Session(now=100_000, stop_wanted_at=100_000 - waited, then=Then.PAUSE)
    d = Draft(asked)
    link_up(d, events.LinkUp(at=100_000, epoch=1, machine=rig.machine))
    assert sent is any(isinstance(order.command, Stop) for order in d.orders)
    assert (Phase.STOPPING if sent else Phase.IDLE) is d.s.phase
    assert ("stopped by request" if sent else None) == d.s.ended_by
    assert (Then.FINISH if sent else Then.PAUSE) is d.s.then
    assert d.s.stop_wanted_at is None


@pytest.mark.hazard("H10")
@pytest.mark.parametrize("phase", list(Phase))
def test_a_record_is_taken_up_only_by_a_session_that_has_not_begun(busy, phase):
    d = Draft(replace(busy, phase=phase, adopted=None, doubt=METRES))
    adopt(d, Adopt(at=d.s.now, record=RECORD, age=77))
    taken = phase in {Phase.OFFLINE, Phase.IDLE}
    assert ((RECORD, 77, d.s.now) if taken else (None, 0, 0)) == (
        d.s.adopted,
        d.s.adopted_age,
        d.s.adopted_at,
    )
    assert taken is (d.s.doubt is None)


# --- an earlier life's belt, instant by instant ------------------------------------------------------


def reborn_idle(rig, age=4_000, **seen):
    """A session that has just been handed the record; its machine says what is `seen`."""
    rig.connect()
    s = rig.session
    known = {"at": s.now, "speed": 100, "speed_at": s.now, "elapsed": 305, "frames": 2, "since": 2}
    return replace(
        s,
        adopted=RECORD,
        adopted_age=age,
        adopted_at=s.now - 1_000,
        evidence=Evidence(**{**known, **seen}),
        off_since=1,
        owed=False,
    )


def recognised(s):
    d = Draft(s)
    recognise(d, RECORD)
    return d


@pytest.mark.hazard("H10", "H11")
def test_a_recognised_belt_is_owed_its_rest_and_taken_as_it_is(rig):
    s = recognised(reborn_idle(rig)).s
    assert (Phase.SLOWING, True, s.epoch, None) == (s.phase, s.owed, s.confirmed_epoch, s.off_since)
    assert (100, s.now, 100) == (s.drive.target, s.drive.target_at, s.drive.previous)
    assert (None, Cause.RESTARTED, Action.SLOW_DOWN) == (s.adopted, s.fault.cause, s.fault.action)


def doubted(s, age=1_000, **counters):
    """The frame before had these counters."""
    seen = replace(RECORD, **{"elapsed": None, "distance": None, **counters})
    return replace(s, doubt=seen, doubt_at=s.now - age)


@pytest.mark.hazard("H10", "H11")
@pytest.mark.parametrize(
    ("before", "given_up"),
    [
        (None, False),
        ({"elapsed": 8_999}, True),
        ({"elapsed": 9_001}, False),
        ({"elapsed": 8_938}, False),
        ({"elapsed": None}, True),
    ],
)
def test_counters_that_deny_the_record_are_believed_once_two_frames_agree(rig, before, given_up):
    """Found by the swarm: garbage in the first frame after a crash disowned a belt that ran on."""
    s = reborn_idle(rig, elapsed=9_000)
    d = recognised(s if before is None else doubted(s, **before))
    assert (None if given_up else RECORD) == d.s.adopted
    assert (Phase.IDLE, []) == (d.s.phase, d.orders)
    assert given_up is any(isinstance(n, Alarm) for n in d.notices)
    if not given_up:
        assert (9_000, d.s.now) == (d.s.doubt.elapsed, d.s.doubt_at)


@pytest.mark.hazard("H10", "H11")
def test_what_denies_the_record_is_remembered_counter_by_counter(rig):
    d = recognised(reborn_idle(rig, elapsed=9_000, distance=8_000))
    assert (9_000, 8_000) == (d.s.doubt.elapsed, d.s.doubt.distance)
    record = replace(RECORD, elapsed=None)
    agreed = Draft(replace(d.s, evidence=replace(d.s.evidence, elapsed=9_001)))
    recognise(agreed, record)
    assert agreed.s.adopted is None


@pytest.mark.hazard("H10", "H11")
def test_a_record_without_the_counter_does_not_confirm_the_garbage_before_it(rig):
    """Found by the swarm: a cut frame keeps the value of the one before, and agreed with it."""
    d = recognised(doubted(reborn_idle(rig, elapsed=9_000), elapsed=9_000))
    assert (RECORD, d.s.now - 1_000) == (d.s.adopted, d.s.doubt_at)


@pytest.mark.hazard("H10", "H11")
def test_a_belt_whose_counters_were_garbage_once_is_ours_at_the_next_frame(rig):
    garbled = recognised(reborn_idle(rig, elapsed=50_000)).s
    s = replace(garbled, evidence=replace(garbled.evidence, elapsed=306))
    d = recognised(s)
    assert (Phase.SLOWING, True) == (d.s.phase, d.s.owed)


@pytest.mark.hazard("H10", "H11")
def test_a_belt_whose_counters_never_agree_is_stopped_after_5_s(rig):
    rig.mute = True
    reborn(rig, 100)
    for garbage in (9_000, 8_000, 7_000):
        rig.report(elapsed=garbage)
        rig.seconds(1)
    assert rig.sent == []
    rig.tick()
    assert Phase.STOPPING is rig.session.phase
    assert 1 == len(rig.commands(Stop))


@pytest.mark.hazard("H11")
def test_where_nothing_is_counted_an_old_record_is_given_up_at_once(rig):
    s = reborn_idle(rig, age=700_000, elapsed=None)
    assert recognised(s).s.adopted is None


@pytest.mark.hazard("H19")
def test_the_belt_of_another_machine_is_given_up_at_once(rig, make_machine):
    s = replace(reborn_idle(rig), machine=make_machine(fingerprint="another"))
    assert recognised(s).s.adopted is None
    seen = doubted(s, elapsed=s.evidence.elapsed)
    assert recognised(seen).s.adopted is None


@pytest.mark.hazard("H10", "H11")
def test_a_belt_that_is_not_ours_is_told_and_left(rig):
    d = recognised(doubted(reborn_idle(rig, elapsed=9_000), elapsed=8_999))
    assert (Phase.IDLE, None, None, []) == (d.s.phase, d.s.adopted, d.s.fault, d.orders)
    assert ["announce"] == [n.action for n in d.notices if isinstance(n, Alarm)]


@pytest.mark.hazard("H10", "H15")
@pytest.mark.parametrize(
    ("age", "phase", "owed"), [(11_000, Phase.STOPPING, True), (11_001, Phase.FAULTED, False)]
)
def test_a_standing_belt_is_stopped_while_our_start_may_yet_move_it(rig, age, phase, owed):
    before = reborn_idle(rig, age=age, speed=0, zeros=2)
    d = recognised(before)
    assert (phase, owed, None) == (d.s.phase, d.s.owed, d.s.adopted)
    assert owed is any(isinstance(order.command, Stop) for order in d.orders)
    assert Cause.RESTARTED is d.s.fault.cause
    if owed:
        assert d.s.now - 12_000 == d.s.started_at
    else:
        assert d.s.now == d.s.rested_at


@pytest.mark.hazard("H10", "H13")
@pytest.mark.parametrize(
    ("since", "adopted", "stopped"),
    [(5_000, 9_000, False), (9_000, 5_000, False), (5_001, 5_001, True)],
)
def test_a_silent_machine_has_5_s_from_the_link_and_from_the_record(rig, since, adopted, stopped):
    s = reborn_idle(rig, speed=None, speed_at=None)
    s = replace(s, now=100_000, since=100_000 - since, adopted_at=100_000 - adopted)
    d = Draft(s)
    recognise_in_silence(d, RECORD)
    assert stopped is any(isinstance(order.command, Stop) for order in d.orders)
    assert (Phase.STOPPING if stopped else Phase.IDLE) is d.s.phase
    assert (Cause.RESTARTED if stopped else None) == (d.s.fault and d.s.fault.cause)


@pytest.mark.hazard("H11", "H19")
@pytest.mark.parametrize(
    ("counter", "age", "gone", "ours"),
    [
        ("elapsed", 5_000, -1, False),
        ("elapsed", 5_000, 0, True),
        ("elapsed", 5_000, 65, True),
        ("elapsed", 5_000, 66, False),
        ("elapsed", 600_000, 0, True),
        ("elapsed", 600_001, 539, False),
        ("elapsed", 600_001, 540, True),
        ("distance", 5_000, -1, False),
        ("distance", 5_000, 0, True),
        ("distance", 5_000, 75, True),
        ("distance", 5_000, 76, False),
        ("distance", 600_000, 0, True),
        ("distance", 600_001, 0, False),
        ("distance", 600_001, 1, True),
    ],
)
def test_a_counter_goes_on_as_far_as_the_age_explains(rig, counter, age, gone, ours):
    record = replace(RECORD, elapsed=None, distance=None)
    record = replace(record, **{counter: 1_000})
    s = reborn_idle(rig, age=age - 1_000, **{"elapsed": None, counter: 1_000 + gone})
    d = Draft(s)
    recognise(d, record)
    assert ours is (d.s.phase is Phase.SLOWING)


@pytest.mark.hazard("H11")
@pytest.mark.parametrize(("age", "ours"), [(600_000, True), (600_001, False)])
@pytest.mark.parametrize("counter", ["elapsed", "distance"])
def test_a_counter_that_is_no_longer_told_explains_nothing(rig, counter, age, ours):
    record = replace(NOTHING, **{counter: 1_000})
    s = reborn_idle(rig, age=age - 1_000, elapsed=None, distance=None)
    d = Draft(s)
    recognise(d, record)
    assert ours is (d.s.phase is Phase.SLOWING)


@pytest.mark.hazard("H11", "H15")
def test_one_frame_at_0_is_neither_rest_nor_motion(rig):
    d = recognised(reborn_idle(rig, speed=0, zeros=1, elapsed=9_000))
    assert (Phase.IDLE, RECORD, [], []) == (d.s.phase, d.s.adopted, d.orders, d.notices)
    assert d.s.doubt is None


@pytest.mark.hazard("H19")
def test_a_belt_of_an_unknown_machine_is_not_ours(rig):
    s = replace(reborn_idle(rig), machine=None)
    moving = recognised(s)
    silent = Draft(replace(s, since=0, now=s.now + 9_000))
    recognise_in_silence(silent, RECORD)
    for d in (moving, silent):
        assert (Phase.IDLE, None, [], None) == (d.s.phase, d.s.adopted, d.orders, d.s.fault)
        assert ["announce"] == [n.action for n in d.notices if isinstance(n, Alarm)]


def test_a_debt_to_a_machine_that_was_never_known_is_no_strangers(busy, rig):
    d = Draft(replace(busy, phase=Phase.FAULTED, linked=False, owed=True, machine=None))
    link_up(d, events.LinkUp(at=d.s.now, epoch=9, machine=rig.machine))
    assert (None, []) == (d.s.debtor, d.notices)


# --- the end of the service, phase by phase ------------------------------------------------------------

SLOW = [CueKind.STOPPING]
GRANTS = ("start_granted", "paused", "holds", "program", "workout")


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("phase", "owed", "end", "then", "told", "lost"),
    [
        (Phase.OFFLINE, False, Phase.OFFLINE, Then.PAUSE, [], ""),
        (Phase.IDLE, False, Phase.IDLE, Then.PAUSE, [], ""),
        (Phase.ARMED, False, Phase.IDLE, Then.PAUSE, [], "start_granted program workout"),
        (Phase.COUNTDOWN, False, Phase.IDLE, Then.PAUSE, [], "start_granted program workout"),
        (Phase.STARTING, True, Phase.STOPPING, Then.FINISH, [], "start_granted paused holds"),
        (Phase.RUNNING, True, Phase.SLOWING, Then.FINISH, SLOW, "holds"),
        (Phase.TURNING, True, Phase.SLOWING, Then.FINISH, SLOW, "holds"),
        (Phase.HOLDING, True, Phase.SLOWING, Then.FINISH, SLOW, "holds"),
        (Phase.TURNING, False, Phase.FINISHED, Then.PAUSE, [], "paused"),
        (Phase.HOLDING, False, Phase.FINISHED, Then.PAUSE, [], "paused"),
        (Phase.SLOWING, True, Phase.SLOWING, Then.FINISH, [], ""),
        (Phase.STOPPING, True, Phase.STOPPING, Then.FINISH, [], ""),
        (Phase.FINISHED, False, Phase.FINISHED, Then.PAUSE, [], ""),
        (Phase.HANDED_OVER, False, Phase.HANDED_OVER, Then.PAUSE, [], ""),
        (Phase.FAULTED, True, Phase.FAULTED, Then.PAUSE, [], ""),
    ],
)
def test_a_shutdown_takes_the_gentlest_way_from_each_phase(  # noqa: PLR0917
    busy, phase, owed, end, then, told, lost
):
    d = Draft(replace(busy, phase=phase, owed=owed, then=Then.PAUSE, ended_by=None))
    shut_down(d)
    s = d.s
    assert (end, then, True, "shutdown") == (s.phase, s.then, s.ending, s.ended_by)
    assert told == [n.kind for n in d.notices if isinstance(n, Cue)]
    assert lost == " ".join(name for name in GRANTS if not getattr(s, name))


@pytest.mark.parametrize("phase", [Phase.SLOWING, Phase.STOPPING])
def test_a_shutdown_leaves_a_fault_a_fault_and_a_reason_a_reason(busy, phase):
    d = Draft(replace(busy, phase=phase, then=Then.FAULT, ended_by="frozen"))
    shut_down(d)
    assert (Then.FAULT, "frozen") == (d.s.then, d.s.ended_by)
