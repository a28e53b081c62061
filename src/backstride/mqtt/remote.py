"""The other end of the topics: who watches treadmills over the broker and commands them.

For the command line, the demo and the benchmark. A `Remote` is one connection, used once (a client that
connects again repeats old publishes); who watches for hours makes a new one when it breaks.

Commands carry `id`, `ts` and the daemon's `boot`, so that they are obeyed whether or not the daemon's
clock is synchronised, and the answer is told by its id. `stop` waits for nothing and is sent again until it
is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from typing import Final, Self, Unpack

import aiomqtt
import msgspec
from msgspec import Struct
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from backstride.domain.errors import BackstrideError
from backstride.domain.events import Ask
from backstride.domain.units import SECOND, Ms
from backstride.mqtt import topics
from backstride.mqtt.remoteclient import HungUpError, RemoteClient, RemoteSettings, make_client
from backstride.mqtt.schema import VERSION, CommandNote, Info, ResponseNote, encode
from backstride.mqtt.values import Values
from backstride.mqtt.walltime import wall_now

PATIENCE: Final[Ms] = 5 * SECOND
"""How long an answer may take: the daemon's own takes some ms, a bridge a second."""
STOP_AGAIN: Final[Ms] = 500
"""A Stop that is not answered is sent again this often."""
GREETING: Final[Ms] = 1 * SECOND
"""Retained messages arrive within this after the subscription, or there are none."""
_UNSUPPORTED_VERSION: Final = 0x84
_VERSIONS: Final = {
    "auto": (aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311),
    "5": (aiomqtt.ProtocolVersion.V5,),
    "3.1.1": (aiomqtt.ProtocolVersion.V311,),
}


class NoBrokerError(BackstrideError):
    """The broker cannot be reached, or does not let us in."""


class NoAnswerError(BackstrideError):
    """Nobody answered in time: no daemon for this treadmill, or it may not be commanded by us."""


class News(Struct, frozen=True, kw_only=True):
    """One message of one treadmill. `topic` is below its prefix; `at` is on this process's clock."""

    treadmill: str
    topic: str
    payload: bytes
    retained: bool
    at: Ms


