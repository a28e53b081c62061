"""What will be written, before it is: a plan can be shown, and takes back what it made when it fails.

Nothing that exists is overwritten unless the plan says so of that file, and then its new text takes the
place of the old one in one step. Secrets are 0600 from the instant in which they exist.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from backstride.domain.errors import BackstrideError

SECRET: Final = 0o600
PUBLIC: Final = 0o644
_DIRECTORY: Final = 0o755
"""Mosquitto must find its way in; what is secret is closed itself."""


class ProvisioningError(BackstrideError):
    """The files of a broker cannot be made or changed as asked."""


class Write(Struct, frozen=True, kw_only=True):
    """One file. `replace`: it may be there already. `broker`: mosquitto must be able to read it."""

    path: Path
    content: bytes
    mode: int = SECRET
    replace: bool = False
    broker: bool = False


class Move(Struct, frozen=True):
    """One file that gets another name; nothing is there yet."""

    source: Path
    destination: Path


class Plan(Struct, frozen=True, kw_only=True):
    """Changes that belong together, in their order: first writes, then moves, then removals."""

    writes: tuple[Write, ...] = ()
    moves: tuple[Move, ...] = ()
    removals: tuple[Path, ...] = ()

    def apply(self, owner: str | None = None) -> None:
        """Make the changes. `owner` is the user that mosquitto becomes; None leaves files as they are.

        Raises:
            ProvisioningError: a file is there already, or cannot be written; what was new is taken back.
        """
        self._check()
        made: list[Path] = []
        try:
            for write in self.writes:
                _make_directories(write.path.parent, made)
                _write(write, owner, made)
            for move in self.moves:
                _make_directories(move.destination.parent, made)
                move.source.rename(move.destination)
            for path in self.removals:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except (OSError, LookupError) as error:
            for path in reversed(made):
                with suppress(OSError):
                    path.rmdir() if path.is_dir() else path.unlink()
            reason = error.strerror if isinstance(error, OSError) else str(error)
            where = getattr(error, "filename", None) or "the files"
            raise ProvisioningError(
                f"{where} cannot be written ({reason}); what was made anew is taken back"
            ) from error

    def _check(self) -> None:
        for write in self.writes:
            if write.path.exists() and not write.replace:
                raise ProvisioningError(
                    f"{write.path} exists already and is never overwritten; choose another directory,"
                    " or move it away"
                )


def _make_directories(path: Path, made: list[Path]) -> None:
    missing = [place for place in (path, *path.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir()
        place.chmod(_DIRECTORY)
        made.append(place)


def _write(write: Write, owner: str | None, made: list[Path]) -> None:
    new = not write.path.exists()
    place = write.path if new else write.path.with_name(write.path.name + ".new")
    if not new:
        # Left over from a write that was cut off; the file itself is whole.
        place.unlink(missing_ok=True)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, write.mode)
    made.append(place)
    with os.fdopen(descriptor, "wb") as file:
        file.write(write.content)
        file.flush()
        os.fsync(descriptor)
    os.chmod(place, write.mode)  # noqa: PTH101  the mode above is cut by the umask
    if write.broker and owner is not None:
        shutil.chown(place, owner)
    if not new:
        place.replace(write.path)
        made.remove(place)
