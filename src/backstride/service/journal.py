"""The journal: one file a session, from which the whole session can be replayed.

Theory of operation
-------------------
A file begins with a snapshot of the session as it was armed (or found again after a crash) and goes on
with every event that was folded into it, in order. Folding the events into the snapshot gives every
state the session had: what the machine said, what was asked, what was decided. Nothing else is kept,
because nothing else is needed.

A line is a CRC-32 and a JSON record, so that a line torn by a power cut is recognised and everything
before it is good. The loop never waits for the disk: records go to a bounded queue and are written
by a thread in batches, with less than one fsync a second while the belt moves. Between sessions
nothing is written at all.

A full or failing disk costs the journal and nothing else. A record that is missing would make all that
follow it a lie, so after a loss (`gap`) records are dropped and counted until the controller begins
a new file with a new snapshot; the file before ends with its last complete record.
"""

from __future__ import annotations

import asyncio
import os
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import msgspec
import structlog
from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.domain.events import Event
from backstride.domain.session import Session
from backstride.history.private import PRIVATE

_LOG: Final = structlog.get_logger("backstride.journal")

VERSION: Final = 1
QUEUE: Final = 20_000
"""So many records wait for a slow disk (half an hour of a session) before new ones are dropped."""
SYNC_PAUSE_S: Final = 2.0
"""No more than one fsync in this time: SD cards wear, and the claim on the belt needs some too."""
KEPT: Final = 200
"""So many session files are kept; older ones are deleted when a new one begins [CHOICE]."""
SUFFIX: Final = ".journal"


class JournalError(BackstrideError):
    """A file is not a journal, or is damaged before its end."""


class Opening(Struct, frozen=True, kw_only=True, tag="opening"):
    """The first record: the session as it was when the file began. `time` is the wall's."""

    version: int
    boot: str
    treadmill: str
    time: str
    session: Session


type Record = Opening | Event

_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[Record]] = msgspec.json.Decoder(Record)


def encode_line(record: Record) -> bytes:
    """One record as a line with its checksum."""
    body = _encoder.encode(record)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def decode_line(line: bytes) -> Record | None:
    """The record of a line; None when the line is torn or was changed."""
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        return _decoder.decode(body)
    except (ValueError, msgspec.DecodeError):
        return None


def read(path: Path) -> tuple[Opening, Iterator[Event]]:
    """The opening of a journal and its events, up to the last complete record.

    Raises:
        JournalError: it cannot be read, or does not begin as a journal.
    """
    try:
        with path.open("rb") as file:
            first = decode_line(file.readline())
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from error
    if not isinstance(first, Opening):
        raise JournalError(f"{path} is not a session journal: its first line is no opening")
    if first.version != VERSION:
        raise JournalError(f"{path} has version {first.version}; this Backstride reads {VERSION}")
    return first, _events(path)


def _events(path: Path) -> Iterator[Event]:
    with path.open("rb") as file:
        file.readline()
        for number, line in enumerate(file, 2):
            record = decode_line(line)
            if record is None or isinstance(record, Opening):
                _LOG.warning("journal ends early", path=str(path), line=number)
                return
            yield record


