"""One configuration, two hosts' daemons as processes of their own, and the fleet's commands about them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys

import pytest

from backstride.cli import fleet_stop
from backstride.mqtt.broker import find_mosquitto, free_port
from backstride.mqtt.remote import NoBrokerError, Remote, RemoteSettings

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
    assert "1 treadmills" in table.out
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
def test_stop_for_one_that_is_not_there_ends_with_no_answer(fleet, monkeypatch):
    monkeypatch.setattr(fleet_stop, "PATIENCE", 500)
    result = fleet("stop", "mill-1", "mill-9")

    assert (result.code, "mill-9: NO ANSWER; look at the belt" in result.err) == (4, True)


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
