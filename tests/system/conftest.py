"""What the system tests share: a judge of machine logs, a loop that neither waits nor lags, a whole gym."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import aiomqtt
import pytest
import structlog
from msgspec.structs import replace

from backstride.domain.machine import BeltStart
from backstride.mqtt.broker import Mosquitto
from backstride.service.settings import Broker, Config, Programs, Treadmill
from backstride.service.settings import Service as ServiceSettings
from backstride.service.supervisor import Service
from backstride.virtual.clock import AcceleratedLoop
from backstride.virtual.log import STOP, MachineLog, Op

HARNESS = Path(__file__).parent / "harness"
# Its files are programs too, which other processes run; here they are modules.
sys.path.append(str(HARNESS))

STEP_UP = 30
"""Largest rise of one command, 0.01 km/h, for machines with a finer grid."""
RISE = 10
"""Steepest rise, 0.01 km/h per s."""
JITTER_MS = 150
"""A tick, and the way to the machine."""
FACTOR = 50.0
"""How much faster than the wall's the clock of a gym runs, at most."""
WAIT_S = 60.0
"""Seconds of the gym's clock to wait for something that is about to happen."""


@pytest.fixture(autouse=True)
def _quiet():
    """The logs of a thousand provoked alarms help nobody."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    logging.getLogger("bumble").setLevel(logging.CRITICAL)


# -- the judge -----------------------------------------------------------------------------------


def judge(machine, *, cap, grace=0, ours=True, at_rest=True) -> list[str]:
    """Hold a machine's log against the promises; returns what is wrong, as sentences.

    `grace` is what a machine that lies about its unit may exceed the cap by, 0.01 km/h. `ours` is False
    when somebody else had the belt at the end, so that the last word need not be our Stop.
    """
    log: MachineLog = machine.log
    step = max(STEP_UP, machine.model.speed.step)
    moves = [w for w in log.writes if w.opcode != Op.REQUEST_CONTROL and w.att_error is None]
    promises = {
        f"top speed {log.top_speed} above the cap {cap}": log.top_speed <= cap + grace,
        f"targets {log.speed_targets} above {cap}": max(log.speed_targets, default=0) <= cap,
        f"negative inclines in {log.incline_targets}": min(log.incline_targets, default=0) >= 0,
        f"Start while moving {log.moving_starts()}": log.moving_starts() == [],
        f"foreign opcodes in {set(log.opcodes)}": set(log.opcodes) <= {0, 2, 3, 7, 8},
        f"Pause was sent {log.pauses}": log.pauses == [],
        "the last write was no Stop": not (ours and log.starts) or moves[-1].data == STOP,
        f"the belt runs at {machine.drive.belt.value}": not at_rest or not machine.drive.belt.value,
    }
    return [sentence for sentence, holds in promises.items() if not holds] + _rises(log, step)


def _rises(log: MachineLog, step: int) -> list[str]:
    """Rises above the step of one command, or sooner than 0.1 km/h per s allows.

    A run's first speed is held against the belt and the machine's own target at its start.
    """
    found = []
    before = None
    for write in log.writes:
        if write.opcode == Op.START:
            before = None
        elif write.opcode == Op.SPEED and write.att_error is None:
            if before is None:
                own = [sample.target for sample in log.samples if sample.at <= write.at][-1:]
                if write.speed_target > max(write.speed, *own):
                    found.append(f"the first speed of a run was {write.speed_target} at {write.at}")
            else:
                rise = write.speed_target - before.speed_target
                spent = write.at - before.at + JITTER_MS
                if rise > step or rise * 1_000 > RISE * spent:
                    found.append(f"a rise of {rise} within {spent} ms at {write.at}")
            before = write
    return found


@pytest.fixture(name="judge", scope="session")
def _judge():
    return judge


# -- what to expect of each machine --------------------------------------------------------------

DONE = "finished: completed"
NO_INCLINE = {"hill": "refused: too_steep"}
SLOW_PAD = {**NO_INCLINE, "backward-jog": "refused: too_fast"}
DECEIVED = "faulted: (probe|not_following|refused)"
"""It does not do what it is told: found out, and stopped."""
EXPECTED: dict[str, tuple[str, dict[str, str]]] = {
    "citysports": (DONE, SLOW_PAD),
    # Only its own console starts it; simulated as if it could be started from here.
    "console-only": ("faulted: start_failed", {}),
    "decline": ("refused: incline", {}),
    # Drops the link 20 s after each connection.
    "domyos": ("faulted: link_lost", {}),
    # Silent at rest: nothing proves that the belt stands.
    "fr30z": ("refused: no_telemetry", {}),
    "wakes-first": ("refused: no_telemetry", {}),
    "yesoul-mute": ("refused: no_telemetry", {}),
    # Starts by itself on connect: the arming is void, or the belt already moves.
    "horizon-74": ("(refused: (nothing_to_confirm|belt_moving)|handed_over: console)", {}),
    "jtx": (DONE, NO_INCLINE),
    "k12": (DONE, SLOW_PAD),
    "kingsmith": (DONE, SLOW_PAD),
    "mph": (DECEIVED, NO_INCLINE),
    "mph-telemetry": (DECEIVED, {}),
    # Wants Start every second and stops otherwise; Start is no keep-alive here.
    "trx3500": ("(finished|handed_over): console", {}),
    "urevo-e1l": (DONE, NO_INCLINE),
    "walkingpad-ph4": (DONE, SLOW_PAD),
    "wellfit": (DONE, NO_INCLINE),
    "xterra-t85": (DECEIVED, {}),
    "yesoul": (DONE, SLOW_PAD),
}


def expect(machine, program) -> str:
    """How a session of a program must end on a machine, as a pattern for `phase: reason`."""
    usual, special = EXPECTED.get(machine, (DONE, {}))
    return special.get(program, usual)


@pytest.fixture(name="expect", scope="session")
def _expect():
    return expect


@pytest.fixture(scope="session")
def grace():
    """How far above the cap a machine may go that lies about its unit: its own lowest speed."""
    return {"mph": 10}


# -- a loop for whole gyms -----------------------------------------------------------------------


@pytest.fixture
def run_paced():
    """Runs a coroutine on a paced loop."""

    def run(main, factor=FACTOR):
        with asyncio.Runner(loop_factory=lambda: AcceleratedLoop(factor)) as runner:
            return runner.run(main)

    return run


# -- a gym ---------------------------------------------------------------------------------------


class Dashboard:
    """Somebody at the broker who sees everything and asks for things."""

    def __init__(self, client, prefix="backstride"):
        self.client = client
        self.prefix = prefix
        self.latest = defaultdict(dict)
        self.heard = defaultdict(list)
        """Messages by treadmill: (time of the loop, topic, payload)."""
        self._changed = asyncio.Event()
        self._count = 0

    async def listen(self):
        await self.client.subscribe(f"{self.prefix}/#", qos=1)
        async for message in self.client.messages:
            treadmill, _, topic = message.topic.value.removeprefix(f"{self.prefix}/").partition("/")
            if topic.startswith("command"):
                continue
            try:
                payload = json.loads(message.payload)
            except ValueError:
                payload = message.payload
            now = asyncio.get_running_loop().time()
            self.latest[treadmill][topic] = payload
            self.heard[treadmill].append((now, topic, payload))
            self._changed.set()

    async def until(self, condition, within=WAIT_S):
        """Wait until `condition()` is true; what it last returned."""
        async with asyncio.timeout(within):
            while not (found := condition()):
                self._changed.clear()
                await self._changed.wait()
        return found

    def state(self, treadmill):
        return self.latest[treadmill].get("state", {})

    def of(self, treadmill, topic):
        return [payload for _, heard, payload in self.heard[treadmill] if heard == topic]

    async def phase(self, treadmill, *phases, within=WAIT_S):
        """Wait until the published phase is one of these."""
        await self.until(lambda: self.state(treadmill).get("phase") in phases, within)
        return self.state(treadmill)

    async def send(self, treadmill, command, **more):
        """Send a well-formed command and return its answer."""
        await self.until(lambda: "info" in self.latest[treadmill])
        self._count += 1
        note = {
            "v": 1,
            "id": f"dashboard-{self._count}",
            "command": command,
            "ts": time.time(),
            "boot": self.latest[treadmill]["info"]["boot"],
            **more,
        }
        await self.client.publish(f"{self.prefix}/{treadmill}/command", json.dumps(note), qos=1)
        return await self.until(
            lambda: next((a for a in self.of(treadmill, "response") if a["id"] == note["id"]), None)
        )

    async def begin(self, treadmill, program, within=20.0):
        """Wait for telemetry, arm, confirm and wait for the belt to run; the refusal if there is one."""
        with contextlib.suppress(TimeoutError):
            await self.until(lambda: self.state(treadmill).get("age") is not None, within)
        return await self.send(treadmill, "start", program=program)

    async def walk(self, treadmill, program):
        """A whole session as a person would do it; how it ended, as `phase: reason`."""
        answer = await self.begin(treadmill, program)
        if answer["reply"] != "ok":
            return f"refused: {answer['code']}"
        while True:
            state = await self.until(lambda: self._wants_somebody(treadmill), within=3_600)
            if state["phase"] in {"finished", "faulted", "handed_over"}:
                break
            answer = await self.send(treadmill, "confirm")
            if answer["reply"] != "ok" and answer["phase"] == "idle":
                return f"refused: {answer['code']}"
            if answer["reply"] == "ok":
                await self.until(lambda: not self._wants_somebody(treadmill))
        if state["phase"] == "handed_over":
            return "handed_over: console"
        session = await self.until(
            lambda: self.latest[treadmill].get("session", {}).get("outcome"), within=10
        )
        return f"{state['phase']}: {session}"

    def _wants_somebody(self, treadmill):
        state = self.state(treadmill)
        waits = state.get("phase") in {"armed", "finished", "faulted", "handed_over", "idle"}
        return state if waits or state.get("stage") == "waiting for confirm" else None


@contextlib.asynccontextmanager
async def visit(port):
    """A dashboard at a broker."""
    async with aiomqtt.Client("127.0.0.1", port, timeout=60) as client:
        dashboard = Dashboard(client)
        listening = asyncio.create_task(dashboard.listen())
        try:
            yield dashboard
        finally:
            listening.cancel()
            await asyncio.wait({listening})


@pytest.fixture(scope="session")
def make_dashboard():
    return visit


class Gym:
    """A broker, a daemon with virtual treadmills over Bumble, and a dashboard, on the running loop.

    `machines` names each treadmill's machine by its id.
    """

    def __init__(self, directory: Path, machines: dict[str, str], **options):
        self.directory = directory
        self.state = directory / "state"
        self.broker = Mosquitto(directory)
        self.config = Config(
            broker=Broker(host="127.0.0.1", port=self.broker.port),
            service=ServiceSettings(state_directory=str(self.state)),
            programs=Programs(directory=options.pop("programs", None)),
            treadmills=tuple(
                Treadmill(id=key, name=key, virtual=machine, belt_start=BeltStart.REMOTE)
                for key, machine in machines.items()
            ),
        )
        self._options = options
        self._stack = contextlib.AsyncExitStack()

    def limit(self, treadmill, **limits):
        """Set what the configuration says of one treadmill; before it runs."""
        changed = tuple(
            replace(each, **limits) if each.id == treadmill else each
            for each in self.config.treadmills
        )
        self.config = replace(self.config, treadmills=changed)

    async def __aenter__(self):
        self.service = Service(self.config, **self._options)
        if self.broker._process is None:
            await self.broker.start()
        self._stack.push_async_callback(self.broker.stop)
        self.dashboard = await self._stack.enter_async_context(self.visit())
        self.task = asyncio.create_task(self.service.run())
        self._stack.push_async_callback(self.close)
        ready = asyncio.create_task(self.service.ready.wait())
        await asyncio.wait({ready, self.task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        return self

    async def __aexit__(self, *error):
        await self._stack.aclose()

    def visit(self):
        """A dashboard at the gym's broker."""
        return visit(self.broker.port)

    async def close(self):
        """End the service; raises what it failed with."""
        self.service.end()
        await self.task

    def pump(self, treadmill):
        return self.service.radios.pumps[treadmill]

    def machine(self, treadmill):
        return self.pump(treadmill).machine

    def controller(self, treadmill):
        return next(c for c in self.service.controllers if c.view.treadmill == treadmill)

    async def reach(self, treadmill, phase, program="demo"):
        """Arm, confirm and wait until the session is in this phase."""
        dashboard = self.dashboard
        if phase in {"offline", "idle"}:
            return await dashboard.phase(treadmill, "idle")
        await dashboard.begin(treadmill, program)
        if phase == "armed":
            return await dashboard.phase(treadmill, phase)
        await dashboard.send(treadmill, "confirm")
        return await dashboard.phase(treadmill, phase, within=600)


@pytest.fixture
def quick_path(tmp_path):
    """A directory in memory where there is one: an fsync of a busy disk stops a paced clock."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        yield Path(directory)


@pytest.fixture
def make_gym(quick_path, nothing_blocks):
    return lambda machines, **options: Gym(quick_path, machines, **options)


@pytest.fixture(scope="session")
def matches():
    return lambda pattern, text: re.fullmatch(pattern, text) is not None
