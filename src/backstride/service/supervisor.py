"""The daemon: every treadmill of the configuration, each with its own session, limits and topics.

Theory of operation
-------------------
Treadmills share the process and nothing else. Each has a controller, a broker connection of its own (with
its own will), a journal, a claim and a lock. The process is ready when all controllers run. The watchdog
is fed only while every control loop ticks.

The process ends in one of two ways. Told to (SIGTERM, SIGINT): every belt is brought down and proven
still, or the time for it runs out. On a defect in one controller: that one has sent its last Stop; the
others are brought down in the same controlled way before the process exits with an error, and the next
life finds whatever could not be stopped by its claim.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import structlog

from backstride import __version__
from backstride.domain.errors import BackstrideError
from backstride.domain.events import Ask, Request
from backstride.domain.session import Options, is_owed
from backstride.domain.units import SECOND
from backstride.history.database import FILE
from backstride.scripts.catalogue import Catalogue, shipped_dir
from backstride.service import local, systemd
from backstride.service.assembly import Unit, Workshop
from backstride.service.clock import LoopClock, WallClock
from backstride.service.config import state_directory
from backstride.service.controller import Controller
from backstride.service.exporting import Exporter
from backstride.service.health import HealthWatch, Patient
from backstride.service.history import Keeper, Subject
from backstride.service.identity import own_name
from backstride.service.outlet import LIVELY
from backstride.service.radios import Radios
from backstride.service.recovery import lock
from backstride.service.settings import Config, Treadmill
from backstride.service.strap import wear

_LOG: Final = structlog.get_logger("backstride.service")


class DefectError(BackstrideError):
    """A controller failed; the belts were brought down as far as possible."""


class Service:
    """The treadmills of one configuration, built and run together."""

    def __init__(self, config: Config, options: Options | None = None) -> None:
        self.config = config
        self.controllers: list[Controller] = []
        self.boot = secrets.token_hex(4)
        self.built: list[Callable[[], None]] = []
        """Called when all controllers are built and none runs yet."""
        self.ready = asyncio.Event()
        """Set when every controller runs."""
        self._ending = asyncio.Event()
        self._closing = False
        self._units: list[Unit] = []
        self.radios = Radios()
        self.workshop = Workshop(config, options or Options(), self.boot, self._is_at_rest)

    def end(self) -> None:
        """Ask the service to end in a controlled way."""
        self._ending.set()

    def stop_all(self) -> None:
        """Stop every belt now, as `stop` from anybody does; the service goes on."""
        now = LoopClock().now()
        for controller in self.controllers:
            controller.sink(Request(at=now, id="local-stop", ask=Ask.STOP, source="signal"))

    async def run(self) -> None:
        """Run until told to end.

        Raises:
            DefectError: a controller failed.
            BackstrideError: the configuration cannot be put to work (a lock, a password, a program).
        """
        catalogue = self._load_programs()
        async with AsyncExitStack() as locks:
            for treadmill in self.config.treadmills or (
                Treadmill(id="treadmill", name="Treadmill"),
            ):
                home = state_directory(self.config) / treadmill.id
                locks.enter_context(lock(home))
                local.announce(home)
                unit = await self.workshop.build(treadmill, home, catalogue, self.radios)
                self._units.append(unit)
                self.controllers.append(unit.controller)
            await locks.enter_async_context(self._keep_history())
            await locks.enter_async_context(self.workshop.roster)
            for callback in self.built:
                callback()
            worn = [
                (one.strap, one.controller.sink) for one in self._units if one.strap is not None
            ]
            await locks.enter_async_context(wear(worn))
            await self._run_all()

    def _load_programs(self) -> Catalogue:
        own = self.config.programs.directory
        directories = [shipped_dir()] + ([Path(own)] if own else [])
        catalogue = Catalogue.load(*directories)
        for error in catalogue.errors:
            _LOG.error("program refused", file=error.file, problems=str(error))
        return catalogue

    def _is_at_rest(self) -> bool:
        """No belt of this process moves or is about to."""
        sessions = [controller.session for controller in self.controllers]
        return not any(is_owed(s) or s.phase in LIVELY for s in sessions)

    def _keep_history(self) -> Keeper:
        """Record what is walked, in one file for all treadmills, for as long as their locks are held."""
        path = state_directory(self.config) / FILE
        keeper = Keeper(path, [controller.view.treadmill for controller in self.controllers])
        self.workshop.roster.gone.append(keeper.tell)
        over = Exporter(self.config)
        for unit in self._units:
            view = unit.controller.view
            subject = Subject(
                view.treadmill,
                self.boot,
                unit.ports.bus,
                view.account,
                stamp=WallClock().stamp,
                session=_id_of(unit.controller),
                over=over,
                chosen=_chosen_at(unit),
            )
            unit.controller.watchers.append(keeper.watch(subject))
        return keeper

    async def _run_all(self) -> None:
        tasks = [
            asyncio.create_task(controller.run(), name=f"controller {controller.view.treadmill}")
            for controller in self.controllers
        ]
        ending = asyncio.create_task(self._ending.wait(), name="ending")
        feeding = asyncio.create_task(self._feed_watchdog(), name="watchdog")
        telling = asyncio.create_task(self._tell_health(), name="health")
        _LOG.info("ready", version=__version__, boot=self.boot, treadmills=len(tasks))
        systemd.notify(systemd.READY, systemd.status(f"{len(tasks)} treadmills"))
        self.ready.set()
        try:
            await asyncio.wait({*tasks, ending}, return_when=asyncio.FIRST_COMPLETED)
            systemd.notify(systemd.STOPPING, systemd.status("bringing the belts to rest"))
            healthy = [
                c for c, task in zip(self.controllers, tasks, strict=True) if not task.done()
            ]
            await asyncio.gather(*(controller.shut_down() for controller in healthy))
        finally:
            self._closing = True
            for task in (*tasks, ending, telling):
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            feeding.cancel()
            await asyncio.gather(ending, feeding, telling, return_exceptions=True)
            systemd.notify(systemd.WATCHDOG)  # as much again for the end of the process
        defects = [r for r in results if isinstance(r, Exception)]
        for defect in defects:
            _LOG.critical("controller failed", exc_info=defect)
        if defects:
            raise DefectError("a session failed inside; the log has the details")

    async def _tell_health(self) -> None:
        """Tell how host and radios are. A defect in it is nobody's but its own: no belt depends on it."""
        home, name = state_directory(self.config), own_name(self.config)
        watch = HealthWatch(home, name, LoopClock(), WallClock())
        for controller in self.controllers:
            controller.watchers.append(watch.follow())
        try:
            await watch.run([Patient(unit.controller, unit.ports) for unit in self._units])
        except Exception as error:  # noqa: BLE001  whatever it is, the belts go on
            _LOG.error("health is told no more", reason=repr(error))

    async def _feed_watchdog(self) -> None:
        """Feed systemd's watchdog from the control loops: only while each of them ticks.

        When all belts are down nothing ticks any more, and connections take their seconds to close.
        """
        interval = systemd.watchdog_interval()
        if interval is None:
            return
        clock = LoopClock()
        while True:
            if self._closing or all(c.ticks(clock.now()) for c in self.controllers):
                systemd.notify(systemd.WATCHDOG)
            await asyncio.sleep(interval / SECOND)


def _id_of(controller: Controller) -> Callable[[], str]:
    return lambda: controller.session_id


def _chosen_at(unit: Unit) -> Callable[[], str | None]:
    return lambda: unit.choice.walker


def settle_memory() -> None:
    """Take what the process is made of for given: nothing of it becomes garbage.

    Each full collection would look through all of it, and hold up every control loop meanwhile: 15 ms for one
    treadmill on a PC, more on a small computer, in the way of whatever comes just then.
    """
    gc.collect()
    gc.freeze()


async def serve(
    config: Config, options: Options | None = None, started: Callable[[Service], None] | None = None
) -> None:
    """Run the daemon until SIGTERM or SIGINT; SIGUSR1 stops all belts. `started` gets the service.

    Raises:
        BackstrideError: it cannot start, or a controller failed.
    """
    service = Service(config, options)
    service.built.append(settle_memory)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.end)
    loop.add_signal_handler(local.STOP, service.stop_all)
    if started is not None:
        started(service)
    await service.run()
