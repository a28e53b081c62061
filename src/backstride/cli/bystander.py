"""The person beside the machine, asked at this terminal.

Lines are read by one thread of its own for the whole life of the command: the loop goes on watching the belt
while somebody thinks, and Ctrl-C leaves no second reader behind. When there is nobody to ask any more, the
answer is the careful one: not done, and the belt may be moving.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from contextlib import suppress
from decimal import Decimal
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from backstride.cli.terminal import make_console
from backstride.domain.judgement import Laps
from backstride.service.person import Deed

QUESTIONS: Final = frozenset({Deed.READY, Deed.ALLOW_START, Deed.OTHER_APP})
"""Answered with yes or no; the other deeds are done, or cannot be."""
LAPS: Final = 5
"""More would be more exact: five take a minute at 0.8 km/h, and a mile is 61 percent away."""
SHORTEST, LONGEST = 1_000, 10_000
"""mm; the loops of walking pads and of gym machines, with room."""
_LENGTH: Final = re.compile(r"\s*(\d{1,4}(?:\.\d{1,3})?)\s*(mm|cm|m)\s*", re.ASCII)
_SCALE: Final = {"mm": 1, "cm": 10, "m": 1_000}


def parse_length(text: str) -> int | None:
    """A belt's length in mm; None when it is not understood, or no belt is that long."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        return None
    length = int(Decimal(found[1]) * _SCALE[found[2]])
    return length if SHORTEST <= length <= LONGEST else None


class Bystander:
    """`service.person.Person` at a terminal."""

    def __init__(self, lines: TextIO | None = None, console: Console | None = None) -> None:
        self._console = console or make_console()
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        source = sys.stdin if lines is None else lines
        self._live = source.isatty()
        threading.Thread(target=self._read, args=(source,), daemon=True).start()

    def _read(self, source: TextIO) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            for line in source:
                self._loop.call_soon_threadsafe(self._lines.put_nowait, line.strip())
            self._loop.call_soon_threadsafe(self._lines.put_nowait, None)

    async def _ask(self, sentence: str, hint: str) -> str | None:
        """The next line after this sentence; None when nobody is there any more."""
        while self._live and not self._lines.empty():
            if (
                self._lines.get_nowait() is None
            ):  # else typed before the question: it answers nothing
                self._live = False
                self._lines.put_nowait(None)
        self._console.print(Text.assemble((sentence, "bold"), (f"  [{hint}] ", "dim")))
        line = await self._lines.get()
        if line is None:
            self._live = False
            self._lines.put_nowait(None)
        return line

    async def _decide(self, sentence: str, otherwise: bool) -> bool:
        while True:
            line = await self._ask(sentence, "y/n")
            if line is None:
                return otherwise
            if line[:1].casefold() in {"y", "n"}:
                return line[:1].casefold() == "y"

    async def do(self, deed: Deed) -> bool:
        """Ask for a deed."""
        if deed in QUESTIONS:
            return await self._decide(deed, otherwise=False)
        line = await self._ask(deed, "Enter when done, s if you cannot")
        return line is not None and line[:1].casefold() != "s"

    async def sees_motion(self) -> bool:
        """Ask for a look at the belt."""
        return await self._decide("Look at the belt: does it move?", otherwise=True)

    async def count_laps(self) -> Laps | None:
        """Ask for a count, timed by Enter."""
        belt = None
        while belt is None:
            line = await self._ask(
                "Count the belt's revolutions. How long is it all the way round?",
                "for example 2.6 m; s to skip",
            )
            if line is None or line[:1].casefold() == "s":
                return None
            belt = parse_length(line)
        await self._ask("Mark the belt with tape. Press Enter as the mark passes you.", "Enter")
        begun = self._loop.time()
        line = await self._ask(f"Press Enter as it passes the {LAPS}th time from now.", "Enter")
        if line is None:
            return None
        return Laps(count=LAPS, belt=belt, time=round((self._loop.time() - begun) * 1_000))
