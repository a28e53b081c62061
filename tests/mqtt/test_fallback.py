"""MQTT 3.1.1 when the broker knows no other, and a broker that refuses the subscription.

The broker is mosquitto behind a proxy that answers a CONNECT of MQTT 5 as older brokers do.
"""

import asyncio
import contextlib
import json

import aiomqtt
import pytest

from backstride.domain.events import Ask, BusDown, BusUp, CueHeard, Request
from backstride.mqtt.broker import InProcessBroker
from backstride.ports import Publication

PREFIX = "backstride/gym"
REFUSALS = {"0x84": b"\x20\x03\x00\x84\x00", "0x01": b"\x20\x02\x00\x01", "silence": b""}
DENIED = 0x87


class Proxy:
    """Passes a connection on to a broker, but for what it is told to spoil."""

    def __init__(self, port, *, refusal=None, deny_subscriptions=False):
        self.refusal = refusal
        self.deny_subscriptions = deny_subscriptions
        self.attempts = []
        self.attempted = asyncio.Event()
        self._broker_port = port
        self._writers = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self):
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            connect = await reader.readexactly(9)
            level = connect[8]
            self.attempts.append(level)
            self.attempted.set()
            if level == 5 and self.refusal is not None:
                writer.write(self.refusal)
                await writer.drain()
            else:
                await self._pass_on(connect, reader, writer)
        writer.close()
        self._writers.discard(writer)

    async def _pass_on(self, connect, reader, writer):
        upstream, broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
        broker.write(connect)
        tasks = [
            asyncio.create_task(self._copy(reader, broker, spoil=False)),
            asyncio.create_task(self._copy(upstream, writer, spoil=True)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        broker.close()

    async def _copy(self, reader, writer, *, spoil):
        while data := await reader.read(65536):
            if spoil and self.deny_subscriptions and data[0] == 0x90:
                data = data[:-1] + bytes([DENIED])
            writer.write(data)
            await writer.drain()


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_falls_back_to_3_1_1_at_once(broker, make_bench, observe, refusal):
    async with Proxy(broker.port, refusal=REFUSALS[refusal]) as proxy:
        bench = make_bench(proxy.port, retry_after=30.0)
        await bench.up()
        observer = await observe(broker.port)
        bench.bus.publish(Publication("state", b"1", retain=True))
        message = await observer.next(f"{PREFIX}/state")
        await observer.send("command", '{"v":1,"id":"a","command":"pause"}')
        await bench.events.until(Request)

        assert message.payload == b"1"
        assert bench.bus.protocol == "3.1.1"
        assert proxy.attempts == [5, 4]
        await bench.end()


async def test_a_broker_that_declared_itself_is_not_asked_again(broker, make_bench):
    async with Proxy(broker.port, refusal=REFUSALS["0x84"]) as proxy:
        bench = make_bench(proxy.port)
        await bench.up()
        proxy.cut()
        await bench.events.until(BusDown)
        await bench.up(2)

        assert proxy.attempts == [5, 4, 4]
        await bench.end()


async def test_a_broker_that_once_spoke_5_is_not_doubted_when_it_hangs_up(broker, make_bench):
    async with Proxy(broker.port) as proxy:
        bench = make_bench(proxy.port)
        await bench.up()
        proxy.refusal = REFUSALS["silence"]
        proxy.cut()
        await bench.events.until(BusDown)
        proxy.refusal = await _after_an_attempt(proxy)
        await bench.up(2)

        assert set(proxy.attempts) == {5}
        await bench.end()


async def _after_an_attempt(proxy):
    count = len(proxy.attempts)
    while len(proxy.attempts) == count:
        await proxy.attempted.wait()
        proxy.attempted.clear()


async def test_only_3_1_1_is_spoken_when_5_is_switched_off(broker, make_bench):
    async with Proxy(broker.port) as proxy:
        bench = make_bench(proxy.port, mqtt5=False)
        await bench.up()
        proxy.cut()
        await bench.up(2)

        assert proxy.attempts == [4, 4]
        await bench.end()


async def test_a_broker_that_only_hung_up_is_asked_again(broker, make_bench):
    async with Proxy(broker.port, refusal=REFUSALS["silence"]) as proxy:
        bench = make_bench(proxy.port)
        await bench.up()
        proxy.refusal = None
        proxy.cut()
        await bench.events.until(BusDown)
        await bench.up(2)

        assert proxy.attempts == [5, 4, 5]
        assert bench.bus.protocol == "5"
        await bench.end()


@pytest.mark.hazard("H02")
async def test_on_3_1_1_a_kept_start_is_replayed_and_refused(broker, make_bench, observe):
    observer = await observe(broker.port, f"{PREFIX}/response")
    await observer.send("command", '{"v":1,"id":"a","command":"start"}', retain=True)
    async with Proxy(broker.port, refusal=REFUSALS["0x84"]) as proxy:
        bench = make_bench(proxy.port)
        await bench.up()
        response = json.loads((await observer.next(f"{PREFIX}/response")).payload)

        assert response["code"] == "retained"
        assert bench.events.of(Request) == []
        await bench.end()


async def test_on_3_1_1_an_acknowledged_cue_counts_as_heard(broker, make_bench):
    async with Proxy(broker.port, refusal=REFUSALS["0x84"]) as proxy:
        bench = make_bench(proxy.port)
        await bench.up()
        bench.bus.publish(Publication("cue", b"step on", cue=3))

        [heard] = await bench.events.until(CueHeard)

        assert heard.cue == 3
        await bench.end()


async def test_a_refused_subscription_is_a_failure_and_nobody_is_told_online(
    broker, make_bench, observe, capsys
):
    observer = await observe(broker.port)
    async with Proxy(broker.port, deny_subscriptions=True) as proxy:
        bench = make_bench(proxy.port)
        message = await observer.next(f"{PREFIX}/availability")
        assert message.payload == b"offline"
        assert bench.events.of(BusUp) == []
        assert "mqtt_subscription_refused" in capsys.readouterr().out

        proxy.deny_subscriptions = False
        await bench.up()
        await bench.end()


@pytest.mark.parametrize("mqtt5", [True, False])
async def test_the_demo_broker_in_this_process_speaks_3_1_1(make_bench, mqtt5):
    async with InProcessBroker() as broker:
        bench = make_bench(broker.port, timeout=0.5, trust_scalars=True, mqtt5=mqtt5)
        await bench.up()
        async with aiomqtt.Client("127.0.0.1", broker.port) as observer:
            await observer.subscribe(f"{PREFIX}/state", qos=1)
            await observer.publish(f"{PREFIX}/command/start", "first-steps", qos=1)
            await bench.events.until(Ask.START)
            bench.bus.publish(Publication("state", b"1", retain=True))
            message = await asyncio.wait_for(anext(observer.messages), 5)
            assert message.payload == b"1"

        assert bench.bus.protocol == "3.1.1"
        await bench.end()
