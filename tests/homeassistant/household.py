"""The daemon of the tests as a process, and what the project ships put into a house."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import time
from pathlib import Path

from house import ODD_NAME, make_token

from backstride.domain.readiness import Readiness
from backstride.domain.record import Head
from backstride.domain.units import MINUTE, SECOND
from backstride.domain.walker import Walker
from backstride.domain.workout import Level
from backstride.history.database import FILE
from backstride.history.store import Store

SHIPPED = Path(__file__).resolve().parents[2] / "integrations" / "homeassistant"
MACHINES = {"treadmill": "ideal", "walking-pad": "citysports", "dropper": "domyos"}
"""The last one loses its link 20 s after each connection."""
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
        settle(directory / "state")

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


def settle(state):
    """Somebody is known here, and somebody else walked an hour ago and was not asked yet."""
    now = int(time.time() * SECOND)
    state.mkdir()
    with Store(state / FILE) as store:
        store.save_walker(Walker(id="kari", name="Kari", readiness=Readiness(answered=now)))
        store.write(
            Head(
                id="before", treadmill="walking-pad", program="demo", program_name="Demo",
                level=Level.BEGINNER, started=now - 60 * MINUTE, length=12 * MINUTE, outcome="over",
                completed=True, walked=12 * MINUTE, backward=6 * MINUTE, distance=200, top_speed=150,
            )
        )  # fmt: skip


def furnish(house):
    """Put what the project ships into the house."""
    blueprints = house.directory / "blueprints" / "automation" / "backstride"
    shutil.copytree(SHIPPED / "blueprints", blueprints)
    shutil.copy(SHIPPED / "dashboard.yaml", house.directory)
    (house.directory / "automations.yaml").write_text(AUTOMATIONS)


def log_in(port):
    """What makes a browser one that is logged in: a script that runs before the frontend's own."""
    origin = f"http://127.0.0.1:{port}"
    tokens = {
        "hassUrl": origin,
        "clientId": f"{origin}/",
        "access_token": make_token(),
        "refresh_token": "none",
        "token_type": "Bearer",
        "expires_in": 86_400,
        "expires": int(time.time() + 86_400) * 1_000,
    }
    return f"localStorage.setItem('hassTokens', {json.dumps(tokens)!r})"
