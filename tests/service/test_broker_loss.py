"""The broker goes and comes: the belt holds at once, comes down after 15 s, and flapping gains no time."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from backstride.domain.events import BusDown, BusUp
from backstride.domain.session import Phase
from backstride.scripts.catalogue import Catalogue

DEMO = Catalogue.load().get("demo")
OUTAGE = 15_000
"""ms without a broker before the belt comes down."""


def go(play):
    play.sink(BusDown(at=play.now))


def come(play):
    play.sink(BusUp(at=play.now))


@pytest.mark.hazard("H12")
def test_a_session_without_a_broker_holds_at_once_and_comes_down_after_15_s(stage_play):
    async def story(play):
        await play.run(12)
        gone, script = play.now, play.session.script
        go(play)
        assert play.session.phase is Phase.HOLDING
        await asyncio.sleep(14.5)
        assert (Phase.HOLDING, script) == (play.session.phase, play.session.script)
        await play.phase(Phase.SLOWING)
        slowed = play.now - gone
        await play.phase(Phase.FAULTED)
        held = [w.speed_target for w in play.log.speed_writes if gone <= w.at < gone + OUTAGE]
        down = [w.speed_target for w in play.log.speed_writes if w.at >= gone + OUTAGE]
        return slowed, held, down, play

    slowed, held, down, play = stage_play(story)
    assert 15_000 <= slowed <= 15_700
    assert held == []
    assert sorted(down, reverse=True) == down
    assert down != []
    assert ("broker_lost", 0) == (play.session.fault.cause, play.belt)
    assert len(play.log.stops) == 1


def test_a_broker_that_comes_back_in_time_lets_the_script_go_on(stage_play):
    async def story(play):
        await play.run(12)
        go(play)
        await asyncio.sleep(10)
        come(play)
        await asyncio.sleep(0.5)
        assert play.session.phase is Phase.RUNNING
        script = play.session.script
        await asyncio.sleep(5)
        return play.session.script - script, play.session.fault

    passed, fault = stage_play(story)
    assert 4_500 <= passed <= 5_500
    assert fault is None


@pytest.mark.hazard("H12")
def test_a_flapping_broker_cannot_postpone_the_end(stage_play):
    async def story(play):
        await play.run(12)
        begun = play.now
        for _ in range(20):
            go(play)
            await asyncio.sleep(2)
            come(play)
            await asyncio.sleep(1)
            if play.session.phase is not Phase.RUNNING:
                break
        await play.phase(Phase.FAULTED)
        return play.now - begun, play.session.fault.cause, play.belt

    took, cause, belt = stage_play(story)
    assert ("broker_lost", 0) == (cause, belt)
    assert took < 50_000


def test_an_unsupervised_program_goes_on_without_a_broker(stage_play):
    async def story(play):
        await play.run(12)
        go(play)
        await asyncio.sleep(25)
        return play.session.phase, play.session.fault

    phase, fault = stage_play(story, program=replace(DEMO, unsupervised=True))
    assert (Phase.RUNNING, None) == (phase, fault)


@pytest.mark.hazard("H12")
@pytest.mark.parametrize(
    "moment", ["armed", "countdown", "starting", "turning", "paused", "slowing"]
)
def test_a_broker_lost_at_any_moment_ends_with_a_belt_at_rest(moment, stage_play):
    async def story(play):
        await play.reach(moment)
        go(play)
        await asyncio.sleep(700)
        return play.belt, play.session.owed, play.log

    belt, owed, log = stage_play(story)
    assert (0, False) == (belt, owed)
    assert log.moving_starts() == []
