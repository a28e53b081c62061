"""MQTT 5 by hand, for clients that must be quicker than any library: a flood's sender and a stop's author."""

from __future__ import annotations

import socket
import struct

from backstride.mqtt.broker import HOST

CONNACK = 0x20
PUBLISH = 0x30
_RESPONSE_TOPIC = 0x08
_CORRELATION = 0x09


def length(value: int) -> bytes:
    """A variable byte integer."""
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def text(value: bytes) -> bytes:
    """A string or binary data with its length."""
    return struct.pack("!H", len(value)) + value


def packet(kind: int, body: bytes) -> bytes:
    """A whole control packet."""
    return bytes((kind,)) + length(len(body)) + body


def publish(
    topic: bytes,
    payload: bytes,
    *,
    retain: bool = False,
    respond: tuple[bytes, bytes] | None = None,
) -> bytes:
    """PUBLISH with QoS 0. `respond`: the response topic and the correlation data."""
    properties = b""
    if respond is not None:
        properties = bytes((_RESPONSE_TOPIC,)) + text(respond[0])
        properties += bytes((_CORRELATION,)) + text(respond[1])
    body = text(topic) + length(len(properties)) + properties + payload
    return packet(PUBLISH | retain, body)


def subscribe(topic: bytes) -> bytes:
    """SUBSCRIBE to one topic with QoS 0."""
    return packet(0x82, b"\0\1\0" + text(topic) + b"\0")


def connect(port: int, name: str) -> socket.socket:
    """Connect as a client with this id and wait for the broker's word.

    Raises:
        ConnectionError: it does not want us.
    """
    connection = socket.create_connection((HOST, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(packet(0x10, text(b"MQTT") + b"\5\2\0\0\0" + text(name.encode())))
    answer = connection.recv(1024)
    if answer[:1] != bytes((CONNACK,)) or answer[3]:
        raise ConnectionError(f"the broker answered {answer.hex()}")
    return connection
