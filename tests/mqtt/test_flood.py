"""A stop under a flood: within 50 ms, whatever else comes in. The flood comes from other processes."""

import asyncio
import statistics
import sys
import time

import pytest

from backstride.domain.events import Ask

FLOOD = 10_000
ROUNDS = 15
SERIES = 3
LIMIT_S = 0.050

# Raw MQTT 5: encodes everything first, so that the flood is as fast as the socket takes it.
FLOODER = """
import socket, sys, struct
port, count, qos = int(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4])
topic, payload = sys.argv[2].encode(), sys.argv[5].encode()
last = b'backstride/gym/command/present'
def length(n):
    out = bytearray()
    while True:
        out.append(n % 128 | (128 if n > 127 else 0)); n //= 128
        if not n: return bytes(out)
def frame(i, topic, payload):
    body = struct.pack('!H', len(topic)) + topic
    if qos: body += struct.pack('!H', i % 65535 + 1)
    body += b'\\0' + payload.replace(b'%d', b'%d' % i)
    return bytes([0x30 | qos << 1]) + length(len(body)) + body
s = socket.create_connection(('127.0.0.1', port))
name = b'flooder-%d' % (id(s) % 100000)
body = b'\\0\\4MQTT\\5\\2\\0\\0\\0' + struct.pack('!H', len(name)) + name
s.sendall(bytes([0x10]) + length(len(body)) + body)
s.recv(100)
print('ready', flush=True)
data = b''.join(frame(i, topic, payload) for i in range(count)) + frame(count, last, b'')
import threading
def drain():
    while s.recv(65536): pass
threading.Thread(target=drain, daemon=True).start()
while sys.stdin.readline():
    print('go', flush=True)
    s.sendall(data)
    print('sent', flush=True)
"""


class Flooder:
    def __init__(self, process):
        self.process = process

    @classmethod
    async def make(cls, port, topic, count, qos, payload):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", FLOODER, str(port), topic, str(count), str(qos), payload,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        flooder = cls(process)
        await flooder.says(b"ready")
        return flooder

    def go(self):
        self.process.stdin.write(b"\n")

    async def says(self, word):
        assert await asyncio.wait_for(self.process.stdout.readline(), 30) == word + b"\n"

    async def end(self):
        self.process.kill()
        await self.process.wait()
        self.process._transport.close()


def show(name, latencies):
    ordered = sorted(latencies)
    p99 = ordered[int(len(ordered) * 0.99)]
    print(
        f"{name}: {len(ordered)} stops, p50 {statistics.median(ordered) * 1000:.2f} ms,"
        f" p99 {p99 * 1000:.2f} ms, max {ordered[-1] * 1000:.2f} ms"
    )
    return p99


@pytest.fixture
async def make_flooder(broker):
    flooders = []

    async def make(topic, count, qos, payload):
        flooders.append(await Flooder.make(broker.port, topic, count, qos, payload))
        return flooders[-1]

    yield make
    for flooder in flooders:
        await flooder.end()


async def test_an_ordinary_subscription_with_qos_1_would_lose_messages_in_the_same_flood(
    broker, observe, make_flooder
):
    """Why the bus subscribes with QoS 0: the broker's queue of 1,000 overflows, silently for the author."""
    observer = await observe(broker.port, "backstride/gym/#")
    flooder = await make_flooder("backstride/gym/command", FLOOD, 1, "junk")
    flooder.go()
    await flooder.says(b"go")
    await flooder.says(b"sent")

    async with asyncio.timeout(10):
        while not any("Outgoing messages are being dropped" in line for line in broker.log):
            await anext(observer.client.messages)


async def stop_latency(bench, observer, topic, payload):
    """From the moment the author hands it to the socket until it is in the session's hands, in s."""
    count = len(bench.events.at(Ask.STOP))
    began = time.perf_counter()
    await observer.send(topic, payload)
    await bench.events.until(Ask.STOP, count + 1)
    return bench.events.at(Ask.STOP)[count] - began


@pytest.mark.hazard("H02", "H27")
@pytest.mark.parametrize(
    ("topic", "qos", "payload", "stop_topic", "stop"),
    [
        ("command", 0, '{"v":1,"id":"f%d","command":"pause"}', "command", '{"command":"stop"}'),
        ("command", 1, "junk %d", "command/stop", ""),
        ("command/faster", 1, "", "command", "STOP"),
    ],
    ids=["json", "junk", "scalar"],
)
async def test_stop_arrives_within_50_ms_in_a_flood_of_10_000(  # noqa: PLR0917  one case is five values
    bench, broker, observe, make_flooder, topic, qos, payload, stop_topic, stop
):
    observer = await observe(broker.port, "backstride/nothing")
    flooder = await make_flooder(f"backstride/gym/{topic}", FLOOD, qos, payload)
    # On a machine that does other things too, a series may be late for their sake: up to three.
    for series in range(SERIES):
        latencies = []
        for number in range(ROUNDS):
            flooder.go()
            await flooder.says(b"go")
            if number % 2:
                await flooder.says(b"sent")
            latencies.append(await stop_latency(bench, observer, stop_topic, stop))
            if not number % 2:
                await flooder.says(b"sent")
            await bench.events.until(Ask.PRESENT, series * ROUNDS + number + 1)
        p99 = show(f"{ROUNDS} floods of {FLOOD} at QoS {qos} on {topic}", latencies)
        if p99 < LIMIT_S:
            break

    counters = bench.bus.counters()
    print({name: count for name, count in counters.items() if count})
    assert counters["stops"] == (series + 1) * ROUNDS
    assert counters["dropped"] > (series + 1) * ROUNDS * FLOOD / 2
    assert p99 < LIMIT_S
