"""One life of the service after another, on simulated ports and the clocks of one host."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from backstride.domain.limits import SiteRules
from backstride.domain.machine import BeltStart
from backstride.domain.session import Options, Session
from backstride.domain.units import SECOND
from backstride.ftms import radio as ftms_radio
from backstride.ftms.discovery import ByAddress
from backstride.ftms.treadmill import BleakTreadmill
from backstride.service import recovery
from backstride.service.clock import LoopClock, WallClock
from backstride.service.controller import Controller, Ports
from backstride.service.journal import FileJournal
from backstride.service.recovery import FileLedger
from backstride.virtual.backend import bind_client, bind_scanner
from safety.swarm.air import LifeAir
from safety.swarm.broker import BusLink
from safety.swarm.loop import Life

if TYPE_CHECKING:
    from safety.swarm.world import World

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
OPTIONS: Final = Options(countdown=3 * SECOND, confirm_window=20 * SECOND, patience=30 * SECOND)
"""Shorter than the product's, so that more happens in a virtual minute."""
HOME: Final = "/var/lib/backstride/swarm"


class Process:
    """One life of the service: everything of the product, on simulated ports."""

    def __init__(self, world: World, number: int) -> None:
        self.number = number
        self.life = Life(world.loop)
        self.boot = f"boot-{number:04}"
        self.controller: Controller
        self.before: Session
        """What it believed before its newest event."""
        self.task: asyncio.Task[None]
        self.ending: asyncio.Task[None] | None = None
        """The controlled end, once there is one."""
        self._world = world
        self.life.do(self._begin)

    def _begin(self) -> None:
        world, plan = self._world, self._world.plan
        clock = LoopClock()
        air = LifeAir(world.radio, self.life, world)
        treadmill = BleakTreadmill(
            ByAddress(world.machine.address),
            clock=clock,
            belt_start=BeltStart.CONSOLE if plan.console else BeltStart.REMOTE,
            radio=ftms_radio.Radio(client=bind_client(air), scanner=bind_scanner(air)),
            rng=random.Random(plan.seed + self.number),  # noqa: S311  reproducible chance
        )
        bus = BusLink(world.broker, self.life, {"swarm": world.program}, self.boot)
        home = cast("Any", world.disk.path(HOME))
        ports = Ports(
            treadmill=treadmill,
            bus=bus,
            journal=FileJournal(home / "journal", sync=world.disk.sync),
            ledger=FileLedger(home, sync=world.disk.sync),
            clock=clock,
            wall=WallClock(EPOCH, clock),
            trouble=lambda: treadmill.trouble,
            stage=lambda: treadmill.stage.value,
            slept=lambda: world.slept,
        )
        session = Session(
            site=SiteRules(), options=OPTIONS, max_heart_rate=plan.highest, person=plan.walker
        )
        self.controller = Controller("swarm", self.boot, ports, session, (world.program,))
        bus.controller = self.controller
        self.before = session
        self.controller.watchers.append(lambda e, t: world.watch(self, e, t))
        self.task = asyncio.create_task(self.controller.run(), name=f"life {self.number}")

    @property
    def session(self) -> Session:
        """What this life believes."""
        return self.controller.session


class _HostClock:
    """The host's clocks and boot id, where `service.recovery` reads them."""

    CLOCK_BOOTTIME = 7
    CLOCK_MONOTONIC = 1

    def __init__(self, world: World) -> None:
        self._world = world

    def clock_gettime(self, _clock: int) -> float:
        """Seconds since boot."""
        return (self._world.machine_now() - self._world.booted) / SECOND

    def time(self) -> float:
        """Seconds since 1970."""
        return self._world.wall() / SECOND

    def read_text(self, encoding: str) -> str:
        """The boot id."""
        del encoding
        return f"boot at {self._world.booted}\n"


@contextlib.contextmanager
def host_clock(world: World) -> Iterator[None]:
    """Let `service.recovery` read the clocks of this world; the system's own come back afterwards."""
    clock = _HostClock(world)
    before = {name: vars(recovery)[name] for name in ("time", "_BOOT_ID")}
    vars(recovery).update(time=clock, _BOOT_ID=clock)
    try:
        yield
    finally:
        vars(recovery).update(before)
