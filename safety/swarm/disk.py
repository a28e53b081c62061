"""A disk in memory with what real ones do: it fills up, fails, and forgets what was not made durable.

`SimPath` has what the product uses of `pathlib.Path`. A crash of the process loses nothing that was
written; a power cut keeps what was fsynced, any part of the rest, and of a name that changed
since its directory was fsynced either the old or the new one.
"""

from __future__ import annotations

import errno
import fnmatch
import io
import random
from typing import Final

FIRST_HANDLE: Final = 1_000_000
"""Handles of simulated files; smaller ones are real, and stand for a directory."""


class _File:
    """What is in a file: the first `durable` bytes survive a power cut."""

    __slots__ = ("data", "durable")

    def __init__(self) -> None:
        self.data = bytearray()
        self.durable = 0


class Disk:
    """All files of one host. `broken`: every write, creation and sync fails."""

    def __init__(self, rng: random.Random) -> None:
        self.broken = False
        self.failures = 0
        self._rng = rng
        self._names: dict[str, _File] = {}
        self._durable_names: dict[str, _File] = {}
        self._handles: list[_File] = []

    def path(self, name: str) -> SimPath:
        """The path of this name."""
        return SimPath(self, name)

    def cut_power(self) -> None:
        """Lose what was not durable; of what was on its way, keep any part."""
        names = {}
        for name in sorted({*self._names, *self._durable_names}):
            new, old = self._names.get(name), self._durable_names.get(name)
            survivor = new if new is old or self._rng.random() < 0.5 else old
            if survivor is not None:
                names[name] = survivor
        for file in names.values():
            del file.data[self._rng.randint(file.durable, len(file.data)) :]
            file.durable = len(file.data)
        self._names, self._durable_names = names, dict(names)

    def sync(self, handle: int) -> None:
        """Make a file or, for a real handle, all names durable; what `os.fsync` does."""
        self.check()
        if handle < FIRST_HANDLE:
            self._durable_names = dict(self._names)
            return
        file = self._handles[handle - FIRST_HANDLE]
        file.durable = len(file.data)

    def check(self) -> None:
        """Fail where the disk does."""
        if self.broken:
            self.failures += 1
            raise OSError(errno.ENOSPC, "No space left on device")

    def open(self, name: str, mode: str) -> SimFile:
        """Open a file for reading (`rb`), writing (`wb`) or appending (`ab`)."""
        file = self._names.get(name)
        if mode == "rb":
            if file is None:
                raise FileNotFoundError(errno.ENOENT, "No such file", name)
            return SimFile(self, _File(), -1, bytes(file.data))
        if file is None or mode == "wb":
            self.check()
            file = self._names[name] = _File()
        self._handles.append(file)
        return SimFile(self, file, FIRST_HANDLE + len(self._handles) - 1)

    def rename(self, old: str, new: str) -> None:
        """Replace atomically."""
        self.check()
        self._names[new] = self._names.pop(old)

    def remove(self, name: str, *, missing_ok: bool) -> None:
        """Remove a name."""
        self.check()
        if self._names.pop(name, None) is None and not missing_ok:
            raise FileNotFoundError(errno.ENOENT, "No such file", name)

    def names(self) -> list[str]:
        """All names, in order of creation."""
        return list(self._names)

    def keeps(self, name: str) -> bool:
        """A power cut now would leave this file, with all that is in it."""
        file = self._durable_names.get(name)
        present = self._names.get(name)
        return file is not None and present is not None and present.durable == len(present.data)

    def tear(self, piece: bytes) -> int:
        """How much of a write gets onto a disk that fails meanwhile."""
        return self._rng.randint(0, len(piece)) if self.broken else len(piece)


class SimFile(io.BytesIO):
    """An open file: unbuffered when written, a copy of the content when read."""

    def __init__(self, disk: Disk, file: _File, handle: int, content: bytes = b"") -> None:
        super().__init__(content)
        self._disk = disk
        self._file = file
        self._handle = handle

    def fileno(self) -> int:
        """The handle for `Disk.sync`."""
        return self._handle

    def write(self, piece: object) -> int:
        """Append; a failing disk takes a part and then raises."""
        data = bytes(piece)  # type: ignore[call-overload]  # any buffer, as files take
        self._file.data += data[: self._disk.tear(data)]
        self._disk.check()
        return len(data)

    def tell(self) -> int:
        """Where the next byte goes."""
        return len(self._file.data) if self._handle >= 0 else super().tell()

    def truncate(self, size: int | None = None) -> int:
        """Cut the file."""
        del self._file.data[size:]
        self._file.durable = min(self._file.durable, len(self._file.data))
        return len(self._file.data)


class SimPath:
    """The part of `pathlib.Path` that the product uses, on a simulated disk."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self._name = name

    def __truediv__(self, name: str) -> SimPath:
        return SimPath(self._disk, f"{self._name}/{name}")

    def __str__(self) -> str:
        return self._name

    def __lt__(self, other: SimPath) -> bool:
        return self._name < other._name

    def __fspath__(self) -> str:
        """A directory that exists, for `os.open`: what is synced by it are the names of this disk."""
        return "/"

    @property
    def parent(self) -> SimPath:
        """The directory."""
        return SimPath(self._disk, self._name.rpartition("/")[0])

    def with_suffix(self, suffix: str) -> SimPath:
        """The same name with another ending."""
        return SimPath(self._disk, self._name.rpartition(".")[0] + suffix)

    def mkdir(self, mode: int = 0o777, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Directories are there as soon as something is in them."""

    def touch(self, mode: int = 0o666) -> None:
        """Make the file if it is not there; nobody else is here who could read it."""
        del mode
        self.open("ab").close()

    def exists(self) -> bool:
        """Whether the file is there."""
        return self._name in self._disk.names()

    def glob(self, pattern: str) -> list[SimPath]:
        """Files of this directory."""
        wanted = f"{self._name}/{pattern}"
        return [
            self._disk.path(name) for name in self._disk.names() if fnmatch.fnmatch(name, wanted)
        ]

    def open(self, mode: str, buffering: int = -1) -> SimFile:
        """See `Disk.open`."""
        del buffering
        return self._disk.open(self._name, mode)

    def read_bytes(self) -> bytes:
        """Everything in the file."""
        return self.open("rb").read()

    def replace(self, target: SimPath) -> None:
        """Take the target's place."""
        self._disk.rename(self._name, target._name)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove the file."""
        self._disk.remove(self._name, missing_ok=missing_ok)
