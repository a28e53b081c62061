"""The stream of a connection, in pieces of any size, true and false."""

import random
import struct

import pytest

from backstride.mqtt.decode import LARGEST
from backstride.mqtt.intake import BURST, LARGEST_FRAME, RATE, Counts, FrameError, Intake

PREFIX = "backstride/gym"
PINGRESP = b"\xd0\x00"
PUBACK = b"\x40\x02\x00\x07"


def length(value):
    out = bytearray()
    while True:
        out.append(value % 128 | (128 if value > 127 else 0))
        value //= 128
        if not value:
            return bytes(out)


def publish(topic, payload=b"", *, v5=True, properties=b"", qos=0, retain=False):
    name = f"{PREFIX}/{topic}".encode()
    body = struct.pack("!H", len(name)) + name
    if qos:
        body += b"\x00\x09"
    if v5:
        body += length(len(properties)) + properties
    body += payload
    return bytes([0x30 | qos << 1 | retain]) + length(len(body)) + body


class Stream:
    def __init__(self, *, v5=True):
        self.now = 1000.0
        self.counts = Counts()
        self.messages = []
        self.intake = Intake(
            prefix=PREFIX,
            properties=v5,
            deliver=self.messages.append,
            now=lambda: self.now,
            counts=self.counts,
            buckets={},
        )


@pytest.fixture
def stream():
    return Stream()


def test_a_command_is_taken_out_of_the_stream(stream):
    data = PINGRESP + publish("command", b"hello") + PUBACK

    passed = stream.intake.feed(data)

    assert passed == PINGRESP + PUBACK
    [message] = stream.messages
    assert (message.topic, message.payload, message.size) == ("command", b"hello", 5)
    assert not message.retain


@pytest.mark.parametrize("v5", [True, False])
def test_the_cut_of_the_pieces_does_not_matter(v5):
    frames = [
        publish("command", b"1", v5=v5),
        PINGRESP,
        publish("command/stop", v5=v5),
        publish("command/faster", b"x" * 300, v5=v5, retain=True),
        PUBACK,
        publish("command", b"y" * 40_000, v5=v5),
        publish("command", b"after", v5=v5),
    ]
    data = b"".join(frames)
    seed = 20261120
    print("seed", seed)
    chance = random.Random(seed)
    whole = Stream(v5=v5)
    expected = whole.intake.feed(data)
    assert expected == PINGRESP + PUBACK
    for _ in range(50):
        pieces = Stream(v5=v5)
        passed, position = b"", 0
        while position < len(data):
            size = chance.choice([1, 2, 3, 50, 5000])
            passed += pieces.intake.feed(data[position : position + size])
            position += size
        assert passed == expected
        assert pieces.messages == whole.messages


def test_a_long_message_is_cut_and_its_true_size_told(stream):
    stream.intake.feed(publish("command", b"x" * 1_000_000))
    stream.intake.feed(publish("command", b"next"))

    first, second = stream.messages
    assert (len(first.payload), first.size) == (LARGEST, 1_000_000)
    assert second.payload == b"next"
    assert stream.counts.oversized == 1


def test_a_long_message_is_never_kept(stream):
    frame = publish("command", b"x" * 1_000_000)
    kept = 0
    for position in range(0, len(frame), 1000):
        stream.intake.feed(frame[position : position + 1000])
        kept = max(kept, len(stream.intake._rest))

    assert kept <= LARGEST_FRAME + 1000


def test_a_stop_is_found_by_its_topic_even_in_a_long_message(stream):
    stream.intake.feed(publish("command/stop", b"x" * 1_000_000)[:20_000])

    assert [message.topic for message in stream.messages] == ["command/stop"]
    assert stream.counts.stops == 1


def test_the_properties_of_interest_are_read(stream):
    properties = (
        b"\x01\x01"
        b"\x02\x00\x00\x00\x0a"
        b"\x26\x00\x01k\x00\x01v"
        b"\x08\x00\x05reply"
        b"\x03\x00\x04text"
        b"\x09\x00\x02\x00\xff"
        b"\x0b\x81\x01"
    )
    stream.intake.feed(publish("command", b"p", properties=properties))

    [message] = stream.messages
    assert message.expiry == 10
    assert message.response_topic == "reply"
    assert message.correlation == b"\x00\xff"
    assert message.payload == b"p"


