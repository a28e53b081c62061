"""From the bytes of the connection to judged-worthy messages, at the speed of the network.

Theory of operation
-------------------
A stop must not queue. Everything a broker sends arrives in one stream, so a stop is as late as
whatever stands before it takes to handle. The MQTT library needs some 50 us for a message and keeps
every one in a queue without end; 10,000 of them would hold a stop up for half a second. So the
stream is read here first, in large pieces, frame by frame at about 2 us each:

- a message on a command topic is taken out of the stream. If it says stop it is handed over at
  once; else only while its topic keeps to a rate that people and dashboards never reach. The rest
  is dropped and counted.
- everything else (acknowledgements, pings) goes on to the library untouched.

The commands are subscribed to with QoS 0. The session ends with the connection, so QoS 1 would
repeat nothing; it would put the broker's window of 20 unacknowledged messages and its queue of
1,000 before a stop, and drop it when they are full. Authors publish with QoS 1 as the table of
topics says: that is their way to the broker.

Nothing here grows: a frame is kept up to LARGEST_FRAME bytes, of a longer one only its beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.mqtt.decode import ASKS, LARGEST, Inbound, may_say_stop, says_stop

LARGEST_FRAME: Final = 16 * 1024
"""Bytes of one frame that are kept: a payload of LARGEST, a topic, and generous properties."""
RATE: Final = 100
"""Messages per second that one command topic may bring [CHOICE: 20 dashboards with a stuck key]."""
BURST: Final = 100
"""Messages that one topic may bring at once after a quiet second."""

_PUBLISH: Final = 0x30
_EXPIRY: Final = 0x02
_RESPONSE_TOPIC: Final = 0x08
_CORRELATION: Final = 0x09
_USER_PROPERTY: Final = 0x26
_SUBSCRIPTION: Final = 0x0B
_FIXED: Final = {0x01: 1, _EXPIRY: 4, 0x23: 2}
"""Properties of a PUBLISH with a fixed length, in bytes (MQTT 5, 2.2.2.2)."""
_LENGTHED: Final = frozenset({0x03, _RESPONSE_TOPIC, _CORRELATION})
"""Properties of a PUBLISH that begin with two bytes of length."""


class FrameError(BackstrideError):
    """The broker sent something that is not MQTT; the connection cannot go on."""


class Counts(Struct):
    """What came in on the command topics since the connection was opened for the first time."""

    messages: int = 0
    stops: int = 0
    dropped: int = 0
    """Beyond the rate; never a stop."""
    oversized: int = 0
    foreign: int = 0
    """Not on a command topic: nothing that was subscribed to."""


class Bucket:
    """Lets RATE messages a second pass, and BURST at once."""

    __slots__ = ("_at", "_tokens")

    def __init__(self) -> None:
        self._tokens = float(BURST)
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Take one token if there is one; `now` in seconds of any monotonic clock."""
        self._tokens = min(self._tokens + max(now - self._at, 0.0) * RATE, float(BURST))
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Intake:
    """Reads one connection's stream. `counts` and `buckets` outlive it and are shared.

    Args:
        prefix: the treadmill's prefix.
        properties: the connection speaks MQTT 5.
        deliver: takes a message now.
        now: seconds of a monotonic clock.
        counts: where to count.
        buckets: the rates, by topic.
        news: who takes the payloads of a topic that is no command, by its whole name.
    """

    def __init__(
        self,
        *,
        prefix: str,
        properties: bool,
        deliver: Callable[[Inbound], None],
        now: Callable[[], float],
        counts: Counts,
        buckets: dict[str, Bucket],
        news: dict[str, Callable[[bytes], None]] | None = None,
    ) -> None:
        self._command = f"{prefix}/command".encode()
        self._scalar = self._command + b"/"
        self._below = len(prefix.encode()) + 1
        # One bucket a topic: who floods one command does not silence the others. Topics that are no
        # command share one, so that inventing names makes neither room nor memory.
        scalars = {f"{prefix}/command/{name}".encode(): name for name in ASKS}
        self._buckets = {
            topic: buckets.setdefault(name, Bucket())
            for topic, name in ({self._command: ""} | scalars).items()
        }
        self._other = buckets.setdefault("?", Bucket())
        self._news = {topic.encode(): take for topic, take in (news or {}).items()}
        self._properties = properties
        self._deliver = deliver
        self._now = now
        self._counts = counts
        self._rest = b""
        self._skip = 0

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the stream; return those that the library must see.

        Raises:
            FrameError: the stream is broken.
        """
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if self._rest:
            data = self._rest + data
        passed: list[bytes] = []
        position, end = 0, len(data)
        # One look at the whole piece saves a look at each of its messages.
        alert, now = may_say_stop(data), self._now()
        while position < end:
            found = _read_length(data, position + 1, end)
            if found is None:
                break
            length, body = found
            after = body + length
            if data[position] & 0xF0 != _PUBLISH:
                if after > end:
                    _check_control(length)
                    break
                passed.append(data[position:after])
            elif after <= end or end - body >= LARGEST_FRAME:
                if self._publish(data, position, body, after, now, alert=alert):
                    passed.append(data[position:after])
                self._skip = max(after - end, 0)
            else:
                break
            position = after
        self._rest = data[position:] if position < end else b""
        return b"".join(passed)

    def _publish(
        self, data: bytes, head: int, body: int, after: int, now: float, *, alert: bool
    ) -> bool:
        """Handle one message; tell whether the library must see it to acknowledge it."""
        start = body + 2
        position = start + int.from_bytes(data[body:start])
        topic = data[start:position]
        bucket = self._buckets.get(topic)
        if bucket is None:
            if not topic.startswith(self._scalar):
                return self._take_news(data, head, position, body, after)
            bucket = self._other
        self._counts.messages += 1
        qos = data[head] >> 1 & 3
        # In a piece without the word, whatever comes too fast is dropped without a look at it.
        if not alert and not bucket.take(now):
            self._counts.dropped += 1
            return qos > 0
        properties, payload, size = self._split(data, position + 2 * (qos > 0), body, after)
        name = topic[self._below :].decode("utf-8", "replace")
        if alert and says_stop(name, payload):
            self._counts.stops += 1
        elif alert and not bucket.take(now):
            self._counts.dropped += 1
            return qos > 0
        if size > LARGEST:
            self._counts.oversized += 1
        self._hand_over(name, properties, payload, size, retain=bool(data[head] & 1))
        return qos > 0

    def _take_news(self, data: bytes, head: int, position: int, body: int, after: int) -> bool:
        """Handle a message that is no command; `position` is where its topic ends."""
        take = self._news.get(data[body + 2 : position])
        if take is None:
            self._counts.foreign += 1
            return False
        qos = data[head] >> 1 & 3
        _, payload, _ = self._split(data, position + 2 * (qos > 0), body, after)
        take(payload)
        return qos > 0

    def _split(self, data: bytes, position: int, body: int, after: int) -> tuple[bytes, bytes, int]:
        """Split what follows the topic into properties, the payload's beginning, and its true size."""
        end = min(after, len(data), body + LARGEST_FRAME)
        properties = b""
        if self._properties:
            length, position = _read_length(data, position, end) or (after, after)
            properties = data[position : position + length]
            position += length
        if position > after:
            raise FrameError("the broker sent a broken message; the connection is closed")
        payload = data[position : min(end, position + LARGEST)]
        if position > end:
            # Properties that fill the whole beginning: legal, sent by nobody with good intentions.
            return b"", b"", after - body
        return properties, payload, after - position

    def _hand_over(
        self, name: str, properties: bytes, payload: bytes, size: int, *, retain: bool
    ) -> None:
        expiry, response_topic, correlation = _read_properties(properties)
        self._deliver(
            Inbound(
                topic=name,
                payload=payload,
                size=size,
                retain=retain,
                expiry=expiry,
                response_topic=response_topic,
                correlation=correlation,
            )
        )


