"""The walker of the demo: a robot that arms, confirms, turns and answers, like anybody at the broker."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from rich.text import Text

from backstride.cli.demo_stage import TREADMILL
from backstride.cli.terminal import make_console
from backstride.domain.events import Ask
from backstride.domain.notices import CueKind
from backstride.domain.session import Phase
from backstride.mqtt.remote import Remote, RemoteSettings
from backstride.mqtt.schema import State

PAUSE_S: Final = 10.0
"""A pause that somebody made from another terminal is ended by the robot after this long."""
OVER: Final = frozenset({Phase.FINISHED, Phase.FAULTED})


class Robot:
    """Takes the walker's part through the broker: arms, confirms, turns, answers check-ins."""

    def __init__(
        self, settings: RemoteSettings, program: str, factor: float, *, lines: bool
    ) -> None:
        self._settings = settings
        self._program = program
        self._reaction_s = 2.0 / factor
        self._lines = lines
        self._shown: tuple[str, str | None] | None = None
        self._armed = False
        self._answered = 0
        """The newest cue that was looked at: a check-in is answered once."""

    async def walk(self) -> bool:
        """Walk the program to its end; whether there was one."""
        async with Remote(self._settings, TREADMILL) as remote:
            async for news in remote.news():
                if news.topic != "state":
                    continue
                state = msgspec.json.decode(news.payload, type=State)
                changed = self._shown != (state.phase, state.stage)
                self._shown = (state.phase, state.stage)
                if self._lines and changed:
                    _print_line(state)
                if self._armed and state.phase in OVER:
                    return True
                await self._react(remote, state, changed=changed)
        return False

    async def _react(self, remote: Remote, state: State, *, changed: bool) -> None:
        if not self._armed:
            ready = state.phase is Phase.IDLE and state.speed.measured is not None
            if ready and await self._ask(remote, Ask.START, self._program):
                self._armed = True
        elif changed and (state.phase is Phase.ARMED or state.stage == "waiting for confirm"):
            await asyncio.sleep(self._reaction_s)
            await self._ask(remote, Ask.CONFIRM)
        elif changed and state.stage == "paused":
            await asyncio.sleep(PAUSE_S)
            await self._ask(remote, Ask.CONTINUE)
        elif state.cue is not None and state.cue.number > self._answered:
            self._answered = state.cue.number
            if state.cue.kind is CueKind.CHECK_IN:
                await self._ask(remote, Ask.PRESENT)

    async def _ask(self, remote: Remote, ask: Ask, program: str | None = None) -> bool:
        answer = await remote.send(TREADMILL, ask, program)
        if self._lines:
            make_console().print(Text(f"  {ask}: {answer.sentence}"), soft_wrap=True)
        return answer.reply == "ok"


def _print_line(state: State) -> None:
    speed = "-" if state.speed.measured is None else f"{state.speed.measured:.1f}"
    make_console().print(
        Text(f"{state.phase:<10} {speed:>4} km/h  {state.sentence}"), soft_wrap=True
    )
