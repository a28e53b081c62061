"""Every row of the table, reached by something that can happen; whatever it lacks raises."""

from __future__ import annotations

import pytest

from backstride.domain import events
from backstride.domain.errors import TransitionError
from backstride.domain.events import Ask, Ownership, Status
from backstride.domain.machine import BeltStart
from backstride.domain.session import ACTIVE, MOVING, TABLE, Draft, Phase, Session, Trigger

RECORD = Ownership(fingerprint="bench", program="x", target=100, distance=0, elapsed=0)

# --- how to get into each phase --------------------------------------------------------------------


def offline(_rig):
    """Nothing has happened yet."""


def idle(rig):
    rig.connect()


def armed(rig):
    idle(rig)
    rig.ask(Ask.START, rig.chosen)


def countdown(rig):
    armed(rig)
    rig.ask(Ask.CONFIRM)


def starting(rig):
    rig.start_delay = 5_000
    countdown(rig)
    rig.until(Phase.STARTING)


def running(rig):
    rig.run(rig.chosen)


def turning(rig):
    running(rig)
    rig.until(Phase.TURNING)


def turned(rig):
    turning(rig)
    rig.until(Phase.STOPPING).until(Phase.TURNING)


def holding(rig):
    running(rig)
    rig.feed(events.BusDown(at=rig.now))


def paused(rig):
    running(rig)
    rig.ask(Ask.PAUSE)
    rig.until(Phase.HOLDING)


def slowing(rig):
    running(rig)
    rig.until_speed(100)
    rig.ask(Ask.PAUSE)


def pausing(rig):
    slowing(rig)
    rig.until(Phase.STOPPING)


def stopping_to_turn(rig):
    turning(rig)
    rig.until(Phase.STOPPING)


def stopping(rig):
    running(rig)
    rig.ask(Ask.STOP)


def finished(rig):
    stopping(rig)
    rig.until(Phase.FINISHED)


def handed_over(rig):
    running(rig)
    rig.status(Status.STOPPED_BY_USER)


def handed_over_in_a_fault(rig):
    running(rig)
    rig.until_speed(100)
    rig.feed(events.Tick(at=rig.now, slept=4_000))
    rig.status(Status.TARGET_SPEED, 700)


def faulted(rig):
    running(rig)
    rig.disconnect()


# --- what can happen then --------------------------------------------------------------------------


def asking(ask):
    def act(rig):
        rig.ask(ask, rig.chosen if ask is Ask.START else None)

    act.__name__ = f"asking to {ask}"
    return act


def link_up(rig):
    rig.connect()


def link_down(rig):
    rig.disconnect()


def waiting(rig):
    for _ in range(9_000):
        if rig.walked_on():
            return
        rig.tick()


def key_pulled(rig):
    rig.status(Status.SAFETY_KEY)


def belt_moves(rig):
    rig.target = 60
    rig.seconds(3)


def belt_stands(rig):
    rig.target = 0
    rig.seconds(5)


def stuck(rig):
    rig.stuck = True
    rig.seconds(25)


def asleep(rig):
    rig.feed(events.Tick(at=rig.now, slept=4_000))


def bus_back(rig):
    rig.feed(events.BusUp(at=rig.now))
    rig.tick()


def bus_gone_long(rig):
    rig.seconds(16)


def shutdown(rig):
    rig.feed(events.Shutdown(at=rig.now))


def recognised_moving(rig):
    rig.speed = rig.target = 100
    rig.feed(events.Adopt(at=rig.now, record=RECORD, age=2_000))
    rig.seconds(2)


def recognised_still(rig):
    rig.feed(events.Adopt(at=rig.now, record=RECORD, age=60_000))
    rig.seconds(2)


