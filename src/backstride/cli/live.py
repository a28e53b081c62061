"""The live view in a terminal: messages and keys in, `dashboard.render` out, until `q`.

It goes on through broker outages: each attempt is a new connection, and what was known turns grey.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import termios
import time
import tty
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace
from rich.console import Console
from rich.live import Live

from backstride.cli.dashboard import render
from backstride.cli.sight import MESSAGE_LASTS, Message, Screen, absorb
from backstride.domain.events import Ask
from backstride.domain.notices import Reply
from backstride.domain.session import Phase
from backstride.domain.units import SECOND, Ms
from backstride.mqtt.remote import NoAnswerError, NoBrokerError, Remote, RemoteSettings

FRAME_S: Final = 0.1
"""Ten pictures a second at most; without news one a second, for the countdowns."""
RETRY_S: Final = 2.0
_ESCAPE: Final = b"\x1b"
_SEQUENCE: Final = re.compile(rb"\x1b[\[O][0-9;?]*[A-Za-z~]")
_QUIT: Final = frozenset({b"q", b"\x03"})
_ASKS: Final[dict[bytes, Ask]] = {
    b"s": Ask.STOP, b"S": Ask.STOP, _ESCAPE: Ask.STOP,
    b"a": Ask.START, b"c": Ask.CONFIRM, b"n": Ask.SKIP, b"+": Ask.FASTER, b"=": Ask.FASTER,
    b"-": Ask.SLOWER, b"f": Ask.FINISH, b"k": Ask.ACKNOWLEDGE, b"y": Ask.PRESENT,
}  # fmt: skip


def now_ms() -> Ms:
    """This process's clock."""
    return time.monotonic_ns() // 1_000_000


@contextlib.contextmanager
def raw_keys(descriptor: int) -> Iterator[None]:
    """Keys come at once and are not echoed, while inside; Ctrl-C still ends the program."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class Watch:
    """One live view: what is known, what was pressed, and the connection of the moment."""

    def __init__(
        self,
        settings: RemoteSettings,
        selected: str | None,
        console: Console,
        factor: float = 1.0,
    ) -> None:
        """`factor`: how much faster than life the watched session runs, as in the demo."""
        self._factor = factor
        self.screen = Screen(now=self.now(), selected=selected)
        self._settings = settings
        self._console = console
        self._remote: Remote | None = None
        self._changed = asyncio.Event()
        self._done = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    def now(self) -> Ms:
        """The time of the session that is watched."""
        return round(now_ms() * self._factor)

    async def run(self) -> None:
        """Show until quit."""
        loop = asyncio.get_running_loop()
        keyboard = sys.stdin.fileno()
        with (
            raw_keys(keyboard),
            Live(
                console=self._console, screen=True, auto_refresh=False, vertical_overflow="crop"
            ) as live,
        ):
            loop.add_reader(keyboard, self._read_keys, keyboard)
            following = asyncio.create_task(self._follow(), name="follow")
            try:
                await self._draw(live)
            finally:
                loop.remove_reader(keyboard)
                for task in (following, *self._sending):
                    task.cancel()
                await asyncio.gather(following, *self._sending, return_exceptions=True)

    async def _draw(self, live: Live) -> None:
        while not self._done.is_set():
            self.screen = replace(self.screen, now=self.now())
            live.update(render(self.screen, self._console.height), refresh=True)
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._changed.wait()
            await asyncio.sleep(FRAME_S)

    async def _follow(self) -> None:
        while True:
            try:
                async with Remote(self._settings) as remote:
                    self._remote = remote
                    self._put(replace(self.screen, trouble=None))
                    async for news in remote.news():
                        self._put(absorb(self.screen, replace(news, at=self.now())))
            except NoBrokerError as error:
                self._put(replace(self.screen, trouble=str(error).partition(";")[0]))
            finally:
                self._remote = None
            await asyncio.sleep(RETRY_S)

    def _put(self, screen: Screen) -> None:
        self.screen = screen
        self._changed.set()

    def _read_keys(self, descriptor: int) -> None:
        data = os.read(descriptor, 64)
        if not data:
            self._done.set()
        # Arrows and the like mean nothing here, but they begin with the key that means STOP.
        for byte in _SEQUENCE.sub(b"", data):
            self.press(bytes((byte,)))
        self._changed.set()

    def press(self, key: bytes) -> None:
        """Do what a key means."""
        if key in _QUIT:
            self._done.set()
        elif key == b"\t":
            self._next_treadmill()
        elif key == b" ":
            sight = self.screen.sight
            paused = sight is not None and sight.phase is Phase.HOLDING
            self._send(Ask.CONTINUE if paused else Ask.PAUSE)
        elif key == b"p":
            self._next_program()
        elif key in _ASKS:
            self._send(_ASKS[key])

    def _next_treadmill(self) -> None:
        ids = [sight.id for sight in self.screen.sights]
        if ids and self.screen.sight is not None:
            after = (ids.index(self.screen.sight.id) + 1) % len(ids)
            self._put(replace(self.screen, selected=ids[after]))

    def _next_program(self) -> None:
        sight = self.screen.sight
        if sight is None or sight.programs is None:
            return
        ids = [p.id for p in sight.programs.programs if p.refusal is None]
        if not ids:
            return
        chosen = sight.programs.selected
        at = (ids.index(chosen) + 1) % len(ids) if chosen in ids else 0
        self._send(Ask.SELECT, ids[at])

    def _send(self, ask: Ask, program: str | None = None) -> None:
        sight, remote = self.screen.sight, self._remote
        if sight is None or remote is None:
            self.say(f"{ask}: not sent, there is no connection", good=False)
            return
        task = asyncio.create_task(self._ask(remote, sight.id, ask, program), name=f"ask {ask}")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _ask(self, remote: Remote, treadmill: str, ask: Ask, program: str | None) -> None:
        self.say(f"{ask} ...", good=True)
        try:
            answer = await remote.send(treadmill, ask, program)
        except (NoAnswerError, NoBrokerError) as error:
            self.say(f"{ask}: {error}", good=False)
        else:
            self.say(f"{ask}: {answer.sentence}", good=answer.reply is Reply.OK)

    def say(self, text: str, *, good: bool) -> None:
        """Show a sentence for as long as a person needs to read it, however fast the session is."""
        at = self.now() + round((self._factor - 1) * MESSAGE_LASTS)
        self._put(replace(self.screen, message=Message(at, text, good)))


async def look(settings: RemoteSettings, selected: str | None, wait: Ms = SECOND) -> Screen:
    """One look at everything that is retained on the broker.

    Raises:
        NoBrokerError: there is no connection.
    """
    screen = Screen(now=now_ms(), selected=selected)
    async with Remote(settings) as remote:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait / SECOND):
                async for news in remote.news():
                    screen = absorb(screen, news)
    return replace(screen, now=now_ms())
