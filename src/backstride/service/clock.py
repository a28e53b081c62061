"""The clocks of the service: the loop's own for control, the wall's for people's eyes only."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

from backstride.domain.units import Ms

_MS: Final = 1_000


class LoopClock:
    """`ports.Clock` over the running loop: monotonic in production, virtual in simulations."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()

    def now(self) -> Ms:
        """The loop's time in ms, rounded down."""
        return int(self._loop.time() * _MS)


class WallClock:
    """The time of day, for journals and payloads; nothing is ever decided by it.

    Under virtual time it starts at `start` and goes with `clock`, so that runs are repeatable.
    """

    def __init__(self, start: datetime | None = None, clock: LoopClock | None = None) -> None:
        self._start = start
        self._clock = clock

    def stamp(self) -> str:
        """The present moment as ISO 8601 in UTC, to the millisecond."""
        if self._start is None or self._clock is None:
            now = datetime.now(UTC)
        else:
            now = datetime.fromtimestamp(self._start.timestamp() + self._clock.now() / _MS, UTC)
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def suspended() -> Ms:
    """How long this host has been asleep since it booted, in ms; 0 where the system cannot tell.

    CLOCK_BOOTTIME counts while the host is suspended, CLOCK_MONOTONIC does not.
    """
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    if boottime is None:
        return 0
    return int((time.clock_gettime(boottime) - time.clock_gettime(time.CLOCK_MONOTONIC)) * _MS)