ROWS = {
    (Phase.OFFLINE, Trigger.LINK_UP): (offline, link_up),
    (Phase.OFFLINE, Trigger.STOP): (offline, asking(Ask.STOP)),
    (Phase.IDLE, Trigger.LINK_DOWN): (idle, link_down),
    (Phase.IDLE, Trigger.ARM): (idle, asking(Ask.START)),
    (Phase.IDLE, Trigger.STOP): (idle, asking(Ask.STOP)),
    (Phase.IDLE, Trigger.SLOW): (idle, recognised_moving),
    (Phase.IDLE, Trigger.FAULT): (idle, recognised_still),
    (Phase.ARMED, Trigger.LINK_DOWN): (armed, link_down),
    (Phase.ARMED, Trigger.DISARM): (armed, waiting),
    (Phase.ARMED, Trigger.CONFIRM): (armed, asking(Ask.CONFIRM)),
    (Phase.ARMED, Trigger.ARM): (armed, asking(Ask.START)),
    (Phase.ARMED, Trigger.STOP): (armed, asking(Ask.STOP)),
    (Phase.COUNTDOWN, Trigger.LINK_DOWN): (countdown, link_down),
    (Phase.COUNTDOWN, Trigger.DISARM): (countdown, shutdown),
    (Phase.COUNTDOWN, Trigger.START): (countdown, waiting),
    (Phase.COUNTDOWN, Trigger.STOP): (countdown, asking(Ask.STOP)),
    (Phase.COUNTDOWN, Trigger.HAND_OVER): (countdown, belt_moves),
    (Phase.STARTING, Trigger.LINK_DOWN): (starting, link_down),
    (Phase.STARTING, Trigger.MOTION): (starting, waiting),
    (Phase.STARTING, Trigger.SLOW): (starting, asleep),
    (Phase.STARTING, Trigger.STOP): (starting, key_pulled),
    (Phase.RUNNING, Trigger.LINK_DOWN): (running, link_down),
    (Phase.RUNNING, Trigger.TURN): (running, waiting),
    (Phase.RUNNING, Trigger.HOLD): (running, lambda rig: rig.feed(events.BusDown(at=rig.now))),
    (Phase.RUNNING, Trigger.SLOW): (running, asking(Ask.PAUSE)),
    (Phase.RUNNING, Trigger.STOP): (running, asking(Ask.STOP)),
    (Phase.RUNNING, Trigger.HAND_OVER): (running, key_pulled),
    (Phase.TURNING, Trigger.LINK_DOWN): (turned, link_down),
    (Phase.TURNING, Trigger.CONFIRM): (turned, asking(Ask.CONFIRM)),
    (Phase.TURNING, Trigger.SLOW): (turning, asleep),
    (Phase.TURNING, Trigger.STOP): (turning, waiting),
    (Phase.TURNING, Trigger.STILL): (turned, waiting),
    (Phase.TURNING, Trigger.HAND_OVER): (turning, key_pulled),
    (Phase.HOLDING, Trigger.LINK_DOWN): (holding, link_down),
    (Phase.HOLDING, Trigger.RELEASE): (holding, bus_back),
    (Phase.HOLDING, Trigger.CONFIRM): (paused, asking(Ask.CONTINUE)),
    (Phase.HOLDING, Trigger.SLOW): (holding, bus_gone_long),
    (Phase.HOLDING, Trigger.STOP): (holding, asking(Ask.STOP)),
    (Phase.HOLDING, Trigger.STILL): (paused, waiting),
    (Phase.HOLDING, Trigger.HAND_OVER): (holding, key_pulled),
    (Phase.SLOWING, Trigger.LINK_DOWN): (slowing, link_down),
    (Phase.SLOWING, Trigger.SLOW): (slowing, lambda rig: rig.sink_deck(6)),
    (Phase.SLOWING, Trigger.STOP): (slowing, waiting),
    (Phase.SLOWING, Trigger.HAND_OVER): (slowing, key_pulled),
    (Phase.STOPPING, Trigger.LINK_DOWN): (stopping, link_down),
    (Phase.STOPPING, Trigger.STOP): (stopping, asking(Ask.STOP)),
    (Phase.STOPPING, Trigger.STILL): (stopping, waiting),
    (Phase.STOPPING, Trigger.PAUSED): (pausing, waiting),
    (Phase.STOPPING, Trigger.TURNED): (stopping_to_turn, waiting),
    (Phase.STOPPING, Trigger.FAULT): (stopping, stuck),
    (Phase.FINISHED, Trigger.LINK_DOWN): (finished, link_down),
    (Phase.FINISHED, Trigger.ARM): (finished, asking(Ask.START)),
    (Phase.FINISHED, Trigger.STOP): (finished, asking(Ask.STOP)),
    (Phase.FINISHED, Trigger.ACKNOWLEDGE): (finished, asking(Ask.ACKNOWLEDGE)),
    (Phase.HANDED_OVER, Trigger.LINK_DOWN): (handed_over, link_down),
    (Phase.HANDED_OVER, Trigger.STOP): (handed_over, asking(Ask.STOP)),
    (Phase.HANDED_OVER, Trigger.STILL): (handed_over, belt_stands),
    (Phase.HANDED_OVER, Trigger.FAULT): (handed_over_in_a_fault, belt_stands),
    (Phase.FAULTED, Trigger.LINK_DOWN): (lambda rig: (faulted(rig), link_up(rig)), link_down),
    (Phase.FAULTED, Trigger.STOP): (faulted, asking(Ask.STOP)),
    (Phase.FAULTED, Trigger.ACKNOWLEDGE): (
        lambda rig: (faulted(rig), link_up(rig), rig.seconds(10)),
        asking(Ask.ACKNOWLEDGE),
    ),
    (Phase.STARTING, Trigger.HAND_OVER): (None, None),
}


