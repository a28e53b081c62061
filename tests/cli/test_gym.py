"""A gym, from `broker init --gym` to a stop: certificates, a PIN for start, the page's login."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import aiomqtt
import pytest

from backstride.cli.main import main
from backstride.mqtt.broker import find_mosquitto, free_port

WAIT_S = 40
PIN = "20854711"
MILLS = ("mill-1", "mill-2")

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")


class Gym(NamedTuple):
    """Where everything is, and the coach's password."""

    place: Path
    port: int
    websockets: int
    password: str

    @property
    def config(self) -> Path:
        return self.place / "backstride.toml"

    def coach(self) -> aiomqtt.Client:
        """The page's way in."""
        context = ssl.create_default_context(cafile=str(self.place / "made/authority/ca.pem"))
        return aiomqtt.Client(
            "127.0.0.1", self.websockets, username="coach", password=self.password, timeout=WAIT_S,
            transport="websockets", tls_context=context, protocol=aiomqtt.ProtocolVersion.V5,
        )  # fmt: skip


def set_up(place: Path) -> Gym:
    """What the instructions of `broker init` say, in one directory."""
    gym = Gym(place, free_port(), free_port(), "")
    told = subprocess.run(
        [
            *(sys.executable, "-m", "backstride.cli", "broker", "init", "--gym", "--host", "127.0.0.1"),
            *(word for mill in MILLS for word in ("--treadmill", mill)),
            *("--port", str(gym.port), "--websockets", str(gym.websockets)),
            *("--directory", str(place / "made")),
        ],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    copied = place / "copied"
    copied.mkdir()
    for mill in MILLS:
        for path in (place / "made/treadmills" / mill).iterdir():
            shutil.copy(path, copied)
    lines = (copied / "broker.toml").read_text().replace("/etc/backstride/broker", str(copied))
    pin = subprocess.run(
        [sys.executable, "-m", "backstride.cli", "pin", "--output", str(place / "pin")],
        input=f"{PIN}\n", check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert PIN not in pin.stdout + pin.stderr
    lines += f'[service]\nstate_directory = "{place}/state"\n'
    for mill in MILLS:
        lines += f'[[treadmill]]\nid = "{mill}"\nvirtual = "ideal"\npin_file = "{place}/pin"\n'
    gym.config.write_text(lines)
    return gym._replace(password=told.partition("password  ")[2].split()[0])


async def hears(gym: Gym, topic: str, wanted) -> dict:
    """The first JSON on a topic that is as wanted, as the coach's page hears it."""
    async with asyncio.timeout(WAIT_S), gym.coach() as client:
        await client.subscribe(topic)
        async for message in client.messages:
            found = json.loads(message.payload)
            if wanted(found):
                return found
    raise AssertionError("the connection was lost")


@pytest.fixture(scope="module")
def gym():
    place = Path(tempfile.mkdtemp(prefix="backstride-"))
    place.chmod(0o755)
    gym = set_up(place)
    broker = subprocess.Popen(
        [find_mosquitto(), "-c", str(place / "made/broker/mosquitto-2.0.conf")],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert any("running" in line for line in iter(broker.stderr.readline, ""))
    with (place / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "backstride.cli", "run", "--config", str(gym.config)],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        for mill in MILLS:
            ready = hears(gym, f"backstride/{mill}/state", lambda s: s["age"] is not None)
            asyncio.run(ready)
        yield gym
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(timeout=WAIT_S)
        broker.stderr.close()
        broker.kill()
        broker.wait()
        shutil.rmtree(place)
    assert daemon.returncode == 0


@pytest.fixture
def run(gym, capsys, monkeypatch):
    def run(*words: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        code = main([*words, "--config", str(gym.config)])
        out, err = capsys.readouterr()
        return int(code), out + err

    return run


def test_start_asks_for_the_pin_and_stop_does_not(run):
    found = [
        run("start", "first-steps", "--id", "mill-1"),
        run("start", "first-steps", "--id", "mill-1", "--pin", typed="0000\n"),
        run("start", "first-steps", "--id", "mill-1", "--pin", typed=f"{PIN}\n"),
        run("stop", "--id", "mill-1"),
    ]

    assert [code for code, _ in found] == [1, 1, 0, 0]
    assert "start again with --pin" in found[0][1]
    assert "this is not the PIN" in found[1][1]
    assert not any(PIN in text for _, text in found)


def test_with_an_access_for_each_treadmill_one_must_be_chosen(run):
    code, text = run("watch", "--once")

    assert (code, "choose one with --id: mill-1, mill-2" in text) == (2, True)


@pytest.mark.hazard("H12")
@pytest.mark.parametrize("words", [(), ("--broker", "127.0.0.1:1")])
def test_a_stop_for_nobody_in_particular_stops_all_of_this_host(run, words):
    code, text = run("stop", *words)

    assert (code, "Stop was given to the daemon on this host: mill-1, mill-2" in text) == (0, True)


def test_the_page_sees_that_a_pin_is_asked_for_and_what_was_refused(gym, run):
    run("start", "first-steps", "--id", "mill-2")
    run("speed", "2.0", "--id", "mill-2")

    # Within 10 s, and not at once: the count is told now and then.
    info = asyncio.run(hears(gym, "backstride/mill-2/info", lambda i: len(i["refused"]) > 1))

    assert "pin" in info["capabilities"]
    assert info["refused"] == {"pin": 1, "wrong_phase": 1}
    assert "commands refused so far" in (gym.place / "log").read_text()


def test_the_pin_is_in_no_file(gym, run):
    run("start", "first-steps", "--id", "mill-1", "--pin", typed=f"{PIN}\n")
    run("stop", "--id", "mill-1")

    files = [path for path in gym.place.rglob("*") if path.is_file()]
    assert any(path.is_relative_to(gym.place / "state") for path in files)
    assert [path for path in files if PIN.encode() in path.read_bytes()] == []
    assert "mqtt_command_refused" in (gym.place / "log").read_text()


@pytest.mark.hazard("H10")
def test_a_pin_that_cannot_be_read_starts_nothing_and_keeps_no_daemon_down(gym, tmp_path):
    path = tmp_path / "pin"
    shutil.copy(gym.place / "pin", path)
    path.chmod(0o644)
    config = tmp_path / "backstride.toml"
    config.write_text(f'[[treadmill]]\nid = "a"\nvirtual = "ideal"\npin_file = "{path}"\n')
    command = [sys.executable, "-m", "backstride.cli", "run", "--config", str(config)]
    environ = {**os.environ, "STATE_DIRECTORY": str(tmp_path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ)

    told = next(line for line in process.stderr if "nobody can start" in line)
    process.terminate()
    process.communicate(timeout=30)

    assert f"chmod o-r {path}" in told
    assert process.returncode == 0
