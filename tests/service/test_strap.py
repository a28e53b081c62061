"""A strap beside a treadmill: what it measures reaches the session, its state, and the belt."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from backstride.domain.events import HeartRate
from backstride.domain.evidence import Evidence
from backstride.domain.heart import Source
from backstride.domain.session import Phase, Session
from backstride.domain.walker import Walker
from backstride.domain.workout import Facing
from backstride.ftms.radio import Radio
from backstride.ftms.strap import BleakStrap
from backstride.mqtt.body import EnergyState, HeartState
from backstride.service import body
from backstride.service.account import Account
from backstride.service.clock import LoopClock
from backstride.service.radios import Radios
from backstride.service.settings import VIRTUAL, Treadmill
from backstride.service.strap import find_strap, spares_radio, wear
from backstride.virtual.strap import RESTING, Mood, VirtualStrap


@asynccontextmanager
async def worn(play, highest=180):
    """A strap on the stage's own air, heard by its session."""
    controller, air = play.stage.controller, play.stage.air
    controller.session = replace(controller.session, max_heart_rate=highest)
    strap = VirtualStrap(now_ms=play.now)
    pump = await air.serve(strap)
    adapter = BleakStrap(
        strap.address,
        clock=LoopClock(),
        radio=Radio(client=air.client_backend(), scanner=air.scanner_backend()),
        rng=random.Random(7),
        free=lambda: spares_radio(controller.session),
    )
    async with wear([(adapter, controller.sink)]):
        yield strap, pump


def state(play):
    controller = play.stage.controller
    return controller.view.state(controller.session, controller.session.now, "t")


@pytest.mark.hazard("H30")
def test_a_heart_above_its_ceiling_holds_the_belt_and_then_brings_it_down(stage_play):
    async def story(play):
        async with worn(play) as (strap, _):
            await play.run(12)
            assert (RESTING, 152) == (state(play).heart_rate, state(play).heart.ceiling)
            strap.bpm, before = 170, play.session.drive.target
            await play.phase(Phase.HOLDING, limit=15_000)
            held = play.now
            await asyncio.sleep(40)
            writes = [w.speed_target for w in play.log.speed_writes if w.at >= held]
            shown = state(play)
            strap.bpm = 120
            await play.phase(Phase.RUNNING, limit=30_000)
            return before, writes, shown

    before, writes, shown = stage_play(story)
    assert writes == sorted(writes, reverse=True)
    assert before > writes[-1]
    assert ("heart_rate",) == shown.holding
    assert HeartState(
        rate=170, source=Source.STRAP, ceiling=152, over=True, contact=True, battery=80
    ) == (shown.heart)


@pytest.mark.hazard("H30")
def test_a_strap_that_comes_off_above_the_ceiling_ends_no_hold(stage_play):
    async def story(play):
        async with worn(play) as (strap, pump):
            await play.run(12)
            strap.bpm = 170
            await play.phase(Phase.HOLDING, limit=15_000)
            pump.act(lambda strap, now: strap.set_mood(Mood.LOOSE, now))
            await asyncio.sleep(60)
            return play.session.phase, state(play)

    phase, shown = stage_play(story)
    assert Phase.HOLDING is phase
    assert (None, False, None) == (shown.heart_rate, shown.heart.contact, shown.heart.source)


def test_without_a_strap_a_session_is_as_ever_and_nothing_is_told_of_a_heart(stage_play):
    async def story(play):
        await play.run(12)
        return state(play)

    shown = stage_play(story)
    assert (Phase.RUNNING, None, None) == (shown.phase, shown.heart_rate, shown.heart)


def test_the_treadmill_needs_the_radio_while_a_moving_belt_has_no_link():
    assert spares_radio(Session())
    assert spares_radio(Session(owed=True, linked=True))
    assert not spares_radio(Session(owed=True))


async def test_a_virtual_strap_is_on_the_air_of_the_virtual_treadmill_and_follows_its_belt():
    treadmill = Treadmill(id="lab", name="Lab", virtual="ideal", strap=VIRTUAL)
    radios, heard = Radios(), asyncio.Queue()
    await radios.provide(treadmill)
    strap = await find_strap(treadmill, radios, Session)
    machine, heart = (radios.pumps[name].machine for name in ("lab", "lab/strap"))
    assert machine.drive.belt.value == heart.walks()
    async with wear([(strap, heard.put_nowait)]):
        first = await asyncio.wait_for(heard.get(), 20)
    assert (HeartRate, RESTING, True) == (type(first), first.bpm, first.contact)
    await radios._air.close()


async def test_a_real_strap_is_looked_for_on_the_treadmills_adapter():
    treadmill = Treadmill(id="x", name="X", adapter="hci1", strap="AA:BB:CC:DD:EE:FF")
    strap = await find_strap(treadmill, Radios(), Session)
    assert ("AA:BB:CC:DD:EE:FF", "hci1") == (strap.address, strap._radio.adapter)


@pytest.mark.hazard("H30")
async def test_a_broken_strap_takes_nothing_down():
    class Broken(BleakStrap):
        async def run(self, sink):  # noqa: ARG002  it never comes so far
            raise RuntimeError("a defect")

    async with wear([(Broken("AA:BB:CC:DD:EE:FF", clock=LoopClock()), print)]):
        before = asyncio.all_tasks()
        await asyncio.sleep(0)
        assert asyncio.current_task() in before


def test_hearts_follow_the_belt_as_slowly_as_hearts_do():
    strap = VirtualStrap()
    strap.walks = lambda: 300
    strap.connect("a", 0)
    strap.subscribe("a", next(c.uuid for c in strap.characteristics), 0)
    strap.advance(10_000)
    assert RESTING + 10 == strap.bpm
    strap.advance(200_000)
    assert RESTING + 54 == strap.bpm


# -- what it costs -----------------------------------------------------------------------------------


ADA = Walker(id="ada", name="Ada")


def backward(account, minutes=10, person=ADA):
    begun = Session(
        phase=Phase.RUNNING, facing=Facing.BACKWARD, person=person,
        evidence=Evidence(speed=200, incline=0),
    )  # fmt: skip
    ended = replace(begun, walked=minutes * 60_000)
    account.follow(Session(), begun)
    account.follow(begun, ended)
    return ended


def practised(sessions):
    account = Account()
    account.practice = {"ada": sessions}.__getitem__
    return account


def test_ten_minutes_cost_what_the_facts_say_with_their_range():
    account = practised(12)
    ended = backward(account)
    assert (26.72, 35.63, 44.54) == account.range
    assert EnergyState(kcal=35.63, low=26.72, high=44.54, met=2.71) == body.cost(ended, account)


@pytest.mark.parametrize(
    ("sessions", "person", "expected"),
    [
        (0, ADA, 43.13),  # k = 2.4: 11.5 ml/kg/min
        (6, ADA, 39.38),  # k = 2.1
        (12, replace(ADA, weight=100_000), 47.5),
        (12, None, 43.13),  # nobody said who walks: a novice of 75 kg
    ],
)
def test_what_it_costs_goes_by_weight_and_practice(sessions, person, expected):
    account = practised(sessions)
    backward(account, person=person)
    assert expected == account.energy


def test_before_the_first_step_nothing_is_said_of_energy():
    assert body.cost(Session(), Account()) is None
