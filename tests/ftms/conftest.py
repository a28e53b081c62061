"""A treadmill on a bench: the real adapter, the virtual machine, and air without Bluetooth between."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import Permit, Situation, envelope, permit
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.ftms.discovery import ByAddress
from backstride.ftms.radio import Radio
from backstride.ftms.treadmill import BleakTreadmill
from backstride.ftms.waits import Waits
from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import run_virtual
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine as VirtualMachine
from backstride.virtual.pump import Pump
from backstride.virtual.radio import Air

SEED = 20_261_120


class LoopClock:
    """The running loop's time, so that virtual time is the only time."""

    def now(self):
        return round(asyncio.get_running_loop().time() * 1_000)


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self, now=0):
        self.time = now

    def now(self):
        return self.time


MACHINE = Machine(
    address="00:11:22:33:44:55",
    name="Bench",
    fingerprint="bench",
    speed=SpeedRange(1, 2_000, 1),
    incline=InclineRange(0, 150, 5),
    belt_start=BeltStart.REMOTE,
)
ENVELOPE = envelope(SiteRules(caps=Caps(reason="bench")), MACHINE, None, None)


def grant(command, *, epoch=1, ticket=1, now=0):
    """A permit from the real gate, in a situation that allows the command."""
    moving = not isinstance(command, Start)
    target = command.target if isinstance(command, SetSpeed) else 100
    situation = Situation(
        now=now,
        epoch=epoch,
        control=True,
        moves=True,
        start_granted=True,
        speed=target if moving else 0,
        incline=0,
        age=0,
        target=target,
        target_at=now,
        incline_target=max(command.target - 10, 0) if isinstance(command, SetIncline) else 0,
        incline_target_at=now - 60_000,
    )
    granted = permit(command, ticket, situation, ENVELOPE)
    assert isinstance(granted, Permit), granted
    return granted


@dataclass
class Bench:
    """One virtual machine, one adapter, and everything that the adapter reported."""

    air: LoopbackAir | Air
    machine: VirtualMachine
    pump: Pump
    treadmill: BleakTreadmill
    events: list = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    tickets: int = 0

    def sink(self, event):
        self.events.append(event)
        self.changed.set()

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind, count=1, within=60):
        """Wait for the event number `count` of a kind."""
        async with asyncio.timeout(within):
            while len(self.of(kind)) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.of(kind)[count - 1]

    async def send(self, command, *, epoch=None):
        """Execute a command that is permitted now, on the newest connection by default."""
        self.tickets += 1
        newest = max((event.epoch for event in self.events), default=1)
        now = LoopClock().now()
        granted = grant(command, epoch=epoch or newest, ticket=self.tickets, now=now)
        return await self.treadmill.execute(granted)


def change(model, path, value):
    """A machine model with one nested setting changed, such as `control_point.busy`."""
    head, _, rest = path.partition(".")
    inner = change(getattr(model, head), rest, value) if rest else value
    return msgspec.structs.replace(model, **{head: inner})


@asynccontextmanager
async def bench(
    machine="ideal",
    *,
    target=None,
    waits=None,
    changes=None,
    wrap=lambda b: b,
    scanner=None,
    air=None,
):
    """Run the adapter against a machine until the block ends.

    `changes` alters settings of the machine; `wrap` makes a faulty client backend of the good one.
    """
    model = load_machine(machine)
    for path, value in (changes or {}).items():
        model = change(model, path, value)
    air = air or LoopbackAir()
    virtual = VirtualMachine(model)
    pump = await air.serve(virtual)
    treadmill = BleakTreadmill(
        target or ByAddress(virtual.address),
        clock=LoopClock(),
        belt_start=BeltStart.REMOTE,
        radio=Radio(client=wrap(air.client_backend()), scanner=scanner or air.scanner_backend()),
        waits=waits or Waits(),
        rng=random.Random(SEED),
    )
    rig = Bench(air, virtual, pump, treadmill)
    task = asyncio.create_task(treadmill.run(rig.sink))
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(
            1
        )  # virtual time: the machine notices the farewell and advertises again
        await air.close()
    assert task.cancelled(), task.exception()


@pytest.fixture
def make_bench(request):
    """The bench, on the air that an indirect parameter asks for: `loopback` (default) or `bumble`."""
    if getattr(request, "param", "loopback") == "loopback":
        return bench
    return lambda *args, **options: bench(*args, air=Air(), **options)


def pytest_generate_tests(metafunc):
    """Run a class marked `every_air` over the loopback and over a whole Bluetooth stack."""
    if getattr(metafunc.cls, "every_air", False):
        metafunc.parametrize("make_bench", ["loopback", "bumble"], indirect=True)


@pytest.fixture
def make_machine():
    """A virtual machine with some settings changed."""

    def make(name="ideal", *, address=None, **changes):
        model = load_machine(name)
        for path, value in changes.items():
            model = change(model, path.replace("__", "."), value)
        return VirtualMachine(model, address=address)

    return make


@pytest.fixture
def in_virtual_time():
    """Runs a coroutine function to its end, in virtual time."""
    return lambda story: run_virtual(story())


@pytest.fixture
def make_permit():
    return grant


@pytest.fixture
def hand_clock():
    return HandClock()


@pytest.fixture
def loop_clock():
    return LoopClock()


@pytest.fixture
def rng(request):
    """Random but repeatable; pytest shows the seed when the test fails."""
    print(f"seed {SEED}")
    return random.Random(SEED)


@pytest.fixture(scope="session")
def captures():
    """The folder of recorded frames; tests that need it skip where it is not."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("BACKSTRIDE_CAPTURES", root.parent / "shared" / "captures"))
    if not folder.is_dir():
        pytest.skip(f"no recorded frames at {folder}; set BACKSTRIDE_CAPTURES")
    return folder


ALL_COMMANDS = (RequestControl(), SetSpeed(120), SetIncline(10), Start(), Stop())


@pytest.fixture(params=ALL_COMMANDS, ids=lambda c: type(c).__name__)
def any_command(request):
    return request.param
