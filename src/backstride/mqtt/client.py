"""One connection to the broker, used once. What aiomqtt hides is looked at here, and only here.

aiomqtt 2.5 is right for the common case; these are the places where a treadmill needs more:

- a client that is used again repeats an unanswered publish and keeps old inbound messages, and one
  that was cancelled while connecting cannot be used at all: an object of this class lives for one
  attempt;
- cancelled while connecting, its thread goes on, connects, and registers the socket with the loop:
  `abandon` closes what comes of it, and only the loop's own thread registers anything;
- a connection closed before CONNACK is noticed only by a timeout: `_on_disconnect` ends the wait;
- the reason code of a PUBACK is dropped: `deliver` returns it;
- inbound messages go to a queue without end: here the intake takes them out of the stream first;
- leaving the context says goodbye to the broker, which then keeps the will to itself: after a
  failure the socket is closed without a word, so that the will is published.
"""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Any, Final

import aiomqtt
from aiomqtt.types import PahoSocket
from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from backstride.mqtt.intake import FrameError, Intake
from backstride.mqtt.outbox import Item
from backstride.mqtt.settings import BrokerSettings, Tls

__all__ = ["BrokerClient", "BrokerSettings", "ClosedEarlyError", "Tls"]

LARGEST_PACKET: Final = 64 * 1024
"""Bytes. An MQTT 5 broker keeps anything larger to itself."""
CHUNK: Final = 64 * 1024
"""Bytes read at once: some 1,000 small messages, 2 ms of work."""
FAILURE: Final = 0x80
"""Reason codes from here on are failures (MQTT 5, 2.4)."""
NO_SUBSCRIBERS: Final = 0x10
"""The broker took the message and nobody listens (MQTT 5, 3.4.2.1)."""


