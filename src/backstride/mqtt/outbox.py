"""What waits to be published: the newest of each retained topic, and a bounded queue of the rest."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from msgspec import Struct

CAPACITY: Final = 1_000
"""Messages that wait during an outage: hours of events, and at most a few hundred kilobytes."""


class Item(Struct, frozen=True, kw_only=True):
    """One message on its way. `topic` is absolute; `put_at` is in seconds of the loop's clock."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    put_at: float
    expiry: int | None = None
    content: str | None = None
    cue: int | None = None
    correlation: bytes | None = None
    urgent: bool = False
    """Goes before everything that waits: the answer to a stop, which its author repeats until it comes."""


class Outbox:
    """Retained topics as slots, of which the newest value counts; the others in order, oldest lost first.

    Slots and queue take turns, so neither a chatty state nor a burst of events starves the other. What is
    urgent goes before both.

    Attributes:
        dropped: how many queued messages were lost to newer ones.
        expired: how many were too old to be sent.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._values: dict[str, Item] = {}
        self._dirty: OrderedDict[str, None] = OrderedDict()
        self._queue: deque[Item] = deque()
        self._urgent: deque[Item] = deque()
        self._wake = asyncio.Event()
        self._slot_next = True
        self.dropped = 0
        self.expired = 0

    def put(self, item: Item) -> None:
        """Take a message. Never waits."""
        if item.retain:
            self._values[item.topic] = item
            self._dirty[item.topic] = None
        else:
            queue = self._urgent if item.urgent else self._queue
            if len(queue) >= CAPACITY:
                queue.popleft()
                self.dropped += 1
            queue.append(item)
        self._wake.set()

    def renew(self) -> None:
        """Send every retained value again: this broker may have forgotten them."""
        self._dirty.update(dict.fromkeys(self._values))
        self._wake.set()

    def restore(self, item: Item) -> None:
        """Put back what was not sent; a retained value only if there is no newer one."""
        if not item.retain:
            (self._urgent if item.urgent else self._queue).appendleft(item)
        elif self._values.get(item.topic) is item:
            self._dirty[item.topic] = None
        self._wake.set()

    def take(self) -> Item | None:
        """Take the next message that is still worth sending; None when there is none."""
        while self._urgent or self._dirty or self._queue:
            slot = bool(self._dirty) and (self._slot_next or not self._queue)
            if slot and not self._urgent:
                self._slot_next = False
                return self._values[self._dirty.popitem(last=False)[0]]
            if self._urgent:
                item = self._urgent.popleft()
            else:
                self._slot_next = True
                item = self._queue.popleft()
            if item.expiry is None or self._now() - item.put_at < item.expiry:
                return item
            self.expired += 1
        return None

    async def next(self) -> Item:
        """Wait for the next message."""
        while (item := self.take()) is None:
            self._wake.clear()
            await self._wake.wait()
        return item
