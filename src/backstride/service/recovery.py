"""What a dead process leaves behind: the claim on a moving belt, and how a new life finds it.

The ownership record is on the disk before a Start leaves for the machine and stays until the belt is
proven still. A process that finds one at its start hands it to the session as `Adopt`: the session
decides, by the machine's counters, whether the belt that moves now is the one we left.

Where each treadmill has a daemon of its own, the records are also what these know of each other: while a
link is lost, nothing but the record says that its daemon needs the adapter.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import msgspec
import structlog
from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.domain.events import Ownership
from backstride.domain.units import SECOND, Ms

_LOG: Final = structlog.get_logger("backstride.recovery")

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
CLAIM: Final = "owner.json"
"""In a treadmill's directory while its belt may move by our doing."""
UNKNOWN_AGE: Final[Ms] = 24 * 60 * 60_000
"""The age of a record whose clocks tell nothing: older than any session."""
_LOOK: Final[Ms] = 1 * SECOND
"""Longer than a disk takes that is well [CHOICE]."""


class LockedError(BackstrideError):
    """Another daemon runs this treadmill."""


class UnwritableError(BackstrideError):
    """A treadmill's directory cannot be made or written, so that nothing can be locked."""


class Claim(Struct, frozen=True, kw_only=True):
    """An ownership record with the clocks by which its age can be told.

    `boottime` is only comparable within one boot of the host; `wall` may have been set.
    """

    record: Ownership
    boot_id: str
    boottime: float
    wall: float


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _boottime() -> float:
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _claim(record: Ownership) -> Claim:
    return Claim(record=record, boot_id=_boot_id(), boottime=_boottime(), wall=time.time())


def _age(claim: Claim) -> Ms:
    if claim.boot_id and claim.boot_id == _boot_id():
        return int(max(_boottime() - claim.boottime, 0) * 1_000)
    elapsed = time.time() - claim.wall
    return int(elapsed * 1_000) if 0 <= elapsed * 1_000 < UNKNOWN_AGE else UNKNOWN_AGE


class MemoryLedger:
    """A ledger for simulations."""

    def __init__(self, record: Ownership | None = None) -> None:
        self.record = record
        self._written_at: float | None = None

    async def write(self, record: Ownership | None) -> bool:
        """Keep the claim, or drop it."""
        self.record = record
        self._written_at = asyncio.get_running_loop().time()
        return True

    def load(self) -> tuple[Ownership, Ms] | None:
        """The claim of an earlier life, and its age by the loop's clock."""
        if self.record is None:
            return None
        now = asyncio.get_running_loop().time()
        return self.record, int((now - (self._written_at or now)) * 1_000)


class FileLedger:
    """The ownership record of one treadmill: one small file, replaced atomically.

    `before` is called, in a thread, before a claim is made where there was none.
    """

    def __init__(
        self,
        directory: Path,
        sync: Callable[[int], None] = os.fsync,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = directory / CLAIM
        self._sync = sync
        self._before = before

    async def write(self, record: Ownership | None) -> bool:
        """Make a claim durable, or withdraw it. Returns when the disk has it (True) or failed."""
        return await asyncio.get_running_loop().run_in_executor(None, self._write, record)

    def _write(self, record: Ownership | None) -> bool:
        content = None if record is None else msgspec.json.encode(_claim(record))
        if record is not None and not self._path.exists():
            self._before()
        try:
            write_durably(self._path, content, self._sync)
        except OSError as error:
            # A full disk keeps a belt from being started, and never from being stopped.
            _LOG.error("ownership not recorded", reason=str(error))
            return False
        return True

    def load(self) -> tuple[Ownership, Ms] | None:
        """The claim of an earlier life and its age, or None. A damaged record is reported."""
        try:
            claim = msgspec.json.decode(self._path.read_bytes(), type=Claim)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            _LOG.error("ownership record unreadable", path=str(self._path), reason=str(error))
            return None
        return claim.record, _age(claim)


def write_durably(
    path: Path, content: bytes | None, sync: Callable[[int], None] = os.fsync
) -> None:
    """Replace a small file whole, or remove it (None); what was there before or this survives a power cut.

    Raises:
        OSError: the disk did not take it.
    """
    if content is None:
        path.unlink(missing_ok=True)
        _sync_directory(path.parent, sync)
        return
    draft = path.with_suffix(".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        sync(file.fileno())
    draft.replace(path)
    if fresh:
        # Of two contents either will do after a power cut; of one and none it must be the one.
        _sync_directory(path.parent, sync)


def _sync_directory(directory: Path, sync: Callable[[int], None]) -> None:
    """A name is durable only when its directory is."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        sync(handle)
    finally:
        os.close(handle)


async def is_any_claimed(state: Path) -> bool:
    """Whether a belt may be moving for any daemon with this state directory; so it is if the disk hangs.

    A treadmill that was taken out of the configuration under a claim counts until its directory is removed.
    """
    look = asyncio.get_running_loop().run_in_executor(None, _find_claim, state)
    try:
        async with asyncio.timeout(_LOOK / SECOND):
            return await look
    except (OSError, TimeoutError):
        return True


def _find_claim(state: Path) -> bool:
    with os.scandir(state) as entries:
        return any((Path(entry) / CLAIM).exists() for entry in entries)


def lock(directory: Path) -> IO[bytes]:
    """Claim a treadmill's state directory for this process, until the file is closed.

    Raises:
        LockedError: another daemon holds it.
        UnwritableError: the directory cannot be written.
    """
    file = _open_lock(directory)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise LockedError(
            f"another backstride runs the treadmill of {directory}; stop it first"
        ) from error
    return file


def _open_lock(directory: Path) -> IO[bytes]:
    path = directory / "lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        # A card that went read-only under a moving belt keeps no next life from it: theirs is there.
        with suppress(OSError):
            return path.open("rb")
        raise UnwritableError(
            f"{directory} cannot be written: {error.strerror}; set service.state_directory"
        ) from error
