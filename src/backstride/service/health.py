"""Health: each treadmill's view of its host and its radio, told once a minute and when something changes.

Reading a host means reading files, so it is done in a thread, once for all treadmills of the process; what
it costs is a few ms a minute. What is told between two readings has the host as it was at the last one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from backstride.domain.events import Event
from backstride.domain.session import Session, Transition
from backstride.domain.units import SECOND, Ms
from backstride.mqtt.health import Health, HostHealth, LastSession, RadioHealth
from backstride.mqtt.schema import encode
from backstride.ports import Clock, Publication
from backstride.service.clock import WallClock
from backstride.service.controller import Controller, Ports
from backstride.service.health_host import HostReader
from backstride.service.view import View

PERIOD: Final[Ms] = 60 * SECOND
"""It is told at least this often."""
SETTLE: Final[Ms] = 2 * SECOND
"""A change is told this much later: a link that flaps is no flood."""
HOT: Final = 80.0
"""°C; from here on a Raspberry Pi slows down (raspberrypi.com, config.txt, temp_limit)."""
DISK_LOW: Final = 200
"""MB free below which journals are at risk soon [CHOICE]."""
MEMORY_LOW: Final = 50
"""MB below which the kernel begins to end processes [CHOICE]."""


class Patient(Struct, frozen=True):
    """One treadmill whose health is told."""

    controller: Controller
    ports: Ports


class HealthWatch:
    """Tells the health of all treadmills of a daemon. `directory` is where the daemon keeps its records."""

    def __init__(self, directory: Path, host_name: str, clock: Clock, wall: WallClock) -> None:
        self._reader = HostReader(directory, host_name)
        self._clock = clock
        self._wall = wall
        self._begun = clock.now()
        self._changed = asyncio.Event()

    def follow(self) -> Callable[[Event, Transition], None]:
        """A watcher for one controller: it notices when something changed that health tells."""
        shown: tuple[object, ...] = ()

        def watch(_: Event, transition: Transition) -> None:
            nonlocal shown
            session = transition.session
            now = session.linked, session.epoch, session.fault, session.ended_by
            if now != shown:
                shown = now
                self._changed.set()

        return watch

    async def run(self, patients: Sequence[Patient]) -> None:
        """Tell until cancelled."""
        versions = await asyncio.to_thread(self._reader.versions)
        host, memory = await asyncio.to_thread(self._reader.read)
        read_at = self._clock.now()
        while True:
            self._changed.clear()
            if self._clock.now() - read_at >= PERIOD:
                host, memory = await asyncio.to_thread(self._reader.read)
                read_at = self._clock.now()
            for patient in patients:
                health = self._examine(patient, host, memory, versions)
                patient.ports.bus.publish(Publication("health", encode(health), retain=True))
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD / SECOND):
                    await self._changed.wait()
                    await asyncio.sleep(SETTLE / SECOND)

    def _examine(
        self, patient: Patient, host: HostHealth, memory: int | None, versions: dict[str, str]
    ) -> Health:
        session, view = patient.controller.session, patient.controller.view
        radio = RadioHealth(
            up=session.linked,
            connections=session.epoch,
            rssi=patient.ports.rssi(),
            trouble=None if session.linked else patient.ports.trouble(),
        )
        return Health(
            boot=view.boot,
            time=self._wall.stamp(),
            uptime=(self._clock.now() - self._begun) / SECOND,
            memory=memory,
            versions=versions,
            host=host,
            radio=radio,
            last_session=_last(view),
            faults=find_faults(host, radio, session),
        )


def _last(view: View) -> LastSession | None:
    over = view.over
    if over is None or over.ended is None:
        return None
    return LastSession(program=over.program, ended=over.ended, outcome=over.outcome)


def find_faults(host: HostHealth, radio: RadioHealth, session: Session) -> dict[str, str]:
    """What is wrong, by code; a sentence says what to look at."""
    found: dict[str, str] = {}
    if session.fault is not None:
        found["session"] = session.fault.sentence
    if not radio.up:
        found["radio"] = radio.trouble or "there is no link to the treadmill"
    if not host.clock_synchronised:
        found["clock"] = "no time service keeps the clock: old commands are told by `boot` only"
    if host.throttled:
        found["throttled"] = "the computer is slowed down: look at its power supply and its heat"
    if host.temperature is not None and host.temperature >= HOT:
        found["hot"] = f"the processor has {host.temperature:.0f} °C"
    if host.disk_free is not None and host.disk_free < DISK_LOW:
        found["disk"] = f"only {host.disk_free} MB are free on the disk"
    if host.memory_free is not None and host.memory_free < MEMORY_LOW:
        found["memory"] = f"only {host.memory_free} MB of memory are free"
    return found
