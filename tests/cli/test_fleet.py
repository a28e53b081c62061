"""One configuration, two hosts' daemons as processes of their own, and the fleet's commands about them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time

import aiomqtt
import pytest

from backstride.cli import fleet_stop
from backstride.domain.units import SECOND
from backstride.mqtt.broker import find_mosquitto, free_port
from backstride.mqtt.remote import NoBrokerError, Remote, RemoteSettings
from backstride.service.config import read_config

WAIT_S = 40
HOSTS = {"mill-1": "pi-1", "mill-2": "pi-2"}

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")


async def healths(port):
    """Wait until every treadmill has told its health."""
    waiting = set(HOSTS)
    async with asyncio.timeout(WAIT_S):
        while waiting:
            # The broker may not be up yet.
            with contextlib.suppress(NoBrokerError):
                async with Remote(RemoteSettings(host="127.0.0.1", port=port)) as line:
                    async for news in line.news():
                        if news.topic == "health":
                            waiting.discard(news.treadmill)
                        if not waiting:
                            return


@pytest.fixture(scope="module")
def gym(tmp_path_factory):
    """The one configuration of a gym with two hosts, whose daemons know nothing else but their names."""
    place, port = tmp_path_factory.mktemp("gym"), free_port()
    (place / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_dest stderr\n"
    )
    mills = (
        f'[[treadmill]]\nid = "{mill}"\nhost = "{host}"\nvirtual = "ideal"\n'
        for mill, host in HOSTS.items()
    )
    config = place / "backstride.toml"
    config.write_text(
        f'[broker]\nhost = "127.0.0.1"\nport = {port}\n'
        f'[service]\nstate_directory = "{place}/state"\n{"".join(mills)}'
    )
    with contextlib.ExitStack() as stack:
        broker = subprocess.Popen(
            [find_mosquitto(), "-c", str(place / "mosquitto.conf")],
            stderr=stack.enter_context((place / "broker").open("wb")),
        )
        stack.callback(broker.wait)
        stack.callback(broker.kill)
        daemons = []
        for host in HOSTS.values():
            log = stack.enter_context((place / host).open("wb"))
            command = [sys.executable, "-m", "backstride.cli", "run", "--config", str(config)]
            daemons.append(
                subprocess.Popen([*command, "--host-name", host], stdout=log, stderr=log)
            )
        try:
            asyncio.run(healths(port))
            yield config
        finally:
            for daemon in daemons:
                daemon.terminate()
            codes = [daemon.wait(timeout=WAIT_S) for daemon in daemons]
        assert codes == [0, 0]


@pytest.fixture
def fleet(gym, run):
    return lambda *words: run("fleet", *words, "--config", gym)


def test_each_daemon_takes_the_treadmills_of_its_host_out_of_one_file(fleet):
    result = fleet("--json")

    assert {row["id"]: row["host"] for row in json.loads(result.out)} == HOSTS
    assert result.code == 0


def test_the_table_is_filtered_sorted_and_written_as_csv(fleet):
    table = fleet("--once", "--filter", "pi-2", "--sort", "-age")
    csv = fleet("--csv", "--sort", "-id")

    assert "mill-2" in table.out
    assert "mill-1" not in table.out
    assert "1 treadmill, " in table.out
    assert [line.partition(",")[0] for line in csv.out.splitlines()] == ["id", "mill-2", "mill-1"]


@pytest.mark.hazard("H12")
def test_stop_for_all_says_of_each_that_it_rests(fleet):
    result = fleet("stop", "--all")

    assert (result.code, result.err) == (0, "")
    assert [line.partition(" (")[0] for line in result.out.splitlines()] == [
        "mill-1: at rest",
        "mill-2: at rest",
    ]


@pytest.mark.hazard("H12")
@pytest.mark.parametrize(("beside", "out"), [((), ""), (("mill-1",), "mill-1: at rest")])
def test_stop_for_one_that_no_broker_knows_says_so_at_once_and_which_there_are(fleet, beside, out):
    begun = time.monotonic()
    result = fleet("stop", *beside, "mill-9")

    assert result.err.splitlines()[:2] == [
        "mill-9: NO SUCH TREADMILL at this broker; look at the belt",
        "there are mill-1, mill-2",
    ]
    assert (result.code, result.out.partition(" (")[0]) == (4, out)
    assert time.monotonic() - begun < fleet_stop.PATIENCE / 2 / SECOND


@pytest.mark.hazard("H12")
def test_stop_is_pressed_also_for_one_that_no_broker_knows(gym, fleet):
    async def story():
        port = read_config(gym).broker.port
        async with aiomqtt.Client("127.0.0.1", port) as listener:
            await listener.subscribe("backstride/mill-9/command/stop")
            stopping = asyncio.create_task(asyncio.to_thread(fleet, "stop", "mill-9"))
            async with asyncio.timeout(WAIT_S):
                message = await anext(listener.messages)
            return message.payload, (await stopping).code

    assert asyncio.run(story()) == (b"", 4)


@pytest.mark.hazard("H12")
def test_one_that_is_known_and_silent_is_pressed_stop_for_as_long_as_a_belt_may_take(
    gym, fleet, monkeypatch
):
    monkeypatch.setattr(fleet_stop, "PATIENCE", 3_000)
    port = read_config(gym).broker.port
    topic = "backstride/mill-8/availability"

    async def say(word):
        async with aiomqtt.Client("127.0.0.1", port) as line:
            await line.publish(topic, word, qos=1, retain=True)

    asyncio.run(say("online"))
    try:
        result = fleet("stop", "mill-8")
    finally:
        asyncio.run(say(""))

    assert (result.code, "mill-8: NO ANSWER; look at the belt" in result.err) == (4, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("stop",), "name treadmills, or write --all"),
        (("stop", "--all", "mill-1"), "name treadmills, or write --all"),
        (("stop", "Mill 1"), "write ID"),
        (("stop", "--sites", "mill-1"), "write SITE/ID"),
        (("--sort", "shoe"), "there are id, host"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(fleet, words, told):
    result = fleet(*words)

    assert (result.code, told in result.err) == (2, True)


def test_without_a_broker_the_exit_code_says_so(fleet):
    assert fleet("--once", "--broker", f"127.0.0.1:{free_port()}").code == 3


def test_somebody_with_one_treadmill_s_access_is_told_who_sees_them_all(run, tmp_path):
    config = tmp_path / "backstride.toml"
    config.write_text('[broker]\nuser = "{treadmill}"\n[[treadmill]]\nid = "a"\n')

    result = run("fleet", "--config", config)

    assert (result.code, "broker add office" in result.err) == (2, True)


def test_a_host_that_has_no_treadmill_in_the_file_does_not_start(run, gym):
    result = run("run", "--config", gym, "--host-name", "pi-9")

    assert (result.code, "no treadmill belongs to this host, 'pi-9'" in result.err) == (2, True)
