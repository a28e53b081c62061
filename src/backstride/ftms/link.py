"""One Bluetooth connection to one treadmill, from the first byte to the last; never used twice.

Theory of operation
-------------------
`open()` goes through the stages of `Stage` in order, and each has its own error: connect, look for the
service, read and check, then enable: indications of the control point first, because no command may be
written before (FTMS 1.0, 4.16), then status, training status and data. What arrives before the owner
has said `begin()` is kept back, so that nothing of this connection is reported before its LinkUp;
telemetry is dropped instead, because the next record is never far and an old one would look new.

A connection ends once, with one reason, whoever ends it. A link that has been silent for 10 s is probed
with a read, because a radio can believe in a connection that is long gone. Silence alone does not end
it: many machines say nothing while their belt stands still, and some start or stop when connected to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService
from bleak.exc import BleakError, BleakGATTProtocolError

from backstride.domain.events import Event, MachineStatus, Telemetry, Training
from backstride.domain.machine import BeltStart, Machine
from backstride.domain.units import SECOND
from backstride.ftms import uuids
from backstride.ftms.codec import decode_status, decode_training
from backstride.ftms.control import ControlPoint
from backstride.ftms.errors import (
    ConnectError,
    NotATreadmillError,
    ReadError,
    Stage,
    SubscribeError,
)
from backstride.ftms.features import Identity
from backstride.ftms.machine import describe
from backstride.ftms.radio import Radio
from backstride.ftms.records import Records
from backstride.ftms.rejections import Flaw, Rejected, Tally
from backstride.ftms.waits import Waits
from backstride.ports import Clock, Sink

_LOG: Final = structlog.get_logger("backstride.ftms")

_RADIO_FAULTS: Final = (BleakError, OSError, EOFError, AssertionError, KeyError)
"""What bleak and the D-Bus library below it raise when the radio or the machine goes away."""

type _Handler = Callable[[bytes], None]


class Link:
    """One connection. `epoch` marks everything that it reports."""

    def __init__(
        self,
        device: BLEDevice,
        *,
        epoch: int,
        radio: Radio,
        clock: Clock,
        waits: Waits,
        tally: Tally,
        sink: Sink,
    ) -> None:
        self.epoch = epoch
        self.stage = Stage.CONNECTING
        self.records = Records(epoch, tally)
        self.control = ControlPoint(
            epoch=epoch,
            write=self._write,
            clock=clock,
            waits=waits,
            tally=tally,
            lost=self._end,
        )
        self._device = device
        self._clock = clock
        self._waits = waits
        self._tally = tally
        self._sink = sink
        self._held: list[Callable[[], None]] | None = []
        self._heard_at = clock.now()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._client = radio.make_client(
            device,
            lambda _: self._end("the connection was lost"),
            waits.connect / SECOND,
        )
        self._point: BleakGATTCharacteristic | None = None
        self._probe: BleakGATTCharacteristic | None = None

    @property
    def address(self) -> str:
        """The address of the machine."""
        return self._device.address

    # -- up ------------------------------------------------------------------------------------

    async def open(self, belt_start: BeltStart) -> Machine:
        """Connect, read, check and enable. After an error, `close` must still be called.

        Raises:
            FtmsError: the leaf of the stage that failed.
        """
        await self._connect()
        self.stage = Stage.INSPECTING
        service = self._service()
        self.stage = Stage.READING
        identity = await self._identity(service)
        machine = describe(self._device, identity, belt_start)
        training = service.get_characteristic(uuids.TRAINING_STATUS)
        status = await self._read(training) if training else b""
        self.stage = Stage.SUBSCRIBING
        await self._subscribe(service)
        if status:
            self._on_training(status)
        self.stage = Stage.READY
        return machine

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self._waits.connect / SECOND):
                await self._client.connect()
        except TimeoutError:
            raise ConnectError(
                f"{self.address} does not accept a connection; close other apps that use the"
                " treadmill, or switch it off and on"
            ) from None
        except _RADIO_FAULTS as error:
            raise ConnectError(
                f"the connection to {self.address} failed: {_words(error)}"
            ) from error

    def _service(self) -> BleakGATTService:
        """The fitness machine service, if it has all that Backstride needs."""
        try:
            service = self._client.services.get_service(uuids.FITNESS_MACHINE)
        except _RADIO_FAULTS as error:
            raise ConnectError(f"{self.address} went away: {_words(error)}") from error
        if service is None:
            raise NotATreadmillError(
                f"{self.address} has no fitness machine service (0x1826), so it cannot be used;"
                " check the address with `backstride scan`"
            )
        self._point = service.get_characteristic(uuids.CONTROL_POINT)
        self._probe = service.get_characteristic(uuids.FEATURE)
        needed = {
            "control point (2AD9)": self._point,
            "treadmill data (2ACD)": service.get_characteristic(uuids.TREADMILL_DATA),
            "speed range (2AD4)": service.get_characteristic(uuids.SPEED_RANGE),
        }
        missing = [name for name, found in needed.items() if found is None]
        if missing:
            raise NotATreadmillError(
                f"{self.address} lacks {' and '.join(missing)}, so it cannot be controlled over FTMS"
            )
        return service

    async def _identity(self, service: BleakGATTService) -> Identity:
        info = self._client.services.get_service(uuids.DEVICE_INFORMATION)

        async def read(of: BleakGATTService | None, uuid: str) -> bytes:
            found = of.get_characteristic(uuid) if of else None
            return await self._read(found) if found else b""

        def text(raw: bytes) -> str:
            return raw.decode(errors="replace").rstrip("\0 ")

        return Identity(
            manufacturer=text(await read(info, uuids.MANUFACTURER)),
            model=text(await read(info, uuids.MODEL)),
            serial_number=text(await read(info, uuids.SERIAL_NUMBER)),
            features=await read(service, uuids.FEATURE),
            speed_range=await read(service, uuids.SPEED_RANGE),
            incline_range=await read(service, uuids.INCLINE_RANGE),
        )

    async def _read(self, characteristic: BleakGATTCharacteristic) -> bytes:
        """Read a value; empty when the machine itself refuses to tell it."""
        try:
            async with asyncio.timeout(self._waits.gatt / SECOND):
                return bytes(await self._client.read_gatt_char(characteristic))
        except BleakGATTProtocolError:
            return b""
        except TimeoutError:
            raise ReadError(f"{self.address} does not answer; switch it off and on") from None
        except _RADIO_FAULTS as error:
            raise ReadError(f"reading from {self.address} failed: {_words(error)}") from error

    async def _subscribe(self, service: BleakGATTService) -> None:
        handlers: tuple[tuple[str, _Handler], ...] = (
            (uuids.CONTROL_POINT, self.control.answer),
            (uuids.MACHINE_STATUS, self._on_status),
            (uuids.TRAINING_STATUS, self._on_training),
            (uuids.TREADMILL_DATA, self._on_data),
        )
        for uuid, handler in handlers:
            characteristic = service.get_characteristic(uuid)
            if characteristic is None:
                continue
            try:
                async with asyncio.timeout(self._waits.gatt / SECOND):
                    await self._client.start_notify(characteristic, self._heard(handler))
            except TimeoutError:
                raise SubscribeError(
                    f"{self.address} does not answer; switch it off and on"
                ) from None
            except _RADIO_FAULTS as error:
                raise SubscribeError(
                    f"{self.address} does not let {uuid[4:8]} be enabled: {_words(error)}"
                ) from error

    # -- serving -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Report from now on, beginning with what was held back."""
        held, self._held = self._held, None
        for report in held or ():
            report()

    async def serve(self) -> str:
        """Return when the connection has ended, with the reason."""
        while not self._ended.done():
            await asyncio.wait([self._ended], timeout=self._waits.probe / SECOND)
            silence = self._clock.now() - self._heard_at
            if not self._ended.done() and silence >= self._waits.probe and self._probe:
                try:
                    await self._read(self._probe)
                except ReadError:
                    self._end("the connection was dead although it looked alive")
        return self._ended.result()

    def _heard(self, handler: _Handler) -> Callable[[BleakGATTCharacteristic, bytearray], None]:
        def heard(_: BleakGATTCharacteristic, data: bytearray) -> None:
            self._heard_at = self._clock.now()
            if not self._ended.done():
                handler(bytes(data))

        return heard

    def _report(self, event: Event) -> None:
        if self._held is None:
            self._sink(event)

    def _on_data(self, frame: bytes) -> None:
        if self._held is not None:
            self._tally.add("data", Flaw.EARLY, frame)
            return
        record: Telemetry | None = self.records.take(frame, self._clock.now())
        if record is not None:
            self._report(record)

    def _on_status(self, frame: bytes) -> None:
        if self._held is not None:
            self._held.append(lambda: self._on_status(frame))
            return
        report = decode_status(frame)
        if isinstance(report, Rejected):
            self._tally.add("status", report.flaw, frame)
            return
        self._report(
            MachineStatus(
                at=self._clock.now(), epoch=self.epoch, status=report.status, value=report.value
            )
        )

    def _on_training(self, frame: bytes) -> None:
        if self._held is not None:
            self._held.append(lambda: self._on_training(frame))
            return
        code = decode_training(frame)
        if isinstance(code, Rejected):
            self._tally.add("training", code.flaw, frame)
            return
        self._report(Training(at=self._clock.now(), epoch=self.epoch, code=code))

    async def _write(self, frame: bytes) -> None:
        if self._point is None or self.stage is not Stage.READY:
            raise BleakError("the connection is not ready")
        # Some machines (UREVO, BH) only take writes without a response, and so never say "busy".
        with_response = (
            "write" in self._point.properties
            or "write-without-response" not in self._point.properties
        )
        await self._client.write_gatt_char(self._point, frame, response=with_response)

    # -- down ----------------------------------------------------------------------------------

    def _end(self, reason: str) -> None:
        if self._ended.done():
            return
        self.stage = Stage.DOWN
        self._ended.set_result(reason)
        self.control.close(reason)

    async def close(self, reason: str) -> None:
        """End the connection, at the latest after `waits.disconnect`. Harmless when it has ended."""
        self._end(reason)
        try:
            async with asyncio.timeout(self._waits.disconnect / SECOND):
                await self._client.disconnect()
        except (TimeoutError, *_RADIO_FAULTS) as error:
            _LOG.warning(
                "disconnect failed", address=self.address, epoch=self.epoch, error=_words(error)
            )


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