class MemoryJournal:
    """A journal for simulations: keeps the records, touches no disk."""

    def __init__(self) -> None:
        self.openings: list[Opening] = []
        self.events: list[Event] = []
        self.gap = False

    async def run(self) -> None:
        """Nothing to do: memory is quick enough."""

    def begin(self, program: str, opening: Opening) -> None:
        """Start a new session's records; `program` only names a file, and there is none."""
        del program
        self.openings.append(opening)
        self.events.clear()
        self.gap = False

    def append(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def end(self) -> None:
        """The session is over; its records stay until the next begins."""

    async def secure(self) -> None:
        """Memory is as secure as it gets."""


class FileJournal:
    """Journals of one treadmill, in one directory. `sync` makes a file durable (fsync)."""

    def __init__(self, directory: Path, sync: Callable[[int], None] = os.fsync) -> None:
        self._directory = directory
        self._sync = sync
        self._queue: deque[bytes | Path | None] = deque()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._running = False
        self._writing = threading.Lock()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._count = 0
        self.gap = False
        """Records were lost since the last `begin`; those that follow are dropped."""
        self.dropped = 0
        """Records lost because the disk failed or did not keep up."""
        self.failed: str | None = None
        """Why the disk takes no records now; None while it does."""

    def begin(self, program: str, opening: Opening) -> None:
        """Start the file of a new session of `program`, or of the rest of one after a gap."""
        self._count += 1
        stamp = opening.time.replace(":", "").replace("-", "").split(".")[0]
        name = f"{stamp}-{opening.boot[:6]}-{self._count:03}-{program}{SUFFIX}"
        self.gap = False
        self._put(self._directory / name)
        self._put(encode_line(opening))

    def append(self, event: Event) -> None:
        """Add an event; returns at once."""
        self._put(encode_line(event))

    def end(self) -> None:
        """The session is over: close its file."""
        self._put(None)

    async def secure(self) -> None:
        """Return when everything so far is on the disk, or the disk has failed, or nobody writes."""
        if not self._running:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._wake.set()
        self._urgent.set()
        await done

    def _put(self, item: bytes | Path | None) -> None:
        if isinstance(item, bytes):
            self.gap = self.gap or len(self._queue) >= QUEUE
            if self.gap:
                self.dropped += 1
                return
        self._queue.append(item)
        self._wake.set()

    async def run(self) -> None:
        """Write what is queued, until cancelled; then write the rest."""
        self._running = True
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._flush()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SYNC_PAUSE_S):
                        await self._urgent.wait()
                self._urgent.clear()
        finally:
            # The last words of a session must not be lost to a cancellation: write them here.
            self._running = False
            self._write()
            self._close()
            self._release(self._waiting)

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._write)
        finally:
            self._release(waiting)

    def _release(self, waiting: list[asyncio.Future[None]]) -> None:
        for done in waiting:
            if not done.done():
                done.set_result(None)

    # -- in the thread ---------------------------------------------------------------------------

    def _write(self) -> None:
        """Write what is queued now, in order, and fsync it. Never raises for what a disk does."""
        with self._writing:
            records: list[bytes] = []
            for _ in range(len(self._queue)):
                item = self._queue.popleft()
                if isinstance(item, bytes):
                    records.append(item)
                    continue
                self._store(records)
                records = []
                if item is None:
                    self._close()
                else:
                    self._open(item)
            self._store(records)

    def _store(self, records: list[bytes]) -> None:
        """Append records and make them durable: all of them, or the file ends before them."""
        if not records:
            return
        if self._file is None:
            self.dropped += len(records)
            return
        try:
            data = memoryview(b"".join(records))
            while data:
                data = data[self._file.write(data) :]
            self._sync(self._file.fileno())
            self._size = self._file.tell()
            self.failed = None
        except OSError as error:
            self.dropped += len(records)
            self._give_up(error)

    def _open(self, path: Path) -> None:
        self._close()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            for old in sorted(path.parent.glob(f"*{SUFFIX}"))[: -KEPT + 1]:
                old.unlink(missing_ok=True)
            # Unbuffered: what the disk refused must not come back with a later write.
            path.touch(mode=0o600)
            self._file = path.open("ab", buffering=0)
            self._size = self._file.tell()
        except OSError as error:
            self._give_up(error)

    def _close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _give_up(self, error: OSError) -> None:
        """The disk failed: end the file with its last complete record and say so once."""
        if self.failed is None:
            _LOG.error("journal not written", reason=str(error))
        self.failed = str(error)
        self.gap = True
        if self._file is not None:
            with suppress(OSError):
                self._file.truncate(self._size)
        self._close()