def test_properties_without_end_do_not_break_the_connection(stream):
    many = b"\x26\x00\x01k\x00\x01v" * 5_000
    stream.intake.feed(publish("command", b"x", properties=many))
    stream.intake.feed(publish("command/stop", b"x", properties=many))
    stream.intake.feed(publish("command", b"after"))

    junk, stop, after = stream.messages
    assert junk.size > LARGEST
    assert stop.topic == "command/stop"
    assert after.payload == b"after"


def test_a_flood_is_dropped_beyond_the_rate_and_counted(stream):
    stream.intake.feed(publish("command", b"junk") * 10_000)

    assert len(stream.messages) == BURST
    assert stream.counts.dropped == 10_000 - BURST
    assert stream.counts.messages == 10_000

    stream.now += 0.5
    stream.intake.feed(publish("command", b"junk") * 10_000)
    assert len(stream.messages) == BURST + RATE // 2


def test_a_stop_is_never_dropped(stream):
    data = publish("command", b"junk") * 500 + publish("command", b'{"command":"stop"}')

    stream.intake.feed(data * 20)

    stops = [message for message in stream.messages if b"stop" in message.payload]
    assert len(stops) == stream.counts.stops == 20


def test_a_flood_of_one_command_does_not_silence_another(stream):
    stream.intake.feed(publish("command/faster") * 10_000 + publish("command/slower"))

    assert stream.messages[-1].topic == "command/slower"


def test_invented_topics_share_one_rate_and_no_memory(stream):
    stream.intake.feed(b"".join(publish(f"command/x{number}") for number in range(10_000)))

    assert len(stream.messages) == BURST


def test_what_was_not_subscribed_to_is_dropped(stream):
    stream.intake.feed(publish("state", b"spoofed") + publish("commander", b"x"))

    assert stream.messages == []
    assert stream.counts.foreign == 2


def test_a_message_that_wants_an_acknowledgement_goes_on_to_the_library(stream):
    frame = publish("command", b"1", qos=1)
    assert stream.intake.feed(frame) == frame
    assert len(stream.messages) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\xff\xff\xff\xff\x01",
        b"\xd0\xff\xff\xff\x7f",
        b"\x30" + publish("command")[1:-1] + b"\x7f",
        publish("command", properties=b"\x99\x00"),
        publish("command", properties=b"\x08\x00\x09x"),
        publish("command", properties=b"\x02\x00"),
    ],
)
def test_a_broken_stream_ends_the_connection(stream, data):
    with pytest.raises(FrameError, match="connection is closed"):
        stream.intake.feed(data + b"\x00" * 10)


def test_random_bytes_end_the_connection_or_nothing():
    seed = 7
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(3_000):
        stream = Stream(v5=chance.random() < 0.5)
        data = bytearray(publish("command", b"abc", properties=b"\x02\x00\x00\x00\x0a") * 3)
        for _ in range(chance.randint(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            stream.intake.feed(bytes(data))
        except FrameError:
            continue


@pytest.mark.parametrize("v5", [True, False])
@pytest.mark.parametrize("size", [1, 7, 50_000])
def test_news_of_another_topic_go_to_whoever_takes_them_and_no_others(v5, size):
    heard = []
    stream = Stream(v5=v5)
    stream.intake = Intake(
        prefix=PREFIX,
        properties=v5,
        deliver=stream.messages.append,
        now=lambda: 0.0,
        counts=stream.counts,
        buckets={},
        news={f"{PREFIX}/status": heard.append},
    )
    data = (
        publish("status", b"online", v5=v5)
        + publish("status/more", b"no", v5=v5)
        + publish("status", b"x" * 100_000, v5=v5, qos=1)
        + publish("command", b"stop", v5=v5)
    )
    for position in range(0, len(data), size):
        stream.intake.feed(data[position : position + size])
    assert [payload[:6] for payload in heard] == [b"online", b"xxxxxx"]
    assert len(heard[1]) <= LARGEST
    assert (stream.counts.foreign, stream.counts.stops) == (1, 1)
    assert [message.payload for message in stream.messages] == [b"stop"]
