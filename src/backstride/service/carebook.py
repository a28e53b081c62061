"""The record of what was done for a treadmill's connection: a few lines on the disk that `doctor` shows.

One small file beside each treadmill's lock holds the newest steps and nothing else. It is replaced when
a step was taken, off the loop and without an fsync: it is worth a look after a bad evening, and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from backstride.ftms.care import Healing

_LOG: Final = structlog.get_logger("backstride.service")

FILE: Final = "bluetooth.json"
KEPT: Final = 40
"""The newest steps of a treadmill; the policy takes few, so they reach far back."""
_LARGEST: Final = 100_000
"""Bytes that are read; forty steps are a tenth of it."""


class Entry(Struct, frozen=True, kw_only=True):
    """A step, when it was taken (ISO 8601, UTC), and why; `error` when it was not done after all."""

    time: str
    step: str
    reason: str
    adapter: str | None = None
    address: str | None = None
    error: str | None = None


def read_steps(home: Path) -> list[Entry]:
    """The steps in a treadmill's directory, oldest first; none when there is no readable record."""
    try:
        with (home / FILE).open("rb") as file:
            return msgspec.json.decode(file.read(_LARGEST), type=list[Entry])
    except (OSError, msgspec.DecodeError):
        return []


class CareBook:
    """Writes the steps of all treadmills of a process; `stamp` says the time of day."""

    def __init__(self, stamp: Callable[[], str]) -> None:
        self._stamp = stamp
        self._homes: dict[str, Path] = {}
        self._waiting: list[tuple[Path, Entry]] = []
        self._writing: asyncio.Future[None] | None = None

    def open(self, treadmill: str, home: Path) -> None:
        """The steps of this treadmill go into this directory from now on."""
        self._homes[treadmill] = home

    def note(self, healing: Healing) -> None:
        """Record a step. Returns at once; a disk that fails is logged, and is no trouble otherwise."""
        home = self._homes.get(healing.treadmill)
        if home is None:
            return
        entry = Entry(
            time=self._stamp(),
            step=healing.step,
            reason=healing.reason,
            adapter=healing.adapter,
            address=healing.address,
            error=healing.error,
        )
        self._waiting.append((home, entry))
        self._write()

    async def settle(self) -> None:
        """Return when everything that was noted is written."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    def _write(self) -> None:
        if self._writing is not None or not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, _append, waiting)
        self._writing.add_done_callback(self._written)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        if writing.cancelled():
            return
        if error := writing.exception():
            _LOG.warning("care not recorded", reason=str(error))
        self._write()


def _append(waiting: list[tuple[Path, Entry]]) -> None:
    for home, entry in waiting:
        steps = [*read_steps(home), entry][-KEPT:]
        draft = home / f"{FILE}.new"
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(steps), indent=1))
        draft.replace(home / FILE)
