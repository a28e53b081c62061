"""Everybody of the site and what they walked, as the daemon has them at hand: a copy from the history.

A command is judged at once and a disk is slow, so the daemon looks at a copy. It is read anew on a thread
when a glance at the last weeks shows something new. A session that lasts changes nobody's plan, and is no
news.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
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
from backstride.history.database import HistoryError, NothingYetError
from backstride.history.store import Store
from backstride.service.journal import SUFFIX

LOOK_S: Final = 5.0
"""Seconds between two looks at the file: a walker who was just added is there by then."""
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
    """The copy. `version` grows with each change.

    What the file's time says is older than what can be read: a commit is seen only after its fsync. So one
    connection stays open, and SQLite tells by it whether somebody has changed the file.
    """

    def __init__(self, path: Path) -> None:
        self.book: Book = {}
        self.version = 0
        self.known = False
        """The history was read: whoever is not in the book is nobody here."""
        self.gone: list[Callable[[], None]] = []
        """Called when somebody is in the book no more."""
        self._path = path
        self._store: Store | None = None
        self._changes = 0
        self._looking = threading.Lock()
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
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Close the file, after a look that may be under way; on a thread."""
        with self._looking:
            self._close()

    async def _run(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(LOOK_S)

    async def refresh(self) -> None:
        """Read the history if its file has changed."""
        try:
            found = await asyncio.to_thread(self._look)
        except NothingYetError:
            return
        except (HistoryError, OSError) as error:
            _LOG.warning("walkers not read", reason=str(error))
            return
        if found is None:
            return
        before, self.book, self.known = self.book, found, True
        if found == before:
            return
        self.version += 1
        if before.keys() - found.keys():
            for tell in self.gone:
                tell()

    def practice(self, walker: str) -> int:
        """How many sessions somebody has finished."""
        known = self.book.get(walker)
        return 0 if known is None else sum(head.completed for head in known.heads)

    def _look(self) -> Book | None:
        """Everybody, if there is news; on a thread."""
        with self._looking:
            if self._store is None and not self._path.exists():
                return None
            try:
                return self._read()
            except HistoryError:
                self._close()
                raise

    def _read(self) -> Book | None:
        first = self._store is None
        store = self._store = self._store or Store(self._path, writes=False)
        changes = store.changes  # before the rows: what comes in between is read once more
        if not first and changes == self._changes:
            return None
        glance = store.walkers(), _over(store.heads(since=local_now().at - GLANCE))
        found = None if glance == self._glance and self.known else read_book(store)
        self._changes, self._glance = changes, glance
        return found

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()


def erase_journals(state: Path, walker: str) -> int:
    """Delete the journals of all treadmills in which a walker is named; how many."""
    # As a journal has it: a walker is written with the id first, and nothing else has both keys so.
    named = b'{"id":%s,"name":' % msgspec.json.encode(walker)
    found = [path for path in state.glob(f"*/journal/*{SUFFIX}") if named in path.read_bytes()]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)
