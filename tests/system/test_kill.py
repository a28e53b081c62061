"""The daemon dies while the belt moves: as a process of its own, with the treadmill in another one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from backstride.domain.session import Phase
from backstride.mqtt.broker import Mosquitto
from backstride.service.replay import replay

FACTOR = "10"
STOP = "0801"
START = "07"
DEMO = "demo"
PROGRAM = """\
name: Quick turn
goal: everything once, soon
level: beginner
max speed: 1.5 km/h
steps:
  - warmup: 5 min
    facing: forward
    speed: 1.5 km/h
  - turn: backward
  - work: 5 min
    speed: 1.3 km/h
  - cooldown: 30 s
    speed: 1.0 km/h
"""


class Process:
    """A child that is ended by its own process id."""

    def __init__(self, child):
        self.child = child
        self.lines = []
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, program, *arguments):
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).parent / "harness" / program),
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return cls(child)

    async def _read(self):
        async for line in self.child.stdout:
            self.lines.append(line.decode().rstrip())

    async def end(self, how=signal.SIGKILL):
        if self.child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child.pid, how)
        code = await self.child.wait()
        await self._reader
        return code


class Home:
    """A broker, a treadmill and a daemon, each a process of its own."""

    def __init__(self, directory, dashboard):
        self.directory = directory
        self.dashboard = dashboard
        self.socket = directory / "air"
        self.daemons = []

    def configure(self, port):
        programs = self.directory / "programs"
        programs.mkdir()
        (programs / "quick-turn.yaml").write_text(PROGRAM)
        self.config = self.directory / "backstride.toml"
        self.config.write_text(
            f'[broker]\nhost = "127.0.0.1"\nport = {port}\n'
            f'[service]\nstate_directory = "{self.directory}/state"\n'
            f'[programs]\ndirectory = "{programs}"\n'
            '[[treadmill]]\nid = "home"\nname = "Home"\nvirtual = "ideal"\n'
        )

    async def start_daemon(self):
        daemon = await Process.start("run_daemon.py", self.config, self.socket, FACTOR)
        self.daemons.append(daemon)
        return daemon

    async def look(self, since=0):
        """What the treadmill knows of itself."""
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        writer.write(json.dumps({"look": since}).encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()
        return answer

    async def until_belt(self, condition, since=0):
        async with asyncio.timeout(30):
            while True:
                seen = await self.look(since)
                if condition(seen):
                    return seen
                await asyncio.sleep(0.02)

    @property
    def journals(self):
        return sorted((self.directory / "state" / "home" / "journal").glob("*.journal"))

    @property
    def claim(self):
        return self.directory / "state" / "home" / "owner.json"


@pytest.fixture
async def home(quick_path, make_dashboard):
    async with contextlib.AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(quick_path))
        dashboard = await stack.enter_async_context(make_dashboard(broker.port))
        made = Home(quick_path, dashboard)
        made.configure(broker.port)
        treadmill = await Process.start("run_treadmill.py", "ideal", made.socket, FACTOR)
        stack.push_async_callback(treadmill.end)
        async with asyncio.timeout(30):
            while "serving" not in treadmill.lines:
                assert treadmill.child.returncode is None, treadmill.lines
                await asyncio.sleep(0.02)
        yield made
        for daemon in made.daemons:
            await daemon.end()
            print("\n".join(["a daemon said:", *daemon.lines]))


async def reach(home, moment):
    """Walk to the moment at which the daemon will die."""
    dashboard = home.dashboard
    await dashboard.begin("home", "quick-turn", within=30)
    await dashboard.send("home", "confirm")
    if moment == "countdown":
        return
    if moment == "starting":
        await home.until_belt(lambda seen: seen["phase"] == "COUNTDOWN")
        return
    await dashboard.phase("home", "running", within=30)
    await home.until_belt(lambda seen: seen["speed"] >= 110)
    if moment == "turning":
        await dashboard.send("home", "skip")
        await dashboard.phase("home", "turning", within=30)
    if moment == "slowing":
        await dashboard.send("home", "pause")
    if moment == "stopping":
        await dashboard.send("home", "stop")
    await home.until_belt(lambda seen: seen["speed"] > 0)


def tell(path):
    """The last session of a journal, and the phases on the way."""
    phases, session = [], None
    for _, transition in replay(path):
        session = transition.session
        if not phases or phases[-1] != session.phase:
            phases.append(session.phase)
    return session, phases


MOVING = ("starting", "running", "turning", "slowing", "stopping")


@pytest.mark.hazard("H10")
@pytest.mark.parametrize("moment", MOVING)
async def test_a_belt_left_moving_is_stopped_by_the_next_life(home, moment):
    daemon = await home.start_daemon()
    await reach(home, moment)
    assert home.claim.exists(), "the claim is on the disk before the belt moves"
    assert await daemon.end(signal.SIGKILL) == -signal.SIGKILL
    killed = await home.look()
    home.dashboard.latest.clear()
    await home.start_daemon()
    state = await home.dashboard.phase("home", "faulted", within=30)
    at_rest = await home.until_belt(lambda seen: seen["speed"] == 0 and seen["phase"] == "REST")
    since = [data for at, data, _ in at_rest["writes"] if at >= killed["now"]]
    await home.dashboard.until(lambda: not home.claim.exists(), within=30)
    assert START not in since, "nothing restarts"
    assert at_rest["moving_starts"] == 0
    assert at_rest["top"] <= 150
    assert state["alarm"]["cause"] in {"restarted", "link_lost"}
    if moment != "stopping":
        assert STOP in since, since
    await home.daemons[-1].end(signal.SIGTERM)
    first, second = home.journals
    left, before = tell(first)
    assert left.owed, "the journal ends with a belt that moves"
    assert Phase.STARTING in before
    end, _ = tell(second)
    assert (Phase.FAULTED, False, "restarted") == (end.phase, end.owed, end.fault.cause)


@pytest.mark.hazard("H01", "H10")
async def test_a_daemon_that_dies_before_the_start_leaves_a_belt_that_never_starts(home):
    daemon = await home.start_daemon()
    await reach(home, "countdown")
    await daemon.end(signal.SIGKILL)
    home.dashboard.latest.clear()
    await home.start_daemon()
    await home.dashboard.phase("home", "idle", within=30)
    seen = await home.look()
    assert (0, 0) == (seen["top"], seen["speed"])
    assert START not in [data for _, data, _ in seen["writes"]]


@pytest.mark.hazard("H07", "H25")
async def test_sigterm_ramps_down_stops_and_leaves_no_debt(home):
    daemon = await home.start_daemon()
    await reach(home, "running")
    told = await home.look()
    code = await daemon.end(signal.SIGTERM)
    seen = await home.look(told["now"])
    written = [data for _, data, _ in seen["writes"]]
    speeds = [int.from_bytes(bytes.fromhex(data)[1:], "little") for data in written[:-1]]
    assert (0, 0, STOP) == (code, seen["speed"], written[-1])
    assert sorted(speeds, reverse=True) == speeds, "it only ever slows down"
    assert len(speeds) >= 1, "a planned end ramps down"
    assert not home.claim.exists()
    session, _ = tell(home.journals[-1])
    assert (False, "shutdown") == (session.owed, session.ended_by)
    assert home.dashboard.latest["home"]["availability"] == b"offline"


@pytest.mark.hazard("H18")
async def test_a_second_daemon_on_the_same_treadmill_refuses_to_run(home):
    await home.start_daemon()
    await reach(home, "running")
    second = await home.start_daemon()
    async with asyncio.timeout(30):
        code = await second.child.wait()
    await second.end()
    assert code == 1
    assert "another backstride runs the treadmill" in second.lines[-1]
    seen = await home.look()
    assert seen["clients"] == 1
    assert seen["speed"] > 0, "the first one is not disturbed"
    assert (await home.dashboard.send("home", "stop"))["reply"] == "ok"
    await home.until_belt(lambda now: now["speed"] == 0)
