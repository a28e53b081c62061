"""Stop one treadmill or all of a broker, until their own phases say that the belts rest.

`command/stop` is published every second until then: it is the one command that a bridge between brokers
lets in, and repeating it is harmless. An answer alone is no proof, nor is a phase from before. One of which
nothing is heard, not even what a broker keeps, is pressed Stop for like any other, and not waited for alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from itertools import batched
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from backstride.cli.live import now_ms
from backstride.domain.phases import Phase
from backstride.domain.units import SECOND, Ms
from backstride.mqtt.remote import GREETING, News, NoBrokerError, Remote
from backstride.mqtt.schema import ResponseNote, State

AGAIN: Final[Ms] = 1 * SECOND
PATIENCE: Final[Ms] = 25 * SECOND
"""A machine takes 2 to 9 s to stop from its own, and two new zero frames prove it."""
GRACE: Final[Ms] = 2 * SECOND
"""A broker tells what it keeps within one second; a daemon answers in some ms, over a bridge in a second."""
TOGETHER: Final = 10
"""Stops that wait for the broker at once; it takes one within a millisecond."""
_AT_REST: Final = frozenset({Phase.IDLE, Phase.FINISHED})
"""Phases in which the daemon has seen the belt at rest."""


class Result(Struct, frozen=True, kw_only=True):
    """What became of one treadmill. `phase` is the newest that was heard since the Stop.

    `known`: anything at all was heard of it.
    """

    id: str
    known: bool = True
    at_rest: bool = False
    phase: str | None = None
    online: bool | None = None

    @property
    def sentence(self) -> str:
        """For a person."""
        if self.at_rest:
            return f"{self.id}: at rest ({self.phase})"
        if not self.known:
            return f"{self.id}: NO SUCH TREADMILL at this broker; look at the belt"
        if self.online is False:
            return f"{self.id}: NOT REACHED, its daemon is not at the broker; look at the belt"
        if self.phase is None:
            return f"{self.id}: NO ANSWER; look at the belt"
        return f"{self.id}: NOT CONFIRMED, it says {self.phase}; look at the belt"


async def find_all(remote: Remote, wait: Ms = GREETING) -> dict[str, Result]:
    """Every treadmill of which the broker keeps anything, online or not.

    Raises:
        NoBrokerError: the connection is lost.
    """
    found: dict[str, Result] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait / SECOND):
            async for news in remote.news():
                known = found.get(news.treadmill, Result(id=news.treadmill))
                if news.topic == "availability":
                    known = replace(known, online=news.payload == b"online")
                found[news.treadmill] = known
    return found


async def stop(
    remote: Remote, wanted: dict[str, Result], patience: Ms = PATIENCE
) -> dict[str, Result]:
    """Stop these until all rest, or for `patience`; for GRACE only while just unknown ones are left.

    Raises:
        NoBrokerError: the connection is lost.
    """
    results, begun = dict(wanted), now_ms()
    # What was said before the first Stop proves nothing.
    listening = asyncio.create_task(_listen(remote, results, begun), name="fleet stop")
    with contextlib.suppress(TimeoutError):
        try:
            async with asyncio.timeout(patience / SECOND):
                moving = list(results)
                while moving:
                    for some in batched(moving, TOGETHER):
                        # One that the broker does not acknowledge in time keeps no other from its Stop; a
                        # connection that is lost ends the listening.
                        presses = (remote.press_stop(treadmill) for treadmill in some)
                        await asyncio.gather(*presses, return_exceptions=True)
                    done, _ = await asyncio.wait({listening}, timeout=AGAIN / SECOND)
                    for task in done:
                        await task
                    left = [each for each in results.values() if not each.at_rest]
                    awaited = now_ms() - begun < GRACE or any(each.known for each in left)
                    moving = [each.id for each in left] if awaited else []
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return results


async def _listen(remote: Remote, results: dict[str, Result], since: Ms) -> None:
    """Follow what they say, until all rest."""
    async for news in remote.news():
        if news.treadmill not in results:
            continue
        known = replace(results[news.treadmill], known=True)
        new = not news.retained and news.at >= since
        results[news.treadmill] = _judge(known, news) if new else known
        if all(each.at_rest for each in results.values()):
            return
    raise NoBrokerError("the connection to the broker is closed")


def _judge(known: Result, news: News) -> Result:
    with contextlib.suppress(msgspec.DecodeError):
        match news.topic:
            case "availability":
                return replace(known, online=news.payload == b"online")
            case "response":
                # A session that rested before has nothing new to publish, but answers.
                phase = msgspec.json.decode(news.payload, type=ResponseNote).phase
                return replace(known, phase=phase, at_rest=phase in _AT_REST)
            case "state":
                state = msgspec.json.decode(news.payload, type=State)
                seen = state.phase is Phase.FAULTED and state.speed.measured == 0
                return replace(known, phase=state.phase, at_rest=seen or state.phase in _AT_REST)
            case _:
                pass
    return known
