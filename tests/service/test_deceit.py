"""Machines that start faster than they may, or never say that they stand: found out, and stopped."""

from __future__ import annotations

import asyncio

from backstride.domain.events import Ask
from backstride.domain.session import Phase
from backstride.virtual.log import STOP


def test_a_belt_that_resumes_above_the_cap_is_stopped_at_once(stage_play):
    """UREVO: Start goes straight to the last speed, whoever walked at it."""

    async def story(play):
        await play.phase(Phase.IDLE)
        play.act(lambda machine, now: machine.console.press_start(now))
        await asyncio.sleep(10)
        play.act(lambda machine, now: machine.console.press_speed(320, now))
        await asyncio.sleep(15)
        assert play.belt > 300, "somebody else walked fast"
        play.act(lambda machine, now: machine.console.press_stop(now))
        await asyncio.sleep(20)
        assert play.belt == 0
        await play.arm()
        await play.stage.confirm()
        await play.phase(Phase.FAULTED)
        await play.stage.until(lambda s: not s.owed, 60_000)
        start = play.log.starts[-1].at
        over = [s.at for s in play.log.samples if s.at > start and s.speed > 120 + 30]
        stop = play.log.stops[-1].at
        return play.session.fault.cause, play.belt, stop - min(over), play.log

    cause, belt, reaction, log = stage_play(story, machine="urevo-e1l", program="cautious")
    assert ("overspeed", 0) == (cause, belt)
    assert reaction <= 3_500, "two frames, one a second"
    assert [] == log.speed_targets
    assert log.writes[-1].data == STOP


def test_a_belt_whose_rest_nobody_reports_is_called_unconfirmed(stage_play):
    async def story(play):
        await play.run(20)
        play.ask(Ask.STOP)
        await play.phase(Phase.FAULTED)
        return play.session.fault.cause, play.session.owed, play.log.stops

    faults = "after stop: mute telemetry"
    cause, owed, stops = stage_play(story, faults=faults)
    assert ("stop_unconfirmed", True) == (cause, owed)
    assert stops != []