class BrokerClient(aiomqtt.Client):
    """One attempt to connect, and the connection that comes of it.

    Args:
        settings: where and who.
        protocol: MQTT 5 or 3.1.1.
        will: published by the broker when we vanish.
        intake: takes the inbound messages.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        protocol: aiomqtt.ProtocolVersion,
        will: Item,
        intake: Intake,
    ) -> None:
        self.v5 = protocol is aiomqtt.ProtocolVersion.V5
        tls = settings.tls
        told = _properties(PacketTypes.WILLMESSAGE, will, None) if self.v5 else None
        super().__init__(
            settings.host,
            settings.port,
            username=settings.user,
            password=settings.password,
            identifier=settings.client_id or f"backstride-{settings.treadmill}",
            protocol=protocol,
            will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain, told),
            clean_session=None if self.v5 else True,
            clean_start=True if self.v5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
            properties=_connect_properties() if self.v5 else None,
            timeout=settings.timeout,
            keepalive=settings.keepalive,
            tls_params=None
            if tls is None
            else aiomqtt.TLSParameters(ca_certs=tls.ca, certfile=tls.certificate, keyfile=tls.key),
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
        )
        self._client.connect_timeout = settings.timeout
        # The library reads from here what the intake leaves it.
        self._client._sock_recv = self._recv  # type: ignore[method-assign]  # noqa: SLF001
        self._thread = threading.get_ident()
        self._intake = intake
        self._inbox = bytearray()
        self._eof = False
        self._abandoned = False
        self._reason = 0

    async def open(self) -> None:
        """Connect and wait for CONNACK.

        Raises:
            aiomqtt.MqttError: no connection, or a refusal.
        """
        try:
            await self.__aenter__()
        except aiomqtt.MqttError as error:
            silent = self._client.socket() is not None
            self.abandon()
            if silent and not isinstance(error, aiomqtt.MqttCodeError):
                raise ClosedEarlyError("the broker does not answer") from error
            raise
        except BaseException:
            self.abandon()
            raise

    async def close(self) -> None:
        """Say goodbye: the broker forgets the will."""
        try:
            await self.__aexit__(None, None, None)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the connection without a word, in whatever state it is. Always safe."""
        self._abandoned = True
        self._client._sock_close()  # noqa: SLF001  the public way sends DISCONNECT
        for future in (self._connected, self._disconnected):
            if not future.done():
                future.cancel()
            elif not future.cancelled():
                future.exception()  # retrieved: nobody else will

    async def lost(self) -> None:
        """Wait until the connection is lost.

        Raises:
            aiomqtt.MqttError: always, with the reason.
        """
        async for _ in self.messages:
            pass

    async def listen(self, topics: list[str]) -> list[tuple[str, int]]:
        """Subscribe to command topics; return those that were refused, with their reason codes."""
        if self.v5:
            options = SubscribeOptions(
                qos=0,
                retainAsPublished=True,
                retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND,
            )
            codes = await self.subscribe([(topic, options) for topic in topics])
        else:
            codes = await self.subscribe([(topic, 0) for topic in topics])
        values = [code.value if isinstance(code, ReasonCode) else code for code in codes]
        return [
            (topic, value) for topic, value in zip(topics, values, strict=True) if value >= FAILURE
        ]

    async def deliver(self, item: Item, expiry: int | None) -> int:
        """Publish one message and return the reason code of its PUBACK; one at a time.

        Raises:
            aiomqtt.MqttError: no acknowledgement in time; the connection is not worth keeping.
        """
        self._reason = 0
        properties = _properties(PacketTypes.PUBLISH, item, expiry) if self.v5 else None
        await self.publish(item.topic, item.payload, item.qos, item.retain, properties)
        return self._reason

    def _on_publish(
        self,
        client: paho.Client,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        self._reason = reason_code.value
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_message(
        self,
        client: paho.Client,
        userdata: Any,
        message: paho.MQTTMessage,
    ) -> None:
        """Do nothing: the intake has seen it, and the library's queue stays empty."""

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
            self._connected.set_exception(
                ClosedEarlyError("the broker closed the connection before it answered")
            )
        else:
            super()._on_disconnect(client, userdata, flags, reason_code, properties)

    # The library connects in a thread of its own and would register the socket with the loop from
    # there. If nobody waits for that thread any more, the registration would meet a closed socket,
    # or another one with its number. So only the loop's thread registers, when all is done.

    def _client_connect(self) -> None:
        super()._client_connect()
        try:
            self._loop.call_soon_threadsafe(self._attach)
        except RuntimeError:  # the loop ended meanwhile
            self._abandoned = True
        if self._abandoned:
            self._client._sock_close()  # noqa: SLF001  the broker must not think that we are there

    def _attach(self) -> None:
        sock = self._client.socket()
        if self._abandoned or sock is None:
            return
        self._loop.add_reader(sock.fileno(), self._readable, sock)
        if self._client.want_write():
            self._loop.add_writer(sock.fileno(), self._writable)
        self._misc_task = self._loop.create_task(self._misc_loop())

    def _on_socket_open(
        self,
        client: paho.Client,
        userdata: Any,
        sock: PahoSocket,
    ) -> None:
        """Do nothing: `_attach` comes when the connection is made."""

    def _on_socket_register_write(
        self,
        client: paho.Client,  # noqa: ARG002  the library's signature
        userdata: Any,  # noqa: ARG002  the library's signature
        sock: PahoSocket,
    ) -> None:
        if self._in_loop() and not self._abandoned:
            self._loop.add_writer(sock.fileno(), self._writable)

    def _on_socket_unregister_write(
        self,
        client: paho.Client,  # noqa: ARG002  the library's signature
        userdata: Any,  # noqa: ARG002  the library's signature
        sock: PahoSocket,
    ) -> None:
        if self._in_loop() and sock.fileno() >= 0:
            self._loop.remove_writer(sock.fileno())

    def _on_socket_close(
        self,
        client: paho.Client,  # noqa: ARG002  the library's signature
        userdata: Any,  # noqa: ARG002  the library's signature
        sock: PahoSocket,
    ) -> None:
        if self._in_loop():
            if sock.fileno() >= 0:
                self._loop.remove_reader(sock.fileno())
            if self._misc_task is not None:
                self._misc_task.cancel()

    def _in_loop(self) -> bool:
        return threading.get_ident() == self._thread and not self._loop.is_closed()

    def _writable(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001  the library raises what its socket raises
            self._fail(error)

    def _readable(self, sock: PahoSocket) -> None:
        try:
            more = True
            while more:
                data = sock.recv(CHUNK)
                self._eof = self._eof or not data
                self._inbox += self._intake.feed(data)
                # A TLS record may hold more than was asked for, which no selector sees.
                more = bool(data) and isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self._eof = True
        except FrameError as error:
            self._fail(error)
            return
        try:
            while (self._inbox or self._eof) and self._client.socket() is not None:
                if self._client.loop_read() != paho.MQTT_ERR_SUCCESS:
                    break
        except Exception as error:  # noqa: BLE001  the library raises what its socket raises
            self._fail(error)

    def _recv(self, bufsize: int) -> bytes:
        if self._inbox:
            data = bytes(self._inbox[:bufsize])
            del self._inbox[:bufsize]
            return data
        if self._eof:
            return b""
        raise BlockingIOError

    def _fail(self, error: Exception) -> None:
        self._client._sock_close()  # noqa: SLF001  the stream cannot be read on
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError(str(error)))
        elif not self._disconnected.done():
            self._disconnected.set_exception(error)


class ClosedEarlyError(aiomqtt.MqttError):
    """No CONNACK came: the broker is going down, or does not know this version of MQTT."""


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0
    properties.MaximumPacketSize = LARGEST_PACKET
    return properties


def _properties(packet: int, item: Item, expiry: int | None) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    if expiry is not None:
        properties.MessageExpiryInterval = expiry
    if item.content is not None:
        properties.ContentType = item.content
        properties.PayloadFormatIndicator = 1
    if item.correlation is not None:
        properties.CorrelationData = item.correlation
    return properties
