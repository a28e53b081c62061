"""The exporter: what treadmills say, on its way to a time series database. Its own small process.

Theory of operation
-------------------
Two halves with a bounded store between them. One hears the broker and puts lines into the store; it never
waits for the database. The other posts the oldest lines every few seconds; a batch that is not taken is kept
and sent again after 1 s, doubling up to 60 s. When the store is full the oldest lines are dropped, and
counted in the log. Neither the broker nor any treadmill notices a database that is gone.

A batch that the database calls wrong (4xx) would be wrong the next time, too: it is dropped and counted.
"""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections import deque
from itertools import islice
from typing import Final

import structlog
from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.mqtt.lines import write_lines
from backstride.mqtt.remote import NoBrokerError, Remote, RemoteSettings

CAPACITY: Final = 200_000
"""Lines, some 40 MB: 200 treadmills at 1 Hz for a quarter of an hour [CHOICE]."""
BATCH: Final = 10_000
"""Lines of one request, some 2 MB."""
PAUSE_S: Final = 5.0
"""Between two requests."""
FIRST_DELAY_S: Final = 1.0
LAST_DELAY_S: Final = 60.0
POST_S: Final = 10.0
"""For one request."""
RETRY_S: Final = 2.0
"""Before the next connection to the broker."""
_CLIENT_ERRORS: Final = range(400, 500)
_TOO_MANY: Final = 429

_LOG: Final = structlog.get_logger("backstride.exporter")


class UrlError(BackstrideError):
    """This is no place to post to."""


class Tally(Struct):
    """What became of the lines so far."""

    heard: int = 0
    sent: int = 0
    dropped: int = 0
    """Lost to newer ones while the database was gone."""
    refused: int = 0
    """Called wrong by the database."""


class Store:
    """Lines that wait, the oldest first; never more than `capacity`."""

    def __init__(self, capacity: int, tally: Tally) -> None:
        self._lines: deque[str] = deque(maxlen=capacity)
        self._tally = tally
        self._taken = 0

    def __len__(self) -> int:
        return len(self._lines)

    def put(self, lines: tuple[str, ...]) -> None:
        """Add lines; the oldest make room."""
        self._tally.heard += len(lines)
        lost = max(len(self._lines) + len(lines) - (self._lines.maxlen or 0), 0)
        self._tally.dropped += lost
        # What is lost was the beginning of the batch on its way, if there is one.
        self._taken = max(self._taken - lost, 0)
        self._lines.extend(lines)

    def peek(self, count: int) -> list[str]:
        """The oldest lines; they stay until `done`."""
        batch = list(islice(self._lines, count))
        self._taken = len(batch)
        return batch

    def done(self) -> None:
        """The lines of the last `peek` are dealt with."""
        for _ in range(self._taken):
            self._lines.popleft()
        self._taken = 0


class Exporter:
    """Hears one broker and posts to one database. `depth` 2: a hub, with a site before each id.

    Args:
        settings: the broker, as somebody who may read everything.
        url: of the database, such as `http://localhost:8428`; `/write` is added if it has no path.
        depth: levels of the topics that name a treadmill.
        pause_s: between two requests.
        capacity: lines that may wait.

    Raises:
        UrlError: not http or https.
    """

    def __init__(
        self,
        settings: RemoteSettings,
        url: str,
        *,
        depth: int = 1,
        pause_s: float = PAUSE_S,
        capacity: int = CAPACITY,
    ) -> None:
        self.tally = Tally()
        self.store = Store(capacity, self.tally)
        self._settings = settings
        self._url = complete_url(url)
        self._depth = depth
        self._pause_s = pause_s

    async def run(self) -> None:
        """Export until cancelled; what waits then is posted once more."""
        hearing = asyncio.create_task(self._hear(), name="hear")
        posting = asyncio.create_task(self._post_all(), name="post")
        try:
            await asyncio.gather(hearing, posting)
        finally:
            hearing.cancel()
            posting.cancel()
            await asyncio.gather(hearing, posting, return_exceptions=True)
            if await self._post(self.store.peek(BATCH)) is None:
                self.store.done()

    async def _hear(self) -> None:
        while True:
            try:
                async with Remote(self._settings, depth=self._depth) as remote:
                    _LOG.info("broker_up", host=self._settings.host)
                    async for news in remote.news():
                        self.store.put(write_lines(news, time.time_ns() // 1_000_000))
            except NoBrokerError as error:
                _LOG.warning("broker_lost", reason=str(error))
            await asyncio.sleep(RETRY_S)

    async def _post_all(self) -> None:
        delay = FIRST_DELAY_S
        while True:
            await asyncio.sleep(self._pause_s if len(self.store) < BATCH else 0)
            batch = self.store.peek(BATCH)
            if not batch:
                continue
            trouble = await self._post(batch)
            if trouble is None:
                self.store.done()
                delay = FIRST_DELAY_S
                continue
            _LOG.warning("not_posted", reason=trouble, waiting=len(self.store), tally=self.tally)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_DELAY_S)

    async def _post(self, batch: list[str]) -> str | None:
        """Post a batch; None when it is dealt with, else why it must be posted again."""
        if not batch:
            return None
        code = await asyncio.to_thread(_send, self._url, "\n".join(batch).encode())
        if isinstance(code, str):
            return code
        if code in _CLIENT_ERRORS and code != _TOO_MANY:
            self.tally.refused += len(batch)
            _LOG.error("batch_refused", code=code, lines=len(batch), first=batch[0])
        elif code >= _CLIENT_ERRORS.start:
            return f"the database answers {code}"
        else:
            self.tally.sent += len(batch)
        return None


def complete_url(url: str) -> str:
    """The address to post to.

    Raises:
        UrlError: not http or https.
    """
    scheme, separator, rest = url.partition("://")
    if scheme not in {"http", "https"} or not separator or not rest.strip("/"):
        raise UrlError(f"{url[:80]!r} is no URL; write for example http://localhost:8428")
    return url if "/" in rest.strip("/") else f"{url.rstrip('/')}/write"


def _send(url: str, body: bytes) -> int | str:
    """Post; the status, or what kept it from being one. In a thread: it waits for the network."""
    request = urllib.request.Request(url, data=body, method="POST")  # noqa: S310  the scheme was checked
    try:
        with urllib.request.urlopen(request, timeout=POST_S) as answer:  # noqa: S310  as above
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
