"""The command line in this process, and a real broker with a real daemon behind it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from backstride.cli.main import main
from backstride.mqtt.broker import find_mosquitto, free_port
from backstride.mqtt.remote import Remote, RemoteSettings
from backstride.mqtt.schema import State

ENTRY = [sys.executable, "-m", "backstride.cli"]
READY_S = 20


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _nobody_elses_settings(monkeypatch):
    for name in ("BACKSTRIDE_CONFIG", "BACKSTRIDE_PROFILES", "NO_COLOR", "COLUMNS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys):
    """Run a command and return its exit code and what it wrote."""

    def run(*words: str | Path) -> Result:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Result(int(code), out, err)

    return run


class Home(NamedTuple):
    """A running daemon with one virtual treadmill, `home`."""

    config: Path
    port: int
    state: Path
    daemon: subprocess.Popen


class Output(threading.Thread):
    """Reads what a process writes, so that it never waits for a reader; lines can be waited for."""

    def __init__(self, process: subprocess.Popen) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self._process = process
        self._more = threading.Condition()
        self._over = False
        self.start()

    def run(self) -> None:
        with self._process.stderr as stream:
            for line in stream:
                with self._more:
                    self.lines.append(line)
                    self._more.notify_all()
        with self._more:
            self._over = True
            self._more.notify_all()

    def wait_for(self, text: str) -> None:
        with self._more:
            found = self._more.wait_for(
                lambda: self._over or any(text in line for line in self.lines), READY_S
            )
        assert found, f"no {text!r} in {READY_S} s"
        assert any(text in line for line in self.lines), "".join(self.lines)


async def belt_is_seen(port: int) -> None:
    """Wait until the daemon says how fast the belt is: before that it arms nothing."""
    async with (
        asyncio.timeout(READY_S),
        Remote(RemoteSettings(host="127.0.0.1", port=port)) as remote,
    ):
        async for news in remote.news():
            if news.topic == "state":
                state = msgspec.json.decode(news.payload, type=State)
                if state.speed.measured is not None:
                    return


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    mosquitto = find_mosquitto()
    if mosquitto is None:
        pytest.skip("mosquitto is not here; install it with `apt-get install mosquitto`")
    directory, port = tmp_path_factory.mktemp("home"), free_port()
    broker_file, config = directory / "mosquitto.conf", directory / "backstride.toml"
    broker_file.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_dest stderr\n"
    )
    config.write_text(
        f'[broker]\nhost = "127.0.0.1"\nport = {port}\n'
        f'[service]\nstate_directory = "{directory}/state"\n'
        '[[treadmill]]\nid = "home"\nvirtual = "ideal"\n'
    )
    broker = subprocess.Popen(
        [mosquitto, "-c", str(broker_file)], stderr=subprocess.PIPE, text=True
    )
    broker_output = Output(broker)
    broker_output.wait_for("running")
    daemon = subprocess.Popen(
        [*ENTRY, "run", "--config", str(config)], stderr=subprocess.PIPE, text=True
    )
    output = Output(daemon)
    try:
        asyncio.run(belt_is_seen(port))
        yield Home(config, port, directory / "state", daemon)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(timeout=READY_S)
        output.join()
        broker.kill()
        broker.wait()
        broker_output.join()
    assert (daemon.returncode, "Traceback" in "".join(output.lines)) == (0, False), output.lines
