"""Fixtures of the virtual treadmill's own tests. Every async test here runs in virtual time."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from bleak import BleakClient
from bleak.uuids import normalize_uuid_16

from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import VirtualLoop
from backstride.virtual.fault_script import plan_script
from backstride.virtual.faults import Faults
from backstride.virtual.gatt import Uuid
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine
from backstride.virtual.model import MachineModel
from backstride.virtual.outbox import Output
from backstride.virtual.radio import Air

NOTIFYING = (Uuid.CONTROL_POINT, Uuid.MACHINE_STATUS, Uuid.TRAINING_STATUS, Uuid.TREADMILL_DATA)


def pytest_asyncio_loop_factories(config, item):
    return {"virtual": VirtualLoop}


@pytest.fixture(scope="session")
def captures_dir() -> Path:
    root = Path(__file__).resolve().parents[2]
    chosen = Path(os.environ.get("BACKSTRIDE_CAPTURES", root.parent / "shared" / "captures"))
    if not chosen.is_dir():
        pytest.skip(f"no captures in {chosen}; set BACKSTRIDE_CAPTURES to their directory")
    return chosen


class Bench:
    """A machine without any radio: time is an argument, frames are a list."""

    def __init__(self, model: MachineModel, *, client: str = "app", connect: bool = True) -> None:
        self.machine = Machine(model)
        self.client = client
        self.outputs: list[Output] = []
        self.now = 0
        if connect:
            self.connect(client)

    def connect(self, client: str) -> None:
        self.machine.connect(client, self.now)
        for characteristic in self.machine.characteristics:
            if characteristic.uuid in NOTIFYING:
                self.machine.subscribe(client, characteristic.uuid, self.now)

    def run(self, to_ms: int) -> None:
        self.now = to_ms
        self.outputs += self.machine.advance(to_ms)

    def wait(self, ms: int) -> None:
        self.run(self.now + ms)

    def write(self, text: str, client: str | None = None, *, response: bool = True) -> bytes | None:
        """Write to the control point now; return the answer that comes within 500 ms."""
        data = bytes.fromhex(text)
        seen = len(self.outputs)
        who = client or self.client
        self.machine.write(Uuid.CONTROL_POINT, data, self.now, who, response=response)
        self.wait(500)
        answers = [
            output.data
            for output in self.outputs[seen:]
            if output.uuid is Uuid.CONTROL_POINT and output.client == who
        ]
        return answers[0] if answers else None

    def start(self, *, response: bool = True) -> None:
        """Take control, start, and wait for the first speed."""
        self.write("00", response=response)
        assert self.write("07", response=response) == bytes.fromhex("800701")
        self.wait(self.machine.model.speed.countdown + 6_000)

    def frames(self, uuid: Uuid, client: str | None = None) -> list[bytes]:
        return [
            output.data
            for output in self.outputs
            if output.uuid is uuid and output.client == (client or self.client)
        ]

    def telemetry(self) -> list[bytes]:
        return self.frames(Uuid.TREADMILL_DATA)

    def status(self) -> list[bytes]:
        return self.frames(Uuid.MACHINE_STATUS)

    def training(self) -> list[bytes]:
        return self.frames(Uuid.TRAINING_STATUS)

    def speed(self) -> int:
        return self.machine.drive.belt.value


@pytest.fixture
def bench() -> Callable[..., Bench]:
    def make(name: str | MachineModel, **kwargs) -> Bench:
        model = name if isinstance(name, MachineModel) else load_machine(name)
        return Bench(model, **kwargs)

    return make


class Rig:
    """A machine on the air with a plain BleakClient connected to it."""

    def __init__(self, air, machine, pump, client, faults) -> None:
        self.air = air
        self.machine = machine
        self.pump = pump
        self.client: BleakClient = client
        self.faults = faults
        self.frames: dict[Uuid, list[bytes]] = {uuid: [] for uuid in NOTIFYING}
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost = asyncio.Event()

    async def subscribe(self) -> None:
        for characteristic in self.machine.characteristics:
            if characteristic.uuid in NOTIFYING:
                await self.client.start_notify(uuid_text(characteristic.uuid), self.keep)

    def keep(self, characteristic, data: bytearray) -> None:
        uuid = Uuid(int(characteristic.uuid[4:8], 16))
        self.frames[uuid].append(bytes(data))
        if uuid is Uuid.CONTROL_POINT:
            self.answers.put_nowait(bytes(data))

    async def write(self, text: str) -> None:
        properties = self.client.services.get_characteristic(
            uuid_text(Uuid.CONTROL_POINT)
        ).properties
        await self.client.write_gatt_char(
            uuid_text(Uuid.CONTROL_POINT), bytes.fromhex(text), response="write" in properties
        )

    async def order(self, text: str) -> bytes | None:
        """Write, and return the answer, or None after 3 s."""
        while not self.answers.empty():
            self.answers.get_nowait()
        await self.write(text)
        try:
            async with asyncio.timeout(3):
                return await self.answers.get()
        except TimeoutError:
            return None


def uuid_text(uuid: Uuid) -> str:
    return normalize_uuid_16(uuid)


@pytest.fixture
def rig():
    """`async with rig("ideal", air="bumble", script="...") as r:`"""

    @contextlib.asynccontextmanager
    async def make(
        name: str,
        *,
        air: str = "loopback",
        script: str = "",
        seed: int = 0,
        subscribe: bool = True,
        latency_ms: int = 4,
    ) -> AsyncIterator[Rig]:
        ether = Air() if air == "bumble" else LoopbackAir(latency_ms)
        machine = Machine(load_machine(name))
        faults = Faults(machine, seed=seed)
        plan_script(faults, script)
        pump = await ether.serve(machine, faults)
        lost: list[Rig] = []
        client = BleakClient(
            machine.address,
            backend=ether.client_backend(),
            disconnected_callback=lambda _: [made.lost.set() for made in lost],
        )
        made = Rig(ether, machine, pump, client, faults)
        lost.append(made)
        await client.connect()
        if subscribe:
            await made.subscribe()
        try:
            yield made
        finally:
            await client.disconnect()
            await ether.close()

    return make
