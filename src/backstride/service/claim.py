"""The claim on a moving belt: on the disk before a Start leaves, and gone when the belt is still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from backstride.domain.events import Ownership
from backstride.domain.session import Session, ownership
from backstride.domain.units import SECOND, Ms

CLAIM_PAUSE: Final[Ms] = 5 * SECOND
"""The claim's counters are refreshed no more often than this, so that the disk rests."""


class Ledger(Protocol):
    """Where the claim on a moving belt is kept; `service.recovery` has the real one."""

    async def write(self, record: Ownership | None) -> bool:
        """Make a claim durable, or withdraw it; False when the disk did not take it."""
        ...

    def load(self) -> tuple[Ownership, Ms] | None:
        """The claim of an earlier life, and its age."""
        ...


class ClaimKeeper:
    """Keeps the record on the disk in step with the session, and at rest leaves the disk alone.

    A record of an earlier life stays as it is until the session has judged it.
    """

    def __init__(self, ledger: Ledger, session: Callable[[], Session]) -> None:
        self._ledger = ledger
        self._session = session
        self._record: Ownership | None = None
        self._wanted = asyncio.Event()
        self._waiters: list[asyncio.Future[bool]] = []

    def find(self) -> tuple[Ownership, Ms] | None:
        """The claim of an earlier life, and its age."""
        found = self._ledger.load()
        if found is not None:
            self._record = found[0]
        return found

    def look(self) -> None:
        """The session changed: a claim may have to come or go."""
        if (self._record is None) != (ownership(self._session()) is None):
            self._wanted.set()

    async def settle(self) -> bool:
        """Return when the disk says what the session says now; whether it holds a claim."""
        settled: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.append(settled)
        self._wanted.set()
        return await settled

    async def run(self) -> None:
        """Write what changed, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._wanted.wait()
            self._wanted.clear()
            waiters, self._waiters = self._waiters, []
            session = self._session()
            record = ownership(session)
            judged = session.adopted is None or record is not None
            if judged and record != self._record and await self._ledger.write(record):
                self._record = record
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(self._record is not None)

    def _pause(self) -> float | None:
        """Seconds until the next look at the disk: a claim that is due or there is looked after."""
        kept = self._record is not None or ownership(self._session()) is not None
        return CLAIM_PAUSE / SECOND if kept else None
