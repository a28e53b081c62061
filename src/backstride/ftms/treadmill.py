"""The treadmill over the air: found, connected, kept, and told nothing but what is permitted.

Theory of operation
-------------------
`run` is one loop: find, connect, serve until the connection ends, say so, and again. It never gives up.
The first attempt after a loss comes after 100 ms and pauses double from there, with jitter so that several
treadmills do not knock at once, up to 60 s; but in the first minute after a loss, and while the belt is
owed a rest, no pause is longer than 2 s. While the machine is not heard at all, the pause is spent
listening, so that switching the machine on ends it at once.

Once a connection has been ready, the treadmill is bound to that machine's address: a neighbour with the
same name is never taken for it later. Whether it still is the same machine is for the session to
judge by its fingerprint.

Over BlueZ a `Care` looks first for a connection that is there already, says on which adapters to look, lets
one treadmill connect after the other, and heals what the next attempt alone would not mend.

Epochs count the connections that were ready, from 1. A failed attempt is reported to nobody but the
log and `trouble`.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog
from bleak.backends.device import BLEDevice
from msgspec.structs import replace

from backstride.domain.envelope import Permit
from backstride.domain.events import LinkDown, LinkUp, Outcome, Verdict
from backstride.domain.machine import BeltStart
from backstride.domain.units import SECOND, Ms
from backstride.ftms.care import Care, Host, judge
from backstride.ftms.discovery import ByAddress, Target, find, show_target
from backstride.ftms.errors import FtmsError, NotFoundError, Stage
from backstride.ftms.exchange import NOT_SENT
from backstride.ftms.healing import Fault, Step
from backstride.ftms.link import Link
from backstride.ftms.radio import Radio
from backstride.ftms.rejections import Tally
from backstride.ftms.waits import Waits
from backstride.ports import Clock, Sink

_LOG: Final = structlog.get_logger("backstride.ftms")

JITTER: Final = 0.2
"""Pauses vary by this part, up or down."""
DIRECT: Final = 3
"""So many reconnections go straight to the known device before it is looked for again."""


class BleakTreadmill:
    """`ports.Treadmill` over bleak. One object for one treadmill, for the life of the service."""

    def __init__(
        self,
        target: Target,
        *,
        clock: Clock,
        belt_start: BeltStart = BeltStart.CONSOLE,
        radio: Radio | None = None,
        waits: Waits | None = None,
        rng: random.Random | None = None,
        care: Care | None = None,
    ) -> None:
        self._target = target
        self._clock = clock
        self._belt_start = belt_start
        self._radio = radio or Radio()
        self._waits = waits or Waits()
        self._rng = rng or random.Random()  # noqa: S311  spreads retries, protects nothing
        self._care = care or self._look_after()
        self._tally = Tally(clock, treadmill=show_target(target))
        self._epoch = 0
        self._link: Link | None = None
        self._device: BLEDevice | None = None
        self._trouble: str | None = "the treadmill is being looked for"
        self._failures = 0
        self._lost_at: Ms | None = None
        self._heard = False
        self._adopting = False
        self._tried: str | None = None
        self.rssi: int | None = None
        """The signal in dBm of the last advertisement of the machine that was listened for."""

    def _look_after(self) -> Care | None:
        """Care for a treadmill that is alone with BlueZ; nobody says that its belt is at rest."""
        if not self._radio.is_platform or sys.platform != "linux":
            return None
        return Care(Host(self._clock), show_target(self._target), pinned=self._radio.adapter)

    @property
    def stage(self) -> Stage:
        """How far the connection is."""
        return self._link.stage if self._link else Stage.FINDING

    @property
    def trouble(self) -> str | None:
        """Why there is no connection, as a sentence for a person; None while there is one."""
        return self._trouble

    @property
    def counts(self) -> dict[str, int]:
        """How often something was rejected, by kind such as `data.cut`, over all connections."""
        return self._tally.counts

    def ages(self, now: Ms) -> dict[str, Ms]:
        """How long ago each telemetry field was last carried on this connection."""
        return self._link.records.ages(now) if self._link else {}

    # -- commands ------------------------------------------------------------------------------

    async def execute(self, permit: Permit) -> Outcome:
        """Send one command and say how it ended. Never raises for anything the radio does."""
        link = self._link
        if link is None or link.stage is not Stage.READY:
            return self._not_sent(permit, "there is no connection")
        return await link.control.execute(permit)

    def _not_sent(self, permit: Permit, why: str) -> Outcome:
        return Outcome(
            at=self._clock.now(),
            epoch=permit.epoch,
            ticket=permit.ticket,
            verdict=Verdict.REJECTED,
            detail=NOT_SENT + why,
        )

    # -- the connection ------------------------------------------------------------------------

    async def run(self, sink: Sink) -> None:
        """Find the machine, keep the connection and report everything, until cancelled."""
        while True:
            try:
                await self._connect_and_serve(sink)
            except FtmsError as error:
                await self._failed(error)
                if isinstance(error, NotFoundError):
                    continue  # finding listened for its whole time; the next attempt listens on
            except Exception:  # noqa: BLE001  never give up; a bug here must not end the watch
                _LOG.exception("connection failed in an unforeseen way", stage=self.stage)
                self._failures += 1
            await asyncio.sleep(self._delay() / SECOND)

    async def _connect_and_serve(self, sink: Sink) -> None:
        """One connection from finding to its end.

        Raises:
            FtmsError: it never became ready.
        """
        self._tried = None
        device = await self._locate()
        self._tried = device.address
        waits = self._waits
        link = Link(
            device,
            epoch=self._epoch + 1,
            radio=self._radio,
            clock=self._clock,
            waits=replace(waits, connect=waits.adopt) if self._adopting else waits,
            tally=self._tally,
            sink=sink,
            moving=self._care.moving if self._care else lambda: False,
        )
        self._link = link
        reason = "the service ends"
        up_at: Ms | None = None
        try:
            async with self._turn(device):
                await link.connect()
            machine = await link.open(self._belt_start)
            self._epoch = link.epoch
            self._device = device
            self._target = ByAddress(device.address)
            self._trouble = None
            if self._care is not None:
                self._care.note_up(device.address)
            up_at = self._clock.now()
            _LOG.info("link up", address=device.address, name=device.name, epoch=link.epoch)
            sink(LinkUp(at=up_at, epoch=link.epoch, machine=machine))
            link.begin()
            reason = await link.serve()
        finally:
            await self._end(link, reason, up_at, sink)
        if link.fault is not None:
            await self._heal(link.fault)

    @asynccontextmanager
    async def _turn(self, device: BLEDevice) -> AsyncIterator[None]:
        """Connect inside, when no other treadmill does on the same adapter."""
        if self._care is None:
            yield
            return
        async with self._care.turn(device, self._await_turn):
            yield

    def _await_turn(self, why: str) -> None:
        self._trouble = why
        _LOG.info("waiting", treadmill=show_target(self._target), reason=why)

    async def _end(self, link: Link, reason: str, up_at: Ms | None, sink: Sink) -> None:
        """Say that the link is down, before the farewell: that may take its time."""
        now = self._clock.now()
        if up_at is not None:
            self._trouble = f"the connection ended: {reason}"
            self._lost_at = now
            lasted = now - up_at
            proven = lasted >= self._waits.proven
            self._failures = 0 if proven else self._failures + 1
            if proven and self._care is not None:
                self._care.note_proven()
            _LOG.warning("link down", address=link.address, epoch=link.epoch, reason=reason)
            sink(LinkDown(at=now, epoch=link.epoch, reason=reason))
        try:
            await link.close(reason)
        finally:
            self._link = None

    async def _locate(self) -> BLEDevice:
        """The device to connect to: the known one at first, else whichever is there already or heard."""
        self._adopting = self._heard = False
        if self._device is not None and self._failures < DIRECT:
            return self._device
        loads: Mapping[str, int] = {}
        if self._care is not None:
            bearings = await self._care.prepare(self._target)
            if bearings.adopted is not None:
                self._adopting = self._heard = True
                return bearings.adopted
            loads = bearings.loads
        urgent = self._is_urgent()
        sighting = await find(self._target, self._radio, self._waits, loads, hurry=urgent)
        self._heard, self.rssi = True, sighting.rssi
        if self._device is not None:
            self._device = sighting.device
        return sighting.device

    async def _failed(self, error: FtmsError) -> None:
        self._failures += 1
        if str(error) != self._trouble:
            _LOG.warning("no connection", stage=error.stage, trouble=str(error))
        self._trouble = str(error)
        fault = judge(error, heard=self._heard)
        if fault is not None:
            await self._heal(fault)

    async def _heal(self, fault: Fault) -> None:
        """Do what may mend the connection; what it takes from the platform is not known any more."""
        if self._care is None:
            return
        known = self._target.address if isinstance(self._target, ByAddress) else None
        address = self._tried or known
        if await self._care.heal(fault, address) in {Step.FORGET, Step.PAIR, Step.CYCLE}:
            self._device = None

    def _is_urgent(self) -> bool:
        """The belt may be moving: it is owed a rest, or a link was lost not long ago."""
        if self._care is not None and self._care.moving():
            return True
        return self._lost_at is not None and self._clock.now() - self._lost_at < self._waits.urgent

    def _delay(self) -> Ms:
        """The pause before the next attempt, with its jitter."""
        waits = self._waits
        most = waits.retry_most
        if self._is_urgent():
            most = waits.urgent_most
        doublings = min(max(self._failures - 1, 0), 32)
        delay = min(waits.retry_first << doublings, most)
        return round(delay * self._rng.uniform(1 - JITTER, 1 + JITTER))
