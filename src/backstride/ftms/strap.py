"""A heart-rate strap over the air: found by its address, connected, kept, and believed by nobody here.

Theory of operation
-------------------
`run` is one loop, as for a treadmill, but a strap never comes first: while the treadmill needs the radio to
get its own link back (`free` says no) no attempt is begun. Every step is bounded, and after a failure the
next attempt waits twice as long, up to a minute. A link without a measurement for SILENCE is given up: a
strap in a drawer looks connected for hours. What is measured goes to the sink as `HeartRate`, at most
one each INSTANT, because nobody's heart tells more; that it is absurd, or felt nothing, is for the core to
judge. Silence is no event: the core sees the age.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final, override

import structlog
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic

from backstride.domain.events import HeartRate
from backstride.domain.units import SECOND, Ms
from backstride.ftms import uuids
from backstride.ftms.discovery import ByAddress, find
from backstride.ftms.errors import ConnectError, FtmsError, NotAStrapError, NotFoundError
from backstride.ftms.gatt import RADIO_FAULTS, Gatt, describe_fault
from backstride.ftms.heartrate import Place, decode_battery, decode_measurement, decode_place
from backstride.ftms.patience import bound
from backstride.ftms.radio import Radio
from backstride.ftms.rejections import Flaw, Rejected, Tally
from backstride.ftms.remedies import release
from backstride.ftms.waits import Waits
from backstride.ports import Clock, Sink

_LOG: Final = structlog.get_logger("backstride.ftms")

INSTANT: Final[Ms] = 200
"""Measurements closer together than this are one: straps measure once a second [CHOICE]."""
SILENCE: Final[Ms] = 30 * SECOND
"""A link that brings no measurement for this long is given up [CHOICE]."""
TURN: Final[Ms] = 1 * SECOND
"""How often it is asked whether the radio is free [CHOICE]."""
JITTER: Final = 0.2
"""Pauses vary by this part, up or down."""


class BleakStrap:
    """One strap, for the life of the service. `free` says that the treadmill does not need the radio now."""

    def __init__(
        self,
        address: str,
        *,
        clock: Clock,
        radio: Radio | None = None,
        waits: Waits | None = None,
        rng: random.Random | None = None,
        free: Callable[[], bool] = lambda: True,
    ) -> None:
        self.address = address
        self._clock = clock
        self._radio = radio or Radio()
        self._waits = waits or Waits()
        self._rng = rng or random.Random()  # noqa: S311  spreads retries, protects nothing
        self._free = free
        self._tally = Tally(clock, strap=address)
        self._trouble: str | None = "the strap is being looked for"
        self._failures = 0
        self._place: Place | None = None
        self._battery: int | None = None
        self._heard_at: Ms = 0
        self._measured_at: Ms | None = None
        self._last = b""

    @property
    def trouble(self) -> str | None:
        """Why there is no connection, as a sentence for a person; None while there is one."""
        return self._trouble

    @property
    def place(self) -> Place | None:
        """Where it says that it is worn."""
        return self._place

    @property
    def counts(self) -> dict[str, int]:
        """How often something was rejected, by kind such as `heart.cut`, over all connections."""
        return self._tally.counts

    async def run(self, sink: Sink) -> None:
        """Find the strap, keep the connection and report what it measures, until cancelled."""
        while True:
            while not self._free():  # noqa: ASYNC110  the session is a value and sets no event
                await asyncio.sleep(TURN / SECOND)
            try:
                await self._connect_and_serve(sink)
            except FtmsError as error:
                self._fail(error)
            except Exception:  # noqa: BLE001  a bug here must neither end the watch nor the session
                _LOG.exception("strap failed in an unforeseen way", strap=self.address)
                self._failures += 1
            await asyncio.sleep(self._delay() / SECOND)

    async def _connect_and_serve(self, sink: Sink) -> None:
        """One connection from finding to its end.

        Raises:
            FtmsError: it never became ready.
        """
        if self._radio.is_platform:
            await release(self.address)
        sighting = await find(ByAddress(self.address), self._radio, self._waits)
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        limit = self._waits.connect / SECOND
        client = self._radio.make_client(
            sighting.device, lambda _: _end(ended, "the radio link broke"), limit
        )
        up_at: Ms | None = None
        try:
            await self._open(_StrapGatt(client, self._waits), ended, sink)
            self._trouble = None
            up_at = self._heard_at = self._clock.now()
            _LOG.info("strap up", strap=self.address, place=self._place, battery=self._battery)
            reason = await self._serve(ended)
            self._trouble = f"the connection to the strap ended: {reason}"
            _LOG.info("strap down", strap=self.address, reason=reason)
        finally:
            lasted = 0 if up_at is None else self._clock.now() - up_at
            if up_at is not None:
                self._failures = 0 if lasted >= self._waits.proven else self._failures + 1
            _end(ended, "the service ends")
            await self._close(client)

    async def _open(self, gatt: _StrapGatt, ended: asyncio.Future[str], sink: Sink) -> None:
        await gatt.connect()
        gatt.inspect()
        self._place = decode_place(await gatt.read(uuids.BODY_SENSOR_LOCATION))
        self._battery = decode_battery(await gatt.read_battery())

        def heard(_: BleakGATTCharacteristic, data: bytearray) -> None:
            if not ended.done():
                self._take(bytes(data), sink)

        await gatt.subscribe(uuids.HEART_RATE_MEASUREMENT, heard)

    async def _serve(self, ended: asyncio.Future[str]) -> str:
        """Return when the connection has ended or has been silent for too long, with the reason."""
        while not ended.done():
            left = self._heard_at + SILENCE - self._clock.now()
            if left <= 0:
                return "it measures nothing"
            await asyncio.wait([ended], timeout=left / SECOND)
        return ended.result()

    def _take(self, frame: bytes, sink: Sink) -> None:
        """One notification: at most one measurement an instant goes on."""
        now = self._clock.now()
        measured = decode_measurement(frame)
        if isinstance(measured, Rejected):
            self._tally.add("heart", measured.flaw, frame)
            return
        self._heard_at = now
        if self._measured_at is not None and now - self._measured_at < INSTANT:
            same = frame == self._last
            self._tally.add("heart", Flaw.DUPLICATE if same else Flaw.SENSELESS, frame)
            return
        self._measured_at, self._last = now, frame
        battery, self._battery = self._battery, None
        sink(HeartRate(at=now, bpm=measured.bpm, contact=measured.contact, battery=battery))

    async def _close(self, client: BleakClient) -> None:
        try:
            await bound(client.disconnect(), self._waits.disconnect)
        except (TimeoutError, *RADIO_FAULTS) as error:
            _LOG.warning("disconnect failed", strap=self.address, error=describe_fault(error))

    def _fail(self, error: FtmsError) -> None:
        self._failures += 1
        sentence = str(error)
        if isinstance(error, NotFoundError):
            sentence = f"the strap {self.address} was not heard; wet its electrodes and put it on"
        if sentence != self._trouble:
            _LOG.info("no strap", strap=self.address, stage=error.stage, trouble=sentence)
        self._trouble = sentence

    def _delay(self) -> Ms:
        """The pause before the next attempt, with its jitter."""
        doublings = min(max(self._failures - 1, 0), 32)
        delay = min(self._waits.retry_first << doublings, self._waits.retry_most)
        return round(delay * self._rng.uniform(1 - JITTER, 1 + JITTER))


class _StrapGatt(Gatt):
    """The attributes of a connected strap."""

    @override
    def inspect(self) -> None:
        """Look for the heart rate service and its measurement.

        Raises:
            NotAStrapError: something needed is missing.
            ConnectError: the connection is gone already.
        """
        address = self._client.address
        try:
            self._service = self._client.services.get_service(uuids.HEART_RATE)
        except RADIO_FAULTS as error:
            raise ConnectError(f"{address} went away: {describe_fault(error)}") from error
        if self._find(self._service, uuids.HEART_RATE_MEASUREMENT) is None:
            raise NotAStrapError(
                f"{address} measures no heart rate (180D); check the address with `backstride scan`"
            )

    async def read_battery(self) -> bytes:
        """Read the charge; empty when there is none to read.

        Raises:
            ReadError: the link broke or the strap did not answer.
        """
        battery = self._client.services.get_service(uuids.BATTERY)
        return await self._read(battery, uuids.BATTERY_LEVEL)


def _end(ended: asyncio.Future[str], reason: str) -> None:
    if not ended.done():
        ended.set_result(reason)