class Spy(Draft):
    """Writes down which rows were used."""

    used: set

    def move(self, trigger, **changes):
        Spy.used.add((self.s.phase, trigger))
        super().move(trigger, **changes)


@pytest.fixture
def used(monkeypatch):
    Spy.used = set()
    monkeypatch.setattr("backstride.domain.step.Draft", Spy)
    return lambda: Spy.used


@pytest.fixture
def ready(rig, make_program):
    rig.chosen = make_program()
    rig.walked_on = lambda: False
    return rig


def until_speed(rig, speed):
    for _ in range(600):
        if rig.speed >= speed:
            return
        rig.tick()
    raise AssertionError("too slow")


@pytest.mark.parametrize("row", [row for row, how in ROWS.items() if how[0]], ids="-".join)
def test_each_row_of_the_table_is_reached(ready, used, row):
    rig = ready
    rig.until_speed = lambda speed: until_speed(rig, speed)
    rig.sink_deck = lambda seconds: sink(rig, seconds)
    reach, act = ROWS[row]
    reach(rig)
    assert row[0] is rig.session.phase
    used().clear()
    rig.walked_on = lambda: row in used()
    act(rig)
    assert row in used()


def sink(rig, seconds):
    rig.stuck = True
    rig.incline = -5
    rig.seconds(seconds)


def test_a_console_machine_hands_over_when_its_key_is_pulled_before_it_moved(
    make_rig, make_machine, used
):
    rig = make_rig(machine=make_machine(belt_start=BeltStart.CONSOLE))
    rig.connect().start().until(Phase.STARTING)
    key_pulled(rig)
    assert (Phase.STARTING, Trigger.HAND_OVER) in used()
    assert rig.commands(object)[-1][1].__class__.__name__ == "RequestControl"


def test_the_scenarios_are_the_table():
    assert {(phase, trigger) for phase, row in TABLE.items() for trigger in row} == set(ROWS)


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("trigger", list(Trigger))
def test_a_pair_that_the_table_lacks_raises_and_changes_nothing(phase, trigger):
    draft = Draft(Session(phase=phase))
    if trigger in TABLE[phase]:
        draft.move(trigger)
        assert TABLE[phase][trigger] is draft.s.phase
        return
    with pytest.raises(TransitionError, match=f"{phase} has no transition for {trigger}"):
        draft.move(trigger)
    assert (phase, []) == (draft.s.phase, draft.notices)


@pytest.mark.hazard("H09", "H15")
def test_stop_has_a_row_in_every_phase_and_so_has_the_loss_of_a_link():
    assert all(Trigger.STOP in row for row in TABLE.values())
    connected = set(Phase) - {Phase.OFFLINE}
    assert all(Trigger.LINK_DOWN in TABLE[phase] for phase in connected)


@pytest.mark.hazard("H01")
def test_a_start_has_one_door_and_motion_another():
    assert [Phase.COUNTDOWN] == [p for p, row in TABLE.items() if Trigger.START in row]
    assert [Phase.STARTING] == [p for p, row in TABLE.items() if Trigger.MOTION in row]
    assert MOVING < ACTIVE
