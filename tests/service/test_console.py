"""A machine that only its own console starts: the walker presses, and we take over the slow belt."""

from __future__ import annotations

import asyncio

import pytest

from backstride.domain.machine import BeltStart
from backstride.domain.session import Phase
from backstride.service.simulation import walk
from backstride.virtual.log import STOP


@pytest.mark.hazard("H01")
def test_a_whole_session_runs_on_a_machine_that_its_console_starts(stage_play):
    async def story(play):
        async def press():
            while True:
                await play.phase(Phase.STARTING)
                await asyncio.sleep(5)
                play.act(lambda machine, now: machine.console.press_start(now))
                await play.stage.until(lambda s: s.phase is not Phase.STARTING, 60_000)

        pressing = asyncio.create_task(press())
        await walk(play.stage, play.program)
        pressing.cancel()
        return play.session, play.log, play.belt

    session, log, belt = stage_play(story, machine="console-only", belt_start=BeltStart.CONSOLE)
    assert (Phase.FINISHED, "completed", 0) == (session.phase, session.ended_by, belt)
    assert [] == log.starts, "the walker starts it, not we"
    assert 3 == len(log.stops)
    assert log.top_speed <= 200
    assert log.writes[-1].data == STOP


def test_nobody_presses_start_and_the_session_ends(stage_play):
    async def story(play):
        await play.arm()
        await play.stage.confirm()
        await play.phase(Phase.FAULTED)
        return play.session.fault.cause, play.log

    cause, log = stage_play(story, machine="console-only", belt_start=BeltStart.CONSOLE)
    assert ("start_failed", 0, []) == (cause, log.top_speed, log.starts)
