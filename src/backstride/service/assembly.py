"""Everything that one treadmill of a daemon is made of, put together from its part of the configuration.

What the treadmills of a process share - the boot, the radios, the care of the host's adapters, the people of
the site - is the workshop's. What it makes belongs to one treadmill alone, and nothing of it runs yet.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.session import Options, Session, is_owed
from backstride.ftms.care import Care, Host
from backstride.ftms.radio import Radio
from backstride.ftms.strap import BleakStrap
from backstride.ftms.treadmill import BleakTreadmill
from backstride.history.database import FILE
from backstride.mqtt.client import BrokerSettings
from backstride.mqtt.client import Tls as MqttTls
from backstride.mqtt.link import MqttBus
from backstride.mqtt.settings import HomeAssistant
from backstride.scripts.catalogue import Catalogue
from backstride.service.carebook import CareBook
from backstride.service.choice import Choice
from backstride.service.clock import LoopClock, WallClock
from backstride.service.commissioned import Grant, look_up
from backstride.service.config import state_directory
from backstride.service.controller import Controller, Ports
from backstride.service.credential import read_password, require_pin
from backstride.service.journal import FileJournal
from backstride.service.owed import remember
from backstride.service.radios import Radios
from backstride.service.recovery import FileLedger, is_any_claimed
from backstride.service.settings import Config, Protocol, Treadmill
from backstride.service.strap import find_strap
from backstride.service.timekeeping import is_synchronised
from backstride.service.training import Training
from backstride.service.walkers import Roster

_LOG: Final = structlog.get_logger("backstride.service")


class Unit(Struct, frozen=True):
    """One treadmill, ready to run. `strap` is None where nobody wears one; `choice` outlives the session."""

    controller: Controller
    ports: Ports
    strap: BleakStrap | None
    choice: Choice


def broker_settings(config: Config, treadmill: Treadmill, password: str | None) -> BrokerSettings:
    """The broker connection of one treadmill."""
    broker, home = config.broker.of(treadmill.id), config.homeassistant
    tls = broker.tls
    return BrokerSettings(
        treadmill=treadmill.id,
        host=broker.host,
        port=broker.port,
        user=broker.user,
        password=password,
        tls=None if tls is None else MqttTls(ca=tls.ca, certificate=tls.cert, key=tls.key),
        prefix=f"{broker.prefix}/{treadmill.id}",
        mqtt5=broker.protocol is not Protocol.V311,
        trust_scalars=broker.trust_scalars,
        homeassistant=HomeAssistant(prefix=home.prefix, name=treadmill.name)
        if home.discovery
        else None,
    )


class Workshop:
    """Builds the treadmills of one process. `at_rest` tells whether no belt of it moves or is about to."""

    def __init__(
        self,
        config: Config,
        options: Options,
        boot: str,
        at_rest: Callable[[], bool],
    ) -> None:
        self._config = config
        self._options = options
        self._boot = boot
        self._carebook = CareBook(WallClock().stamp)
        claimed = partial(is_any_claimed, state_directory(config))
        told = self._carebook.note
        self._host = Host(LoopClock(), at_rest=at_rest, claimed=claimed, told=told)
        self.roster = Roster(state_directory(config) / FILE)
        """Who may walk here; it reads while it is entered."""

    async def build(
        self, treadmill: Treadmill, home: Path, catalogue: Catalogue, radios: Radios
    ) -> Unit:
        """Build one treadmill, with its state in `home`.

        Raises:
            BackstrideError: a password, a sheet or a PIN cannot be read.
        """
        grant = look_up(treadmill)
        _LOG.info("granted", treadmill=treadmill.id, grant=grant)
        radio, target = await radios.provide(treadmill)
        holder: list[Controller] = []
        care = self._look_after(treadmill, home, radio, lambda: is_owed(holder[0].session))
        belt = BleakTreadmill(
            target, clock=LoopClock(), belt_start=grant.belt_start, radio=radio, care=care
        )
        choice = await asyncio.to_thread(Choice, home)
        training = Training(self.roster, lambda: holder[0].session, self._boot, choice=choice)
        pin = require_pin(treadmill)
        bus = MqttBus(
            self._broker(treadmill), clock=LoopClock(), boot=self._boot, pin=pin, people=training,
            programs=lambda name: (found := catalogue.find(name)) and grant.allow(found),
            phase=lambda: holder[0].phase, synchronised=is_synchronised,
        )  # fmt: skip
        ports = Ports(
            treadmill=belt,
            bus=bus,
            journal=FileJournal(home / "journal"),
            ledger=FileLedger(home, before=partial(remember, home, treadmill)),
            clock=LoopClock(),
            wall=WallClock(),
            trouble=lambda: belt.trouble,
            stage=lambda: belt.stage.value,
            rssi=lambda: belt.rssi,
            refused=bus.refused,
            demands=_demands(treadmill, pin),
            guidance=self._config.guidance,
            training=training,
        )
        programs = tuple(grant.allow(program) for program in catalogue)
        session = self._begin(treadmill, grant)
        controller = Controller(treadmill.id, self._boot, ports, session, programs)
        holder.append(controller)
        controller.watchers.append(choice.follow(self.roster, controller.sink))
        controller.view.account.practice = self.roster.practice
        worn = treadmill.strap is not None
        strap = await find_strap(treadmill, radios, lambda: controller.session) if worn else None
        return Unit(controller, ports, strap, choice)

    def _broker(self, treadmill: Treadmill) -> BrokerSettings:
        password = read_password(self._config.broker.of(treadmill.id))
        return broker_settings(self._config, treadmill, password)

    def _begin(self, treadmill: Treadmill, grant: Grant) -> Session:
        site = self._config.site.rules
        return Session(
            site=replace(site, machine=grant.caps),
            walker=treadmill.walker.caps if treadmill.walker else None,
            max_heart_rate=treadmill.walker.max_heart_rate if treadmill.walker else None,
            options=replace(self._options, technique=self._config.guidance.technique),
            bound=grant.bound,
        )

    def _look_after(
        self, treadmill: Treadmill, home: Path, radio: Radio, moving: Callable[[], bool]
    ) -> Care | None:
        """The care for a connection over BlueZ; other radios need none."""
        if not radio.is_platform or sys.platform != "linux":
            return None
        self._carebook.open(treadmill.id, home)
        return Care(self._host, treadmill.id, pinned=treadmill.adapter, moving=moving)


def _demands(treadmill: Treadmill, pin: object) -> tuple[str, ...]:
    """What `info` says beyond the machine: what commands must carry, and what a strap measures."""
    carried = () if pin is None else ("pin",)
    return carried if treadmill.strap is None else (*carried, "telemetry.heart_rate")
