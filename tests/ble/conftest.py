"""One treadmill over a whole Bluetooth stack in virtual time, one fault at one moment, one verdict."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

import msgspec
import pytest
import structlog
from bleak import BleakClient
from bumble.pairing import PairingConfig, PairingDelegate

from backstride.domain.events import Ask
from backstride.domain.limits import SiteRules
from backstride.domain.notices import Moved
from backstride.domain.session import Options, Phase
from backstride.domain.workout import Effort, Facing, Level, Program, Step
from backstride.service.simulation import SimulationError, Stage
from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import run_virtual
from backstride.virtual.faults import Faults
from backstride.virtual.gatt import Uuid
from backstride.virtual.log import STOP, Op
from backstride.virtual.machine import Machine
from backstride.virtual.radio import Air

SEED = 20_261_120
OPTIONS = Options(countdown=3_000)
CAP = 150
PROGRAM = Program(
    id="matrix",
    name="Matrix",
    goal="to be disturbed",
    level=Level.REGULAR,
    facing=Facing.BACKWARD,
    max_speed=CAP,
    steps=(Step(effort=Effort.WORK, duration=40_000, speed=80, ramp_to=140),),
)
OVER = {Phase.FINISHED, Phase.FAULTED, Phase.IDLE, Phase.OFFLINE}
PATIENCE = 150
"""Virtual seconds after the fault for everything to end by itself."""
CONTROL_POINT = "00002ad9-0000-1000-8000-00805f9b34fb"


@pytest.fixture(autouse=True, scope="session")
def _quiet():
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    logging.getLogger("bumble").setLevel(logging.CRITICAL)
    yield
    structlog.reset_defaults()


@dataclass
class Outcome:
    """How a cell ended, and what its machine saw of us."""

    verdict: str
    starts: int
    stops: int
    took: int
    complaints: list[str]


class _Refuses(PairingDelegate):
    async def accept(self):
        return False


class Rig:
    """A stage whose air is Bluetooth, and what may happen to it."""

    def __init__(self, **changes):
        model = load_machine("ideal")
        for name, fields in changes.items():
            inner = msgspec.structs.replace(getattr(model, name), **fields)
            model = msgspec.structs.replace(model, **{name: inner})
        self.stage = Stage(model, SiteRules(), (PROGRAM,), options=OPTIONS)
        self.air = self.stage.air = Air()
        self.stage.controller = self.stage._control()
        self.machine = self.stage.machine
        self.log = self.machine.log
        self.faults = Faults(self.machine, seed=SEED)
        self.moving_ends = []
        """Belt speeds above 0 at which a session was said to be over."""
        self.stage.controller.watchers.append(self._watch)
        self.others = []
        """Other machines on the air."""
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self):
        self.stage.pump = self.pump = await self.air.serve(self.machine, self.faults)
        self.stage.revive()
        return self

    async def __aexit__(self, *_):
        await self.stage.kill()
        await self._stack.aclose()
        await self.air.close()

    def _watch(self, _event, transition):
        for notice in transition.notices:
            if isinstance(notice, Moved) and notice.after == Phase.FINISHED and self.belt:
                self.moving_ends.append(self.belt)

    @property
    def now(self):
        return self.pump.now_ms()

    @property
    def session(self):
        return self.stage.controller.session

    @property
    def belt(self):
        return self.machine.drive.belt.value

    @property
    def peripheral(self):
        return self.air._peripherals[self.machine.address]

    # -- getting there -------------------------------------------------------------------------

    async def reach(self, phase):
        """Bring the session to a phase as a person would."""
        stage = self.stage
        await stage.until(lambda s: s.linked and s.evidence.speed is not None, 20_000)
        stage.ask(Ask.START, PROGRAM)
        if phase == "armed":
            return
        await stage.confirm()
        wanted = {
            "started": Phase.STARTING,
            "slowing": Phase.RUNNING,
            "stopping": Phase.RUNNING,
        }.get(phase) or Phase(phase)
        await stage.until(lambda s: s.phase is wanted, 60_000)
        if phase == "countdown":
            await asyncio.sleep(1)
        elif phase == "started":
            await asyncio.sleep(0.5)
        elif wanted is Phase.RUNNING:
            await asyncio.sleep(12)
        if phase == "slowing":
            stage.ask(Ask.FINISH)
        elif phase == "stopping":
            stage.ask(Ask.STOP)

    async def rest(self):
        """Wait for the end; somebody who sees a belt that nobody stops says stop in the end."""
        began = self.now
        try:
            await self.stage.until(lambda s: s.phase in OVER and not s.owed, PATIENCE * 1_000)
        except SimulationError:
            if not self.others:
                self.stage.ask(Ask.STOP)
                await asyncio.sleep(15)
        await asyncio.sleep(2)
        return Outcome(
            verdict=self.verdict(),
            starts=len([w for w in self.ours() if w.opcode == Op.START]),
            stops=len([w for w in self.ours() if w.data == STOP]),
            took=self.now - began,
            complaints=self.broken_promises(),
        )

    # -- what may happen -------------------------------------------------------------------------

    def plan(self, fault):
        self.faults.plan(fault)
        self.pump.kick()

    async def lose_link(self, lasting):
        """Go out of range for so many seconds."""
        await self.air.set_in_range(self.machine.address, in_range=False)
        await asyncio.sleep(lasting)
        await self.air.set_in_range(self.machine.address, in_range=True)

    async def visit(self, *frames):
        """A second central: connects, subscribes and writes."""
        device = await self.find(self.machine.address)
        client = await self._stack.enter_async_context(
            BleakClient(device, backend=self.air.client_backend())
        )
        await client.start_notify(CONTROL_POINT, lambda *_: None)
        for frame in frames:
            with contextlib.suppress(Exception):
                await client.write_gatt_char(CONTROL_POINT, frame, response=True)
            await asyncio.sleep(0.2)
        return client

    async def find(self, address):
        from bleak import BleakScanner

        return await BleakScanner.find_device_by_address(
            address, timeout=10, backend=self.air.scanner_backend()
        )

    def refuse_pairing(self):
        self.peripheral._device.pairing_config_factory = lambda _: PairingConfig(
            delegate=_Refuses()
        )

    def allow_pairing(self):
        self.peripheral._device.pairing_config_factory = lambda _: PairingConfig()

    async def add_impostor(self):
        """Another machine with the same name, in the same room."""
        other = Machine(self.machine.model, now_ms=self.now, address="C0:FF:EE:00:00:01")
        await self.air.serve(other)
        self.others.append(other)
        return other

    async def swap_machine(self):
        """Another machine answers at this address from now on: same name, other serial number."""
        await self.peripheral.close()
        del self.air._peripherals[self.machine.address]
        model = self.machine.model
        identity = msgspec.structs.replace(model.identity, serial="VT-9999")
        other = Machine(
            msgspec.structs.replace(model, identity=identity),
            now_ms=self.now,
            address=self.machine.address,
        )
        self.others.append(other)
        await self.air.serve(other)

    # -- what the peripheral saw -------------------------------------------------------------------

    def ours(self):
        """The writes of the service: of whoever connected first, and of its reconnections."""
        visitors = self.visitors()
        return [w for w in self.log.writes if w.client not in visitors and w.att_error is None]

    def visitors(self):
        """Clients that connected while another one was connected."""
        present, found = set(), set()
        for happening in self.log.happenings:
            if happening.what == "connected":
                if present:
                    found.add(happening.detail)
                present.add(happening.detail)
            elif happening.what == "disconnected":
                present.discard(happening.detail)
        return found

    def broken_promises(self):
        """What must never be, whatever the fault, as sentences."""
        ours, log = self.ours(), self.log
        starts = [w for w in ours if w.opcode == Op.START]
        speeds = [w.speed_target for w in ours if w.opcode == Op.SPEED]
        moves = [w for w in ours if w.opcode != Op.REQUEST_CONTROL]
        promises = {
            f"{len(starts)} starts for one confirm": len(starts) <= 1,
            f"Start on a belt at {[w.speed for w in starts]}": not any(w.speed for w in starts),
            f"targets {speeds} above {CAP}": max(speeds, default=0) <= CAP,
            f"a rise of {log.largest_rise()} in one command": log.largest_rise() <= 30
            or self.visitors(),
            f"negative inclines {log.incline_targets}": min(log.incline_targets, default=0) >= 0,
            f"foreign commands {log.opcodes}": {w.opcode for w in ours} <= {0, 2, 3, 7, 8},
            f"the belt runs at {self.belt}": not self.belt or self.is_gone(),
            "the last word was no Stop": not starts or moves[-1].data == STOP or self.is_gone(),
            "a belt that is gone was forgotten": not self.is_gone()
            or not starts
            or self.session.owed,
            f"another machine saw {self.seen_by_others()}": not self.seen_by_others(),
            f"finished with the belt at {self.moving_ends}": not self.moving_ends,
            f"still {self.session.phase}": self.session.phase in OVER,
        }
        return [sentence for sentence, kept in promises.items() if not kept]

    def is_gone(self):
        """Another machine has its address: nobody can reach it any more, and a person must look."""
        return any(other.address == self.machine.address for other in self.others)

    def seen_by_others(self):
        return [w.data.hex() for other in self.others for w in other.log.writes if w.opcode != 0]

    def verdict(self):
        s = self.session
        cause = s.fault.cause if s.fault else s.ended_by
        return f"{s.phase}: {cause}" if cause and s.phase is not Phase.IDLE else str(s.phase)


@pytest.fixture
def play_cell():
    """Play one cell: a coroutine function of the rig, in virtual time."""

    def play(story, **changes):
        async def whole():
            async with Rig(**changes) as rig:
                return await story(rig), rig

        return run_virtual(whole())

    return play


@pytest.fixture
def uuid():
    return Uuid