def _check_control(length: int) -> None:
    if length > LARGEST_FRAME:
        raise FrameError("a control packet of absurd length; the connection is closed")


def _read_length(data: bytes, position: int, end: int) -> tuple[int, int] | None:
    """Read a variable byte integer; return it and where it ends, or None if it is not all there."""
    value = shift = 0
    while position < end:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 21:
            raise FrameError("a length of more than four bytes; the connection is closed")
    return None


def _read_properties(data: bytes) -> tuple[int | None, str | None, bytes | None]:
    """Read what is of interest: message expiry (s), response topic, correlation data.

    Raises:
        FrameError: these are not the properties of a PUBLISH.
    """
    expiry: int | None = None
    response_topic: str | None = None
    correlation: bytes | None = None
    position, end = 0, len(data)
    while position < end:
        kind = data[position]
        position += 1
        if kind in _FIXED:
            after = position + _FIXED[kind]
            if kind == _EXPIRY:
                expiry = int.from_bytes(data[position:after])
        elif kind in _LENGTHED:
            after = position + 2 + int.from_bytes(data[position : position + 2])
            value = data[position + 2 : after]
            if kind == _RESPONSE_TOPIC:
                response_topic = value.decode("utf-8", "replace")
            elif kind == _CORRELATION:
                correlation = value
        elif kind == _USER_PROPERTY:
            after = position + 2 + int.from_bytes(data[position : position + 2])
            after += 2 + int.from_bytes(data[after : after + 2])
        elif kind == _SUBSCRIPTION:
            found = _read_length(data, position, end)
            after = end + 1 if found is None else found[1]
        else:
            after = end + 1
        if after > end:
            raise FrameError("properties that a message cannot have; the connection is closed")
        position = after
    return expiry, response_topic, correlation
