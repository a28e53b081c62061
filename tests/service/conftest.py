"""A stage on virtual time for the service's tests, with a watch on calls that would block the loop."""

from __future__ import annotations

import asyncio
import logging

import pytest
import structlog

from backstride.domain.events import Ask
from backstride.domain.limits import SiteRules
from backstride.domain.notices import Reply
from backstride.domain.session import Phase
from backstride.scripts.catalogue import Catalogue
from backstride.service.simulation import Stage, on_stage
from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import run_virtual

PROGRAMS = Catalogue.load()
DAY_S = 86_400
"""No story takes longer; a story that hangs would otherwise hang for ever, in no time."""
LIMIT = 600_000
"""ms of virtual time; nothing in these tests takes longer."""


@pytest.fixture(autouse=True)
def _quiet():
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )


@pytest.fixture(autouse=True)
def _guarded(nothing_blocks):
    """Every story here is told under the watch."""


class Play:
    """A stage, and the shorthand to bring its session to any phase."""

    def __init__(self, stage, program="demo"):
        self.stage = stage
        self.program = PROGRAMS.get(program) if isinstance(program, str) else program

    @property
    def session(self):
        return self.stage.controller.session

    @property
    def log(self):
        return self.stage.machine.log

    @property
    def belt(self):
        return self.stage.machine.drive.belt.value

    @property
    def now(self):
        return self.stage.pump.now_ms()

    def act(self, action):
        self.stage.pump.act(action)

    def ask(self, ask, program=None, **values):
        return self.stage.ask(ask, program, **values)

    def sink(self, event):
        self.stage.controller.sink(event)

    async def phase(self, *phases, limit=LIMIT):
        return await self.stage.until(lambda s: s.phase in phases, limit)

    async def arm(self):
        await self.stage.until(lambda s: s.linked and s.evidence.speed is not None, LIMIT)
        answer = self.ask(Ask.START, self.program)
        assert answer.reply is Reply.OK, answer

    async def run(self, seconds=20):
        """Walk until the belt has run for so long."""
        await self.arm()
        await self.stage.confirm()
        await self.phase(Phase.RUNNING)
        await asyncio.sleep(seconds)

    async def reach(self, moment):  # noqa: C901, PLR0912  one case a moment is the point
        """Bring the session to a phase, or to a named moment of one."""
        match moment:
            case "offline":
                return
            case "idle":
                await self.phase(Phase.IDLE)
            case "armed":
                await self.arm()
            case "countdown":
                await self.arm()
                await self.stage.confirm()
                await asyncio.sleep(5)
            case "starting":
                await self.run_until_starting()
            case "running":
                await self.run()
            case "turning":
                await self.run()
                self.ask(Ask.SKIP)
                self.ask(Ask.SKIP)
                await self.phase(Phase.TURNING)
            case "turned":
                await self.reach("turning")
                await self.stage.until(lambda s: s.phase is Phase.TURNING and not s.owed, LIMIT)
            case "paused":
                await self.run()
                self.ask(Ask.PAUSE)
                await self.stage.until(lambda s: s.paused, LIMIT)
            case "slowing":
                await self.run(25)
                self.ask(Ask.PAUSE)
                await asyncio.sleep(0.2)
                assert self.session.phase is Phase.SLOWING
            case "stopping":
                await self.run(25)
                self.ask(Ask.STOP)
                await asyncio.sleep(0.5)
                assert self.session.phase is Phase.STOPPING
            case "finished":
                await self.reach("stopping")
                await self.phase(Phase.FINISHED)
            case "handed_over":
                await self.run()
                self.act(lambda machine, now: machine.console.press_speed(150, now))
                await self.phase(Phase.HANDED_OVER)
            case "faulted":
                await self.run()
                self.act(lambda machine, now: machine.drop_clients(now))
                await self.phase(Phase.FAULTED)
            case _:
                raise ValueError(moment)

    async def run_until_starting(self):
        await self.arm()
        await self.stage.confirm()
        await self.phase(Phase.STARTING)
        await asyncio.sleep(1)
        assert self.session.phase is Phase.STARTING

    async def die(self, absent=0.0):
        """The process dies without a word, and another one starts `absent` seconds later."""
        await self.stage.kill()
        await asyncio.sleep(absent)
        self.stage.revive()


@pytest.fixture
def stage_play():
    """Runs a story about a session on virtual time; returns what the story returns."""

    def run(story, *, machine="ideal", program="demo", site=None, ends_by_itself=False, **more):
        model = load_machine(machine)

        async def main():
            stage = Stage(model, site or SiteRules(), tuple(PROGRAMS), **more)
            play = Play(stage, program)
            async with asyncio.timeout(DAY_S):
                return await on_stage(stage, lambda _: story(play), ends_by_itself=ends_by_itself)

        return run_virtual(main())

    return run
