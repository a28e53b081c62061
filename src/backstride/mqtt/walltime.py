"""The time of day, and whether it can be trusted."""

from __future__ import annotations

import ctypes
import time
from typing import Final

from backstride.domain.units import Ms

_TIMEX_BYTES: Final = 512
"""More than `struct timex` of any Linux; all zero asks without changing anything."""
_TIME_ERROR: Final = 5
"""`adjtimex` returns this while the kernel's clock is not synchronised (adjtimex(2))."""


def wall_now() -> Ms:
    """Read the time of day in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def is_synchronised() -> bool:
    """Tell whether the kernel's clock is kept by a time service. False where that is not known.

    A Raspberry Pi has no battery for its clock: until the network brings the time it is wrong by
    as long as it was off.
    """
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):
        return False
    return 0 <= state < _TIME_ERROR
