"""A real mosquitto for each test that asks, a bus under test, and an observer at the broker."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiomqtt
import pytest

from backstride.domain.events import BusUp, Event, Request
from backstride.domain.units import KMH, MINUTE
from backstride.domain.workout import Effort, Facing, Level, Program, Step
from backstride.mqtt.broker import BrokerFiles, Mosquitto, find_mosquitto
from backstride.mqtt.link import MqttBus
from backstride.mqtt.pin import PinHash
from backstride.mqtt.settings import BrokerSettings

BOOT = "boot-0123"
WAIT_S = 10.0

PROGRAM = Program(
    id="first-steps",
    name="First steps",
    goal="learn the gait",
    level=Level.BEGINNER,
    facing=Facing.BACKWARD,
    max_speed=1 * KMH,
    steps=(Step(effort=Effort.WORK, duration=MINUTE, speed=1 * KMH),),
)


class MonotonicClock:
    def now(self) -> int:
        return time.monotonic_ns() // 1_000_000


class Events:
    """A sink that can be waited for."""

    def __init__(self) -> None:
        self.all: list[Event] = []
        self._at: defaultdict[object, list[float]] = defaultdict(list)
        self._changed = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.all.append(event)
        now = time.perf_counter()
        self._at[type(event)].append(now)
        if isinstance(event, Request):
            self._at[event.ask].append(now)
        self._changed.set()

    def of[T](self, kind: type[T]) -> list[T]:
        return [event for event in self.all if isinstance(event, kind)]

    def at(self, kind: object) -> list[float]:
        """When events of a type, or requests of an ask, came."""
        return self._at[kind]

    async def until(self, kind: object, count: int = 1, timeout: float = WAIT_S) -> list:  # noqa: ASYNC109
        async with asyncio.timeout(timeout):
            while len(self._at[kind]) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.of(kind) if isinstance(kind, type) else []


class Bench:
    """A bus at work, and what it told the session."""

    def __init__(self, bus: MqttBus, events: Events) -> None:
        self.bus = bus
        self.events = events
        self.phase = "idle"
        self.wall = 1_800_000_000_000
        self.synchronised = True
        self.task: asyncio.Task[None] | None = None

    def run(self) -> None:
        self.task = asyncio.create_task(self.bus.run(self.events))

    async def up(self, count: int = 1, timeout: float = WAIT_S) -> None:  # noqa: ASYNC109
        await self.events.until(BusUp, count, timeout)

    async def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task


class Observer:
    """Somebody else at the broker, MQTT 5."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self._messages = client.messages

    async def next(self, topic: str, timeout: float = WAIT_S) -> aiomqtt.Message:  # noqa: ASYNC109
        async with asyncio.timeout(timeout):
            while True:
                message = await anext(self._messages)
                if message.topic.value == topic:
                    return message

    async def send(self, topic: str, payload: str | bytes = "", **options) -> None:
        await self.client.publish(f"backstride/gym/{topic}", payload, qos=1, **options)


type MakeBench = Callable[..., Bench]


@pytest.fixture
async def start_broker(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Mosquitto]]]:
    if find_mosquitto() is None:
        pytest.fail("mosquitto is not installed; `apt install mosquitto` brings it")
    brokers: list[Mosquitto] = []

    async def start(files: BrokerFiles | None = None, extra: tuple[str, ...] = ()) -> Mosquitto:
        directory = tmp_path / f"broker-{len(brokers)}"
        directory.mkdir()
        broker = Mosquitto(directory, files=files, extra=extra)
        brokers.append(broker)
        await broker.start()
        return broker

    yield start
    for broker in brokers:
        await broker.stop()


@pytest.fixture
async def broker(start_broker) -> Mosquitto:
    return await start_broker()


@pytest.fixture
async def make_bench(start_broker) -> AsyncIterator[MakeBench]:
    benches: list[Bench] = []

    def make(port: int, *, pin: PinHash | None = None, **settings) -> Bench:
        defaults = {"treadmill": "gym", "retry_after": 0.1, "timeout": 2.0}
        events = Events()
        bench: Bench | None = None
        bus = MqttBus(
            BrokerSettings(**{**defaults, "port": port, **settings}),
            clock=MonotonicClock(),
            programs={PROGRAM.id: PROGRAM}.get,
            phase=lambda: bench.phase,
            boot=BOOT,
            wall=lambda: bench.wall,
            synchronised=lambda: bench.synchronised,
            pin=pin,
        )
        bench = Bench(bus, events)
        benches.append(bench)
        bench.run()
        return bench

    yield make
    for bench in benches:
        await bench.end()


@pytest.fixture
async def bench(broker: Mosquitto, make_bench: MakeBench) -> Bench:
    bench = make_bench(broker.port)
    await bench.up()
    return bench


@pytest.fixture
async def observe(start_broker) -> AsyncIterator[Callable[..., Awaitable[Observer]]]:
    async with contextlib.AsyncExitStack() as stack:

        async def connect(port: int, *topics: str, **options) -> Observer:
            client = aiomqtt.Client(
                "127.0.0.1",
                port,
                protocol=aiomqtt.ProtocolVersion.V5,
                socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
                **options,
            )
            await stack.enter_async_context(client)
            for topic in topics or ("backstride/#",):
                await client.subscribe(topic, qos=1)
            return Observer(client)

        yield connect


@pytest.fixture
async def observer(broker: Mosquitto, observe) -> Observer:
    return await observe(broker.port)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Path:
    """A CA, a server certificate for 127.0.0.1, and client certificates for `gym` and `stranger`."""
    directory = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    for name in ("ca", "other"):
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
    for name, san in (("server", "IP:127.0.0.1"), ("gym", "DNS:gym"), ("stranger", "DNS:stranger")):
        (directory / f"{name}.ext").write_text(f"subjectAltName={san}\n")
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
        )  # fmt: skip
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext",
        )  # fmt: skip
    return directory
