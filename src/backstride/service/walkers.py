"""Everybody of the site and what they walked, as the daemon has them at hand: a copy from the history.

A command is judged at once and a disk is slow, so the daemon looks at a copy. It is read anew on a thread
when a glance at the last weeks shows something new. A session that lasts changes nobody's plan, and is no
news.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import msgspec
import structlog
from msgspec import Struct

from backstride.domain.progression import Now, Place, earned_level, find_place
from backstride.domain.readiness import DAY, Clearance, judge
from backstride.domain.record import Head
from backstride.domain.walker import Walker, prepare
from backstride.history.database import HistoryError
from backstride.history.store import Store
from backstride.service.journal import SUFFIX

LOOK_S: Final = 5.0
"""Seconds between two looks at the file's time: a walker who was just added is there by then."""
GLANCE: Final = 31 * DAY
"""What is older is read again only together with something new: a gym writes every few seconds."""

_LOG: Final = structlog.get_logger("backstride.walkers")


def local_now() -> Now:
    """The host's time of day, with its zone."""
    now = datetime.now().astimezone()
    ahead = now.utcoffset()
    return Now(int(now.timestamp() * 1_000), int(ahead.total_seconds()) // 60 if ahead else 0)


class Trainee(Struct, frozen=True):
    """A walker as the store has them, with their sessions."""

    walker: Walker
    heads: tuple[Head, ...] = ()

    def place(self, now: Now) -> Place:
        """Where they stand in the plan."""
        return find_place(self.heads, self.walker.max_heart_rate, now)

    @property
    def walked(self) -> int | None:
        """When they walked last, in ms since 1970."""
        return max((head.started for head in self.heads), default=None)

    def clearance(self, now: Now) -> Clearance:
        """What their answers lead to now."""
        return judge(self.walker.readiness, now.at, self.walked)

    def prepared(self, now: Now) -> Walker:
        """The walker as a session may know them."""
        return prepare(self.walker, self.clearance(now), earned_level(self.place(now)))


type Book = Mapping[str, Trainee]


def read_book(store: Store) -> Book:
    """Everybody with their sessions, by id."""
    return {
        walker.id: Trainee(walker, _over(store.heads(walker=walker.id)))
        for walker in store.walkers()
    }


def _over(heads: tuple[Head, ...]) -> tuple[Head, ...]:
    return tuple(head for head in heads if head.outcome is not None)


class Roster:
    """The copy. `version` grows with each change."""

    def __init__(self, path: Path) -> None:
        self.book: Book = {}
        self.version = 0
        self._path = path
        self._times: tuple[int, ...] = ()
        self._glance: tuple[tuple[Walker, ...], tuple[Head, ...]] = ((), ())
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Keep the copy new from now on."""
        self._task = asyncio.create_task(self._run(), name="walkers")
        return self

    async def __aexit__(self, *_: object) -> None:
        """No longer."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(LOOK_S)

    async def refresh(self) -> None:
        """Read the history if its file has changed."""
        try:
            found = await asyncio.to_thread(self._look)
        except (HistoryError, OSError) as error:
            _LOG.warning("walkers not read", reason=str(error))
            return
        if found is not None:
            self.book, self.version = found, self.version + 1

    def practice(self, walker: str) -> int:
        """How many sessions somebody has finished."""
        known = self.book.get(walker)
        return 0 if known is None else sum(head.completed for head in known.heads)

    def _look(self) -> Book | None:
        """Everybody, if there is news; on a thread."""
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        times = tuple(file.stat().st_mtime_ns for file in files if file.exists())
        if times == self._times:
            return None
        with Store(self._path, writes=False) as store:
            recent = _over(store.heads(since=local_now().at - GLANCE))
            glance = store.walkers(), recent
            found = None if glance == self._glance else read_book(store)
        self._times, self._glance = times, glance
        return None if found == self.book else found


def erase_journals(state: Path, walker: str) -> int:
    """Delete the journals of all treadmills in which a walker is named; how many."""
    # As a journal has it: a walker is written with the id first, and nothing else has both keys so.
    named = b'{"id":%s,"name":' % msgspec.json.encode(walker)
    found = [path for path in state.glob(f"*/journal/*{SUFFIX}") if named in path.read_bytes()]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)
