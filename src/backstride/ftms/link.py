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
from bleak.exc import BleakError

from backstride.domain.events import MachineStatus, Training
from backstride.domain.machine import BeltStart, Machine
from backstride.domain.units import SECOND
from backstride.ftms import uuids
from backstride.ftms.codec import decode_status, decode_training
from backstride.ftms.control import ControlPoint
from backstride.ftms.errors import ReadError, Stage
from backstride.ftms.gatt import RADIO_FAULTS, Gatt, Heard, demands_pairing, describe_fault
from backstride.ftms.healing import Fault
from backstride.ftms.machine import describe
from backstride.ftms.patience import bound
from backstride.ftms.radio import Radio
from backstride.ftms.records import Records
from backstride.ftms.rejections import Flaw, Rejected, Tally
from backstride.ftms.waits import Waits
from backstride.ports import Clock, Sink

_LOG: Final = structlog.get_logger("backstride.ftms")

type _Handler = Callable[[bytes], None]


class Link:
    """One connection. `epoch` marks everything that it reports.

    `fault` says what is to be mended when the connection has ended; None when it just broke.
    """

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
        moving: Callable[[], bool] = lambda: False,
    ) -> None:
        self.epoch = epoch
        self.stage = Stage.CONNECTING
        self.fault: Fault | None = None
        self.records = Records(epoch, tally)
        self.control = ControlPoint(
            epoch=epoch,
            write=self._write,
            clock=clock,
            waits=waits,
            tally=tally,
            lost=lambda reason: self._end(reason, Fault.GHOST),
        )
        self._device = device
        self._clock = clock
        self._waits = waits
        self._tally = tally
        self._sink = sink
        self._moving = moving
        self._held: list[Callable[[], None]] | None = []
        self._heard_at = clock.now()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._can_pair = radio.is_platform
        self._client = radio.make_client(
            device, lambda _: self._end("the radio link broke"), waits.connect / SECOND
        )
        self._gatt = Gatt(self._client, waits)

    @property
    def address(self) -> str:
        """The address of the machine."""
        return self._device.address

    # -- up ------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect and discover the services. After an error, `close` must still be called.

        Raises:
            ConnectError: it failed, or took too long.
        """
        await self._gatt.connect()
        self.stage = Stage.INSPECTING

    async def open(self, belt_start: BeltStart) -> Machine:
        """Inspect, read, check and enable. After an error, `close` must still be called.

        Raises:
            FtmsError: the leaf of the stage that failed.
        """
        self._gatt.inspect()
        self.stage = Stage.READING
        machine = describe(self._device, await self._gatt.identify(), belt_start)
        training = await self._gatt.read(uuids.TRAINING_STATUS)
        self.stage = Stage.SUBSCRIBING
        await self._gatt.subscribe(uuids.CONTROL_POINT, self._heard(self.control.answer))
        await self._gatt.subscribe(uuids.MACHINE_STATUS, self._heard(self._on_status))
        await self._gatt.subscribe(uuids.TRAINING_STATUS, self._heard(self._on_training))
        await self._gatt.subscribe(uuids.TREADMILL_DATA, self._heard(self._on_data))
        if training:
            self._on_training(training)
        self.stage = Stage.READY
        return machine

    # -- serving -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Report from now on, beginning with what was held back."""
        held, self._held = self._held, None
        for report in held or ():
            report()

    async def serve(self) -> str:
        """Return when the connection has ended, with the reason."""
        waits = self._waits
        pause = min(waits.probe, waits.probe_moving)
        while not self._ended.done():
            await asyncio.wait([self._ended], timeout=pause / SECOND)
            silence = self._clock.now() - self._heard_at
            patience = waits.probe_moving if self._moving() else waits.probe
            if not self._ended.done() and silence >= patience:
                try:
                    await self._gatt.read(uuids.SPEED_RANGE)
                except ReadError:
                    self._end("the connection was dead although it looked alive", Fault.GHOST)
        return self._ended.result()

    def _heard(self, handler: _Handler) -> Heard:
        def heard(_: BleakGATTCharacteristic, data: bytearray) -> None:
            self._heard_at = self._clock.now()
            if not self._ended.done():
                handler(bytes(data))

        return heard

    def _on_data(self, frame: bytes) -> None:
        if self._held is not None:
            self._tally.add("data", Flaw.EARLY, frame)
            return
        record = self.records.take(frame, self._clock.now())
        if record is not None:
            self._sink(record)

    def _on_status(self, frame: bytes) -> None:
        if self._held is not None:
            self._held.append(lambda: self._on_status(frame))
            return
        report = decode_status(frame)
        if isinstance(report, Rejected):
            self._tally.add("status", report.flaw, frame)
            return
        now = self._clock.now()
        self._sink(
            MachineStatus(at=now, epoch=self.epoch, status=report.status, value=report.value)
        )

    def _on_training(self, frame: bytes) -> None:
        if self._held is not None:
            self._held.append(lambda: self._on_training(frame))
            return
        code = decode_training(frame)
        if isinstance(code, Rejected):
            self._tally.add("training", code.flaw, frame)
            return
        self._sink(Training(at=self._clock.now(), epoch=self.epoch, code=code))

    async def _write(self, frame: bytes) -> None:
        if self.stage is not Stage.READY:
            raise BleakError("the connection is not ready")
        try:
            await self._gatt.write_control_point(frame)
        except BleakError as error:
            if self._can_pair and demands_pairing(error):
                self._end("the machine demands an encrypted connection", Fault.REFUSED)
            raise

    # -- down ----------------------------------------------------------------------------------

    def _end(self, reason: str, fault: Fault | None = None) -> None:
        if self._ended.done():
            return
        self.fault = fault
        self.stage = Stage.DOWN
        self._ended.set_result(reason)
        self.control.close(reason)

    async def close(self, reason: str) -> None:
        """End the connection, a second after `waits.disconnect` at the latest. Harmless when it has ended."""
        self._end(reason)
        try:
            await bound(self._client.disconnect(), self._waits.disconnect)
        except (TimeoutError, *RADIO_FAULTS) as error:
            _LOG.warning(
                "disconnect failed",
                address=self.address,
                epoch=self.epoch,
                error=describe_fault(error),
            )
