"""The broker, for one treadmill: state out, commands in, whatever the broker does.

Theory of operation
-------------------
`run` makes one connection attempt after the other, each with a new `BrokerClient`. A connection
goes through these steps, and a failure at any of them closes it without a word, so that the broker
publishes the will:

1. CONNECT with the will `offline`, clean start, session expiry 0. MQTT 5 first; 3.1.1 when the
   broker says that it does not know 5 (remembered), or when it has never spoken 5 with us and does
   not answer, as some old ones do (tried once, and kept while it works).
2. Subscribe to the command topics, retained messages not wanted. A refused subscription is a
   failure: a session that nobody can stop over the broker must not look as if one could.
3. Publish `online`. Only now `BusUp`, then every retained value again: a restarted broker has
   forgotten them.
4. Publish what comes, one message at a time, until the connection is lost or a publish is not
   acknowledged in time. Then `BusDown`, and the next attempt after 1 s, doubling up to 30 s, with
   jitter so that a gym does not return in one instant. A connection that lasted 10 s starts at 1 s
   again.

Ended from outside (`run` cancelled), it sends what is left for up to 2 s, publishes `offline`
itself and takes leave.

Commands are judged in the reader's callback, before anything that waits: see `intake` for how they
are found, `commands` for the rules and `reception` for what becomes of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

import aiomqtt
import structlog
from msgspec import Struct, structs

from backstride.domain.events import BusDown, BusUp, CueHeard
from backstride.domain.notices import Answer
from backstride.domain.units import Ms
from backstride.domain.workout import Program
from backstride.mqtt import topics
from backstride.mqtt.client import (
    FAILURE,
    NO_SUBSCRIBERS,
    BrokerClient,
)
from backstride.mqtt.commands import Desk
from backstride.mqtt.dialect import Dialect
from backstride.mqtt.homeassistant.announcer import Announcer
from backstride.mqtt.intake import Bucket, Counts, Intake
from backstride.mqtt.outage import Outage
from backstride.mqtt.outbox import Item, Outbox
from backstride.mqtt.people import People
from backstride.mqtt.pin import PinHash, PinLock
from backstride.mqtt.reception import FLOOD, Reception, SparseLog, loop_now
from backstride.mqtt.settings import BrokerSettings
from backstride.mqtt.walltime import is_synchronised, wall_now
from backstride.ports import Clock, Publication, Sink

LAST_DELAY_S: Final = 30.0
STEADY_S: Final = 10.0
"""A connection that lasted this long was a good one; the next failure is a new one."""
FAREWELL_S: Final = 2.0
"""Longest time for the last messages when the service ends."""

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"

_log: Final = structlog.get_logger("backstride.mqtt")


class Traffic(Struct):
    """What the link did since the start of the process."""

    connections: int = 0
    published: int = 0
    publishes_refused: int = 0
    """Refused by the broker with a reason code, as a rule by its access list."""
    publishes_failed: int = 0
    """Not acknowledged in time, or caught by a disconnect."""
    cues_unheard: int = 0
    """Taken by the broker, and nobody listened."""


class MqttBus:
    """`ports.Bus` over MQTT.

    Args:
        settings: the broker and the treadmill's id.
        clock: stamps the events.
        programs: finds a program by its id.
        phase: the session's present phase, for `expect` and for answers made here.
        boot: the nonce of this life; also published in `info` by the service.
        wall: the time of day in ms since 1970, for time stamps of commands.
        synchronised: whether `wall` can be trusted.
        people: who may walk, and what their plan has; None knows nobody.
        pin: of the PIN without which nothing is started; None asks for none.

    Raises:
        TopicError: the treadmill's id or the prefix cannot be in a topic.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        clock: Clock,
        programs: Callable[[str], Program | None],
        phase: Callable[[], str],
        boot: str,
        wall: Callable[[], Ms] = wall_now,
        synchronised: Callable[[], bool] = is_synchronised,
        pin: PinHash | None = None,
        people: People | None = None,
    ) -> None:
        prefix = settings.prefix or topics.default_prefix(settings.treadmill)
        topics.check_id(settings.treadmill)
        self.prefix = topics.check_prefix(prefix)
        self._settings = settings
        self._clock = clock
        self._outbox = Outbox(loop_now)
        self._log = SparseLog()
        desk = Desk(
            programs=programs, phase=phase, boot=boot, trust_scalars=settings.trust_scalars,
            pin=None if pin is None else PinLock(pin), people=people,
        )  # fmt: skip
        self._reception = Reception(
            desk=desk,
            outbox=self._outbox,
            prefix=self.prefix,
            clock=clock,
            wall=wall,
            synchronised=synchronised,
            phase=phase,
            log=self._log,
        )
        self._announcer = Announcer(
            settings,
            prefix=self.prefix,
            outbox=self._outbox,
            v5=lambda: self._dialect.v5,
        )
        self._counts = Counts()
        self._buckets: dict[str, Bucket] = {}
        self._traffic = Traffic()
        self._dialect = Dialect(mqtt5=settings.mqtt5)
        self._up_at: float | None = None
        self._outage = Outage()

    @property
    def protocol(self) -> str:
        """The version of MQTT in use: `5` or `3.1.1`."""
        return "5" if self._dialect.v5 else "3.1.1"

    def counters(self) -> dict[str, int]:
        """Return everything that is counted, by name."""
        return {
            **structs.asdict(self._counts),
            **structs.asdict(self._reception.taken),
            **structs.asdict(self._traffic),
            "events_dropped": self._outbox.dropped,
            "messages_expired": self._outbox.expired,
        }

    def refused(self) -> dict[str, int]:
        """Count the commands that were not obeyed, by code; FLOOD are those that came too fast."""
        flood = {FLOOD: self._counts.dropped} if self._counts.dropped else {}
        return self._reception.refusals | flood

    def publish(self, publication: Publication) -> None:
        """Hand over a message; it is sent when the broker is there. Below the prefix."""
        self._announcer.look(publication)
        row = topics.BY_NAME.get(publication.topic)
        expiry = publication.expiry
        if expiry is None and row is not None:
            expiry = row.expiry
        self._outbox.put(
            Item(
                topic=f"{self.prefix}/{publication.topic}",
                payload=publication.payload,
                qos=publication.qos,
                retain=publication.retain,
                put_at=loop_now(),
                expiry=expiry,
                content=None if row is None else row.content.value,
                cue=publication.cue,
            )
        )

    def answer(self, answer: Answer) -> None:
        """Answer the request with this id, to wherever its author asked for the answer."""
        self._reception.answer(answer)

    async def run(self, sink: Sink) -> None:
        """Keep the connection, take commands, report the broker's coming and going."""
        self._reception.sink = sink
        delay = self._settings.retry_after
        while True:
            self._up_at = None
            try:
                await self._connect(sink)
            except (aiomqtt.MqttError, OSError, ValueError) as error:
                self._outage.tell(_reason(error), protocol=self.protocol)
                if self._dialect.fall_back(error):
                    continue
            if self._was_steady():
                delay = self._settings.retry_after
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311  jitter, no secret
            delay = min(delay * 2, LAST_DELAY_S)

    def _was_steady(self) -> bool:
        return self._up_at is not None and loop_now() - self._up_at >= STEADY_S

    async def _connect(self, sink: Sink) -> None:
        """Live through one connection; raises when it is lost."""
        client = self._make_client()
        up = False
        try:
            await client.open()
            await self._listen(client)
            await self._announce(client, ONLINE)
            self._up_at = loop_now()
            self._traffic.connections += 1
            self._dialect.worked()
            self._outage.end()
            _log.info("mqtt_up", host=self._settings.host, protocol=self.protocol)
            up = True
            sink(BusUp(at=self._clock.now()))
            self._outbox.renew()
            await self._serve(client, sink)
        except asyncio.CancelledError:
            if up:
                await self._take_leave(client, sink)
            raise
        finally:
            client.abandon()
            if up:
                sink(BusDown(at=self._clock.now()))

    def _make_client(self) -> BrokerClient:
        intake = Intake(
            prefix=self.prefix,
            properties=self._dialect.v5,
            deliver=self._reception.take,
            now=loop_now,
            counts=self._counts,
            buckets=self._buckets,
            news=self._announcer.news,
        )
        return BrokerClient(
            self._settings,
            protocol=self._dialect.version,
            will=self._availability(OFFLINE),
            intake=intake,
        )

    async def _listen(self, client: BrokerClient) -> None:
        wanted = [f"{self.prefix}/{row.name}" for row in (topics.COMMAND, topics.SCALAR)]
        refused = await client.listen([*wanted, *self._announcer.news])
        if refused:
            _log.error("mqtt_subscription_refused", topics=refused)
        if any(topic in wanted for topic, _ in refused):
            raise aiomqtt.MqttError(
                "the broker does not let us read the commands; allow"
                f" {self.prefix}/command and {self.prefix}/command/+ for this user"
            )

    async def _announce(self, client: BrokerClient, payload: bytes) -> None:
        code = await client.deliver(self._availability(payload), None)
        self._judge_code(self._availability(payload), code)

    def _availability(self, payload: bytes) -> Item:
        return Item(
            topic=f"{self.prefix}/{topics.AVAILABILITY.name}",
            payload=payload,
            qos=topics.AVAILABILITY.qos,
            retain=True,
            put_at=0,
            content=topics.AVAILABILITY.content.value,
        )

    async def _serve(self, client: BrokerClient, sink: Sink) -> None:
        """Publish until the connection is lost, and raise then."""
        sender = asyncio.create_task(self._send(client, sink))
        watcher = asyncio.create_task(client.lost())
        try:
            done, _ = await asyncio.wait((sender, watcher), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            sender.cancel()
            watcher.cancel()
            await asyncio.gather(sender, watcher, return_exceptions=True)

    async def _send(self, client: BrokerClient, sink: Sink) -> None:
        while True:
            await self._deliver(client, await self._outbox.next(), sink)

    async def _deliver(self, client: BrokerClient, item: Item, sink: Sink) -> None:
        expiry = item.expiry
        if expiry is not None and not item.retain:
            expiry = max(expiry - int(loop_now() - item.put_at), 1)
        try:
            code = await client.deliver(item, expiry)
        except BaseException:
            self._traffic.publishes_failed += 1
            self._outbox.restore(item)
            raise
        heard = self._judge_code(item, code)
        if item.cue is not None and heard:
            sink(CueHeard(at=self._clock.now(), cue=item.cue))

    def _judge_code(self, item: Item, code: int) -> bool:
        """Count one acknowledgement; tell whether somebody got the message."""
        if code >= FAILURE:
            self._traffic.publishes_refused += 1
            name = item.topic.removeprefix(f"{self.prefix}/")
            # A response topic is text from outside, and there is no end of them.
            kind = name if name in topics.BY_NAME else "other"
            self._log.warn("mqtt_publish_refused", kind, topic=item.topic, reason_code=code)
            return False
        self._traffic.published += 1
        if code == NO_SUBSCRIBERS:
            if item.cue is not None:
                self._traffic.cues_unheard += 1
            return False
        return True

    async def _take_leave(self, client: BrokerClient, sink: Sink) -> None:
        try:
            async with asyncio.timeout(FAREWELL_S):
                while (item := self._outbox.take()) is not None:
                    await self._deliver(client, item, sink)
                await self._announce(client, OFFLINE)
                await client.close()
        except (aiomqtt.MqttError, OSError, ValueError, TimeoutError) as error:
            _log.warning("mqtt_farewell_failed", reason=_reason(error))


def _reason(error: Exception) -> str:
    cause = error.__cause__
    return f"{error} ({cause})" if cause is not None else str(error) or type(error).__name__
