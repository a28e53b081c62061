"""A real Home Assistant, a real broker and a real daemon with virtual treadmills, once for all tests here.

They need an environment of half a gigabyte that nothing else needs, so that only `make test-homeassistant`
runs them: it names the environment in BACKSTRIDE_HOMEASSISTANT.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path

import aiomqtt
import pytest
import pytest_asyncio

from backstride.mqtt.broker import Mosquitto, free_port

HERE = Path(__file__).parent
sys.path.append(str(HERE))

from house import ODD_NAME, House  # noqa: E402  a module beside the tests, which are no package

ENVIRONMENT = os.environ.get("BACKSTRIDE_HOMEASSISTANT")
collect_ignore_glob = [] if ENVIRONMENT else ["test_*.py"]

SHIPPED = HERE.parents[1] / "integrations" / "homeassistant"
MACHINES = {"treadmill": "ideal", "walking-pad": "citysports", "dropper": "domyos"}
"""The last one loses its link 20 s after each connection."""
BIRTH_S = 60.0
PROGRAM = """\
name: {name}
goal: be walked from Home Assistant
level: beginner
max speed: {limit} km/h
steps:
  - warmup: 10 min
    facing: forward
    speed: 1.0 km/h
  - work: 5 min
    speed: 1.2 km/h
  - cooldown: 1 min
    speed: 0.8 km/h
"""
AUTOMATIONS = """\
- id: announce
  alias: Announce
  use_blueprint:
    path: backstride/announce.yaml
    input:
      topic: backstride/treadmill/cue
      voice: tts.voice
      speaker: media_player.speaker
- id: pause
  alias: Pause
  use_blueprint:
    path: backstride/pause.yaml
    input:
      door: binary_sensor.door
      phase: sensor.treadmill
      pause: button.treadmill_pause
      stop: button.treadmill_stop
"""


class Daemon:
    """`backstride run` as a process, ended by its own process id."""

    def __init__(self, directory, port):
        self.config = directory / "backstride.toml"
        self._process = None
        programs = directory / "programs"
        programs.mkdir()
        (programs / "plain.yaml").write_text(PROGRAM.format(name="Plain", limit=2.0))
        odd = ODD_NAME.replace("'", "''")
        (programs / "odd.yaml").write_text(PROGRAM.format(name=f"'{odd}'", limit=3.0))
        self.config.write_text(
            f'[broker]\nhost = "127.0.0.1"\nport = {port}\n'
            f'[service]\nstate_directory = "{directory}/state"\nlog_format = "json"\n'
            f'[programs]\ndirectory = "{programs}"\n'
            + "".join(
                f'[[treadmill]]\nid = "{key}"\nvirtual = "{machine}"\n'
                for key, machine in MACHINES.items()
            )
        )
        self.log = directory / "daemon.log"

    async def start(self):
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "backstride.cli", "run", "-c", str(self.config),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    async def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await self._process.wait()

    async def run(self, *words):
        """Another `backstride` command with the same configuration; its exit code and output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backstride.cli", *words, "-c", str(self.config),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode, output.decode()


def furnish(house):
    """Put what the project ships into the house."""
    blueprints = house.directory / "blueprints" / "automation" / "backstride"
    shutil.copytree(SHIPPED / "blueprints", blueprints)
    shutil.copy(SHIPPED / "dashboard.yaml", house.directory)
    (house.directory / "automations.yaml").write_text(AUTOMATIONS)


@pytest.fixture(scope="session")
def environment():
    """The interpreter of Home Assistant's environment."""
    return f"{ENVIRONMENT}/bin/python"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker(tmp_path_factory):
    async with Mosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def daemon(tmp_path_factory, broker):
    daemon = Daemon(tmp_path_factory.mktemp("daemon"), broker.port)
    await daemon.start()
    yield daemon
    await daemon.stop()


async def hear_birth(listener):
    """Wait until Home Assistant has said that it is up, and the first treadmill has answered."""
    born = False
    async with asyncio.timeout(BIRTH_S):
        async for message in listener.messages:
            topic = message.topic.value
            born = born or (topic, message.payload) == ("homeassistant/status", b"online")
            if born and topic == "homeassistant/device/treadmill/config":
                return


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def home(tmp_path_factory, environment, broker, daemon):
    """Home Assistant, up, with every treadmill connected."""
    house = House(
        environment,
        tmp_path_factory.mktemp("house"),
        port=free_port(),
        broker_port=broker.port,
    )
    furnish(house)
    try:
        async with aiomqtt.Client("127.0.0.1", broker.port) as listener:
            await listener.subscribe("homeassistant/#")
            await house.start()
            await hear_birth(listener)
        for link in ("treadmill", "walking_pad", "dropper"):
            await house.reach(f"binary_sensor.{link}_link", "on")
        yield house
    finally:
        await house.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def house(home):
    """The house with its first treadmill at rest, before and after; nothing that we did annoyed it."""
    await home.rest("treadmill")
    yield home
    await home.rest("treadmill")
    assert home.complaints() == []
