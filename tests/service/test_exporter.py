"""The exporter between a real broker and a real VictoriaMetrics, and when the latter is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from backstride.domain.phases import Phase
from backstride.mqtt.broker import Mosquitto, free_port
from backstride.mqtt.remoteclient import RemoteSettings, make_client
from backstride.mqtt.schema import SpeedState, State, encode
from backstride.service.exporter import Exporter, Store, Tally, UrlError, complete_url

VICTORIA = shutil.which("victoria-metrics")
WAIT_S = 30.0
needs_victoria = pytest.mark.skipif(
    VICTORIA is None,
    reason="VictoriaMetrics is not here; install it with `apt-get install victoria-metrics`",
)


@pytest.fixture
def _guarded():
    """These have threads and processes of their own; nothing here runs on a daemon's loop."""


def state(speed):
    return encode(
        State(
            boot="boot-0123", seq=1, time="2026-11-20T07:35:00Z", phase=Phase.RUNNING,
            speed=SpeedState(measured=speed),
        )
    )  # fmt: skip


@contextlib.asynccontextmanager
async def speaking(port):
    """Somebody who publishes states of `mill-1`."""
    import aiomqtt

    client = make_client(RemoteSettings(host="127.0.0.1", port=port), aiomqtt.ProtocolVersion.V5)
    async with client:

        async def say(speed):
            await client.publish("backstride/mill-1/state", state(speed), qos=1)

        yield say


def ask(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read()


class Victoria:
    """A VictoriaMetrics on loopback, with its data in the test's directory."""

    def __init__(self, directory, port):
        self.port = port
        self._command = [
            VICTORIA, f"-storageDataPath={directory}", f"-httpListenAddr=127.0.0.1:{port}",
            "-memory.allowedBytes=64MB", "-loggerLevel=ERROR", "-retentionPeriod=10y",
        ]  # fmt: skip

    async def __aenter__(self):
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(WAIT_S):
            while True:
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(ask, self.port, "/health")
                    return self
                await asyncio.sleep(0.05)

    async def __aexit__(self, *_):
        self._process.kill()
        await self._process.wait()

    async def find(self, name, last):
        """The values of a series, when this one is among them: what was taken can be found a moment later."""
        found = set()
        async with asyncio.timeout(WAIT_S):
            while last not in found:
                await asyncio.to_thread(ask, self.port, "/internal/force_flush")
                lines = await asyncio.to_thread(ask, self.port, f"/api/v1/export?match[]={name}")
                found = {v for line in lines.splitlines() for v in json.loads(line)["values"]}
        return found


@pytest.fixture
async def exporting(tmp_path):
    """A broker, and exporters that end with the test."""
    tasks = []
    async with Mosquitto(tmp_path) as broker:

        async def export(url, **more):
            exporter = Exporter(
                RemoteSettings(host="127.0.0.1", port=broker.port), url, pause_s=0.05, **more
            )
            tasks.append(asyncio.create_task(exporter.run()))
            return exporter

        yield broker, export
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110  what it looks at is another task's own
            await asyncio.sleep(0.02)


async def say_until_heard(say, exporter, *speeds):
    """The exporter may not be at the broker yet: the first is said until it is there."""
    async with asyncio.timeout(WAIT_S):
        while not exporter.tally.heard:
            await say(speeds[0])
    before = exporter.tally.heard
    for speed in speeds[1:]:
        await say(speed)
    await until(lambda: exporter.tally.heard >= before + len(speeds) - 1)


@needs_victoria
@pytest.mark.timeout(120)
async def test_speeds_arrive_in_the_database_also_those_of_its_absence(tmp_path, exporting):
    broker, export = exporting
    victoria = Victoria(tmp_path / "data", free_port())
    exporter = await export(f"http://127.0.0.1:{victoria.port}")
    async with speaking(broker.port) as say:
        await say_until_heard(say, exporter, 1.0, 1.1, 1.2)
        assert (exporter.tally.sent, len(exporter.store) >= 3) == (0, True)

        async with victoria:
            await until(lambda: exporter.tally.sent >= 3)
            before = exporter.tally.heard
            await say(1.3)
            await until(lambda: before < exporter.tally.heard == exporter.tally.sent)
            found = await victoria.find("backstride_state_speed", 1.3)

    assert found == {1.0, 1.1, 1.2, 1.3}
    assert (exporter.tally.dropped, exporter.tally.refused) == (0, 0)


@needs_victoria
@pytest.mark.timeout(120)
async def test_what_the_database_calls_wrong_is_not_sent_for_ever(tmp_path, exporting):
    broker, export = exporting
    async with Victoria(tmp_path / "data", free_port()) as victoria:
        exporter = await export(f"http://127.0.0.1:{victoria.port}/no/such/place")
        async with speaking(broker.port) as say:
            await say_until_heard(say, exporter, 1.0)
            await until(lambda: exporter.tally.refused >= 1)
    assert exporter.tally.sent == 0


async def test_without_a_database_the_oldest_lines_make_room_and_are_counted(exporting):
    broker, export = exporting
    exporter = await export(f"http://127.0.0.1:{free_port()}", capacity=5)
    async with speaking(broker.port) as say:
        await say_until_heard(say, exporter, *(1 + n / 10 for n in range(9)))

    kept = [line.partition("speed=")[2].partition(",")[0] for line in exporter.store.peek(99)]
    assert kept == ["1.4", "1.5", "1.6", "1.7", "1.8"]
    assert exporter.tally.dropped == exporter.tally.heard - 5


async def test_the_exporter_comes_back_when_the_broker_does(exporting):
    broker, export = exporting
    exporter = await export(f"http://127.0.0.1:{free_port()}")
    async with speaking(broker.port) as say:
        await say_until_heard(say, exporter, 1.0)
    await broker.kill()
    await broker.start()
    before = exporter.tally.heard
    async with speaking(broker.port) as say, asyncio.timeout(WAIT_S):
        while exporter.tally.heard == before:
            await say(1.0)
            await asyncio.sleep(0.02)
    assert exporter.tally.heard > before


def test_what_is_dropped_while_a_batch_is_on_its_way_is_not_taken_twice():
    store = Store(3, Tally())
    store.put(("1", "2", "3"))
    assert store.peek(2) == ["1", "2"]
    store.put(("4",))
    store.done()
    assert store.peek(9) == ["3", "4"]


def test_more_lines_at_once_than_there_is_room_for_leave_the_newest():
    tally = Tally()
    store = Store(2, tally)
    store.put(("1", "2", "3"))
    assert (store.peek(9), tally.heard, tally.dropped) == (["2", "3"], 3, 1)


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("http://localhost:8428", "http://localhost:8428/write"),
        ("http://localhost:8428/", "http://localhost:8428/write"),
        (
            "https://db.example/api/v2/write?bucket=gym",
            "https://db.example/api/v2/write?bucket=gym",
        ),
    ],
)
def test_a_url_without_a_path_gets_the_usual_one(url, whole):
    assert complete_url(url) == whole


@pytest.mark.parametrize("url", ["", "localhost:8428", "file:///etc/passwd", "http://", "ftp://x"])
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(UrlError, match="http://localhost:8428"):
        complete_url(url)
