"""Files about somebody's body: for the user who writes them, whatever the umask."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o700
"""The mode of a directory that is made for them."""


def private(path: str, flags: int) -> int:
    """Open a file that only its owner reads; the `opener` of `open()`. One that is there keeps its mode."""
    return os.open(path, flags, 0o600)


def write_privately(path: Path, content: bytes) -> None:
    """Write a file whole and durably or not at all; an older one is replaced, its directory is made.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    try:
        with open(draft, "xb", opener=private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise
