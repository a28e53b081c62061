"""Files about somebody's body: for the user who writes them, whatever the umask."""

from __future__ import annotations

import os
from typing import Final

PRIVATE: Final = 0o700
"""The mode of a directory that is made for them."""


def private(path: str, flags: int) -> int:
    """Open a file that only its owner reads; the `opener` of `open()`. One that is there keeps its mode."""
    return os.open(path, flags, 0o600)
