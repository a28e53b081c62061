"""An end for whatever the radio does: some of it cannot even be cancelled while bluetoothd hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

import structlog

from backstride.domain.units import SECOND, Ms

_LOG: Final = structlog.get_logger("backstride.ftms")

GRACE: Final[Ms] = 1 * SECOND
"""For what was given up to tidy up after itself [CHOICE]."""

_left: set[asyncio.Future[Any]] = set()
"""What did not end in time: kept until it does, so that it is not collected half-way."""


async def bound[T](work: Awaitable[T], limit: Ms) -> T:
    """What `work` returns or raises, at the latest GRACE after `limit`.

    `asyncio.timeout` cancels and then waits for as long as the tidying up takes. bleak's asks BlueZ to end
    the connection, and when nobody answers on D-Bus it waits for ever. Here such work is left behind.

    Raises:
        TimeoutError: it did not end in time.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=limit / SECOND)
        if task.done():
            return task.result()
    finally:
        if not task.done():
            await _leave(task)
    raise TimeoutError


async def _leave(task: asyncio.Future[Any]) -> None:
    _left.add(task)
    task.add_done_callback(_see)
    task.cancel()
    await asyncio.wait({task}, timeout=GRACE / SECOND)
    if not task.done():
        _LOG.warning("left behind", work=repr(task))


def _see(task: asyncio.Future[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()  # seen, so that asyncio does not report it as never retrieved