class Remote:
    """One connection to the broker, as an async context manager.

    Args:
        settings: where and who.
        treadmill: whose topics to follow; None for all of them.
        depth: levels of a treadmill's name below the prefix; 2 at a hub, where its site stands before its id.

    Raises:
        NoBrokerError: at entry, when there is no connection; at any use, when it is lost.
    """

    def __init__(
        self, settings: RemoteSettings, treadmill: str | None = None, *, depth: int = 1
    ) -> None:
        self._settings = settings
        self._whose = "/".join("+" * depth) if treadmill is None else topics.check_id(treadmill)
        self._depth = depth
        self._client: RemoteClient
        self.v5 = True
        """Whether the broker speaks MQTT 5, once there is a connection."""
        self._answers: dict[str, asyncio.Future[ResponseNote]] = {}
        self._boots: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._news: asyncio.Queue[News | None] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None
        self._error: str | None = None

    async def __aenter__(self) -> Self:
        self._client = await self._connect()
        prefix = f"{self._settings.prefix}/{self._whose}"
        # Everything but the commands: QoS 1 as they are published.
        outward = [row for row in topics.TABLE if row.direction is topics.Direction.OUT]
        try:
            await self._client.subscribe([(f"{prefix}/{row.name}", row.qos) for row in outward])
        except aiomqtt.MqttError as error:
            await self.__aexit__()
            raise self._lost(error) from error
        self._reader = asyncio.create_task(self._read(), name="remote reader")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        with contextlib.suppress(aiomqtt.MqttError):
            await self._client.__aexit__(None, None, None)

    async def _connect(self) -> RemoteClient:
        for version in _VERSIONS[self._settings.protocol]:
            client = make_client(self._settings, version)
            try:
                await client.__aenter__()
            except aiomqtt.MqttError as error:
                reason = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
                value = reason.value if isinstance(reason, ReasonCode) else reason
                unknown = isinstance(error, HungUpError) or value == _UNSUPPORTED_VERSION
                if (
                    version is aiomqtt.ProtocolVersion.V5
                    and unknown
                    and self._settings.protocol == "auto"
                ):
                    continue
                raise self._lost(error) from error
            except (OSError, ValueError) as error:  # a certificate that cannot be read
                raise self._lost(error) from error
            else:
                self.v5 = version is aiomqtt.ProtocolVersion.V5
                return client
        raise AssertionError(self._settings.protocol)

    def _lost(self, error: Exception) -> NoBrokerError:
        where = f"{self._settings.host}:{self._settings.port}"
        return NoBrokerError(
            f"no connection to the broker at {where} ({str(error) or type(error).__name__});"
            " is it running, and are host, user and password right?"
        )

    async def _read(self) -> None:
        prefix = self._settings.prefix + "/"
        try:
            async for message in self._client.messages:
                levels = message.topic.value.removeprefix(prefix).split("/")
                treadmill, topic = "/".join(levels[: self._depth]), "/".join(levels[self._depth :])
                payload = bytes(message.payload)
                now = time.monotonic_ns() // 1_000_000
                news = News(
                    treadmill=treadmill,
                    topic=topic,
                    payload=payload,
                    retained=message.retain,
                    at=now,
                )
                self._take(news)
        except aiomqtt.MqttError as error:
            self._error = str(self._lost(error))
        finally:
            self._news.put_nowait(None)
            self._changed.set()
            for waiting in self._answers.values():
                if not waiting.done():
                    waiting.cancel()

    def _take(self, news: News) -> None:
        if news.topic == topics.INFO.name:
            with contextlib.suppress(msgspec.DecodeError):
                self._boots[news.treadmill] = msgspec.json.decode(news.payload, type=Info).boot
                self._changed.set()
        elif news.topic == topics.RESPONSE.name:
            with contextlib.suppress(msgspec.DecodeError):
                note = msgspec.json.decode(news.payload, type=ResponseNote)
                waiting = self._answers.get(note.id or "")
                if waiting is not None and not waiting.done():
                    waiting.set_result(note)
        self._news.put_nowait(news)

    async def news(self) -> AsyncIterator[News]:
        """Every message from the subscription on, retained ones first.

        Raises:
            NoBrokerError: the connection is lost.
        """
        while (news := await self._news.get()) is not None:
            yield news
        raise NoBrokerError(self._error or "the connection to the broker is closed")

    async def find_treadmills(self, wait: Ms = GREETING) -> tuple[str, ...]:
        """The ids of the treadmills that the broker knows of, after waiting for what is retained."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait / SECOND):
                while self._error is None:
                    self._changed.clear()
                    await self._changed.wait()
        if self._error is not None:
            raise NoBrokerError(self._error)
        return tuple(sorted(self._boots))

    async def send(
        self,
        treadmill: str,
        ask: Ask,
        program: str | None = None,
        *,
        patience: Ms = PATIENCE,
        **values: Unpack[Values],
    ) -> ResponseNote:
        """Send one command with its values, and wait for its answer.

        Raises:
            NoAnswerError: none came; the command may or may not have had an effect.
            NoBrokerError: the connection is lost.
        """
        topics.check_id(treadmill)
        number = f"cli-{secrets.token_hex(6)}"
        answer: asyncio.Future[ResponseNote] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            async with asyncio.timeout(patience / SECOND):
                boot = None if ask is Ask.STOP else await self._boot(treadmill)
                while True:
                    note = CommandNote(
                        v=VERSION, id=number, command=ask, program=program, ts=wall_now(), boot=boot,
                        **values,
                    )  # fmt: skip
                    await self._publish(treadmill, note)
                    if ask is not Ask.STOP:
                        return await answer
                    done, _ = await asyncio.wait({answer}, timeout=STOP_AGAIN / SECOND)
                    if done:
                        return answer.result()
        except TimeoutError:
            raise NoAnswerError(
                f"no answer from treadmill {treadmill!r} within {patience / SECOND:g} s; is its daemon"
                " running? The command may have had an effect: look at the belt"
            ) from None
        except asyncio.CancelledError:
            if answer.cancelled() and self._error is not None:
                raise NoBrokerError(self._error) from None
            raise
        finally:
            del self._answers[number]

    async def press_stop(self, treadmill: str) -> None:
        """Publish the shortest Stop, `command/stop`: all that a bridge lets in. No answer is awaited.

        Raises:
            NoBrokerError: the connection is lost.
        """
        topic = f"{self._settings.prefix}/{treadmill}/{topics.COMMAND.name}/{Ask.STOP}"
        await self._put(topic, b"")

    async def _boot(self, treadmill: str) -> str | None:
        """The nonce of the daemon's present life, from the retained `info`; None if none comes soon."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GREETING / SECOND):
                while treadmill not in self._boots and self._error is None:
                    self._changed.clear()
                    await self._changed.wait()
        return self._boots.get(treadmill)

    async def clear(self, topic: str) -> None:
        """Make the broker forget what it keeps of a topic; the topic is a whole one, below no prefix.

        Raises:
            NoBrokerError: the connection is lost, or the broker does not let us.
        """
        await self._put(topic, b"", retain=True)
        if self._client.refused:
            raise NoBrokerError(
                f"the broker does not let us write {topic!r}; its access list decides that"
            )

    async def _publish(self, treadmill: str, note: CommandNote) -> None:
        topic = f"{self._settings.prefix}/{treadmill}/{topics.COMMAND.name}"
        await self._put(topic, encode(note), properties=self._expiry())
        if self._client.refused:
            raise NoBrokerError(
                f"the broker does not let us command treadmill {treadmill!r}; its access list decides that"
            )

    async def _put(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        properties: Properties | None = None,
    ) -> None:
        publishing = asyncio.ensure_future(
            self._client.publish(
                topic, payload, topics.COMMAND.qos, retain=retain, properties=properties
            )
        )
        reader = self._reader
        try:
            # A publish that a disconnect catches would wait its whole timeout.
            await asyncio.wait(
                {publishing, reader} if reader else {publishing},
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not publishing.done():
                raise NoBrokerError(self._error or "the connection to the broker is closed")
            publishing.result()
        except aiomqtt.MqttError as error:
            raise self._lost(error) from error
        finally:
            publishing.cancel()

    def _expiry(self) -> Properties | None:
        """A command that waits somewhere must not arrive later."""
        if not self.v5:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call,unused-ignore]
        properties.MessageExpiryInterval = topics.COMMAND.expiry
        return properties


__all__ = ["News", "NoAnswerError", "NoBrokerError", "Remote", "RemoteSettings"]
