"""The live table of `fleet`: messages and keys in, rows out, until `q`. It goes on through outages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from backstride.cli.fleet_stop import Result, stop
from backstride.cli.fleet_view import (
    COLUMNS,
    Mill,
    Row,
    absorb,
    make_row,
    make_table,
    select,
    summarise,
)
from backstride.cli.live import now_ms, raw_keys
from backstride.mqtt.remote import NoBrokerError, Remote, RemoteSettings
from backstride.mqtt.walltime import wall_now

FRAME_S: Final = 0.25
"""Four pictures a second at most, whatever 200 treadmills say."""
RETRY_S: Final = 2.0
_AROUND: Final = 4
"""Lines beside the rows: title, header, message, keys."""
_KEYS: Final = "↑↓ choose   s STOP   o order   r reverse   / filter   q quit"
_UP: Final = (b"\x1b[A", b"\x1bOA", b"k")
_DOWN: Final = (b"\x1b[B", b"\x1bOB", b"j")
_ERASE: Final = (b"\x7f", b"\x08")


class FleetWatch:
    """One live table: what is known, how it is shown, and the connection of the moment."""

    def __init__(self, settings: RemoteSettings, console: Console, *, depth: int) -> None:
        self.mills: dict[str, Mill] = {}
        self.wanted = ""
        self.by = "id"
        self.backward = False
        self.chosen: str | None = None
        self.message = ""
        self._settings = settings
        self._console = console
        self._depth = depth
        self._typing = False
        self._trouble: str | None = "connecting ..."
        self._changed = asyncio.Event()
        self._done = asyncio.Event()
        self._stops: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Show until quit."""
        loop, keyboard = asyncio.get_running_loop(), sys.stdin.fileno()
        with (
            raw_keys(keyboard),
            Live(console=self._console, screen=True, auto_refresh=False) as live,
        ):
            loop.add_reader(keyboard, self._read_keys, keyboard)
            following = asyncio.create_task(self._follow(), name="follow")
            try:
                await self._draw(live)
            finally:
                loop.remove_reader(keyboard)
                # A Stop that is on its way gets its end: nobody else repeats it.
                await asyncio.gather(*self._stops, return_exceptions=True)
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    async def _draw(self, live: Live) -> None:
        while not self._done.is_set():
            live.update(self.picture(self._console.height), refresh=True)
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._changed.wait()
            await asyncio.sleep(FRAME_S)

    def rows(self) -> list[Row]:
        """Everything that is shown, in its order."""
        now = now_ms()
        known = (make_row(mill, now) for mill in self.mills.values())
        return select(known, self.wanted, self.by, backward=self.backward)

    def picture(self, height: int) -> RenderableType:
        """The screen: as many rows as there is room for, around the chosen one."""
        rows = self.rows()
        room = max(height - _AROUND, 1)
        ids = [row.id for row in rows]
        at = ids.index(self.chosen) if self.chosen in ids else 0
        first = max(min(at - room // 2, len(rows) - room), 0)
        filtered = f'   filter "{self.wanted}{"_" if self._typing else ""}"'
        title = summarise(rows) + (filtered if self.wanted or self._typing else "")
        shown = make_table(
            rows[first : first + room], self.by, backward=self.backward, chosen=self.chosen,
            width=self._console.width,
        )  # fmt: skip
        return Group(
            Text(self._trouble or title, "red" if self._trouble else "bold"),
            shown,
            Text(self.message, "yellow"),
            Text(_KEYS, "dim"),
        )

    async def _follow(self) -> None:
        while True:
            try:
                async with Remote(self._settings, depth=self._depth) as remote:
                    self._trouble = None
                    async for news in remote.news():
                        absorb(self.mills, news, wall_now())
                        self._changed.set()
            except NoBrokerError as error:
                self._trouble = str(error).partition(";")[0]
            self._changed.set()
            await asyncio.sleep(RETRY_S)

    def _read_keys(self, descriptor: int) -> None:
        data = os.read(descriptor, 64)
        if not data:
            self._done.set()
        elif data.startswith(b"\x1b") and not self._typing:
            self.press(data)
        else:
            for byte in data:
                self.press(bytes((byte,)))
        self._changed.set()

    def press(self, key: bytes) -> None:
        """Do what a key means."""
        if self._typing:
            self._type(key)
        elif key in {b"q", b"\x03"}:
            self._done.set()
        elif key in {b"s", b"S"}:
            self._stop()
        elif key == b"o":
            self.by = COLUMNS[(COLUMNS.index(self.by) + 1) % len(COLUMNS)]
        elif key == b"r":
            self.backward = not self.backward
        elif key == b"/":
            self._typing, self.wanted = True, ""
        elif key in (*_UP, *_DOWN):
            self._move(-1 if key in _UP else 1)

    def _type(self, key: bytes) -> None:
        if key in {b"\r", b"\n", b"\x1b"}:
            self._typing = False
        elif key in _ERASE:
            self.wanted = self.wanted[:-1]
        elif key.isascii() and key.decode().isprintable():
            self.wanted += key.decode()

    def _move(self, by: int) -> None:
        ids = [row.id for row in self.rows()]
        if ids:
            at = ids.index(self.chosen) + by if self.chosen in ids else 0
            self.chosen = ids[max(0, min(at, len(ids) - 1))]

    def _stop(self) -> None:
        if self.chosen is None:
            self.message = (
                "choose a treadmill with the arrows; `backstride fleet stop --all` stops all"
            )
            return
        self.message = f"{self.chosen}: STOP ..."
        task = asyncio.create_task(self._stop_one(self.chosen), name=f"stop {self.chosen}")
        self._stops.add(task)
        task.add_done_callback(self._stops.discard)

    async def _stop_one(self, treadmill: str) -> None:
        """Over a connection of its own, so that the table's outages are not the Stop's."""
        try:
            async with Remote(self._settings, depth=self._depth) as remote:
                results = await stop(remote, {treadmill: Result(id=treadmill)})
            self.message = results[treadmill].sentence
        except NoBrokerError as error:
            self.message = f"{treadmill}: NOT STOPPED, {error}"
        self._changed.set()
