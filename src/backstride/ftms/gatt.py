"""What a link does with GATT, each step bounded in time and with one kind of error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.service import BleakGATTService
from bleak.exc import (
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from backstride.domain.units import Ms
from backstride.ftms import uuids
from backstride.ftms.errors import (
    ConnectError,
    FtmsError,
    NotATreadmillError,
    ReadError,
    SubscribeError,
)
from backstride.ftms.features import Identity
from backstride.ftms.patience import bound
from backstride.ftms.waits import Waits

RADIO_FAULTS: Final = (BleakError, OSError, EOFError, AssertionError, KeyError)
"""What bleak and the D-Bus library below it raise when the radio or the machine goes away."""

_UNPAIRED: Final = {
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
}

type Heard = Callable[[BleakGATTCharacteristic, bytearray], None]


class Gatt:
    """The attributes of one connected machine. After `connect` and `inspect`, everything is there."""

    def __init__(self, client: BleakClient, waits: Waits) -> None:
        self._client = client
        self._waits = waits
        self._service: BleakGATTService | None = None

    async def connect(self) -> None:
        """Connect and discover the services.

        Raises:
            ConnectError: it failed, or took too long.
        """
        await self._bounded(self._client.connect(), self._waits.connect, ConnectError, "connecting")

    def inspect(self) -> None:
        """Look for the fitness machine service and what Backstride needs of it.

        Raises:
            NotATreadmillError: something needed is missing.
            ConnectError: the connection is gone already.
        """
        address = self._client.address
        try:
            service = self._client.services.get_service(uuids.FITNESS_MACHINE)
        except RADIO_FAULTS as error:
            raise ConnectError(f"{address} went away: {describe_fault(error)}") from error
        if service is None:
            raise NotATreadmillError(
                f"{address} has no fitness machine service (0x1826), so it cannot be used;"
                " check the address with `backstride scan`"
            )
        needed = {
            "control point (2AD9)": uuids.CONTROL_POINT,
            "treadmill data (2ACD)": uuids.TREADMILL_DATA,
            "speed range (2AD4)": uuids.SPEED_RANGE,
        }
        missing = [name for name, uuid in needed.items() if not service.get_characteristic(uuid)]
        if missing:
            raise NotATreadmillError(
                f"{address} lacks {' and '.join(missing)}, so it cannot be controlled over FTMS"
            )
        self._service = service

    async def read(self, uuid: str) -> bytes:
        """Read a value of the fitness machine service; empty when there is none to read.

        Raises:
            ReadError: the link broke or the machine did not answer.
        """
        return await self._read(self._service, uuid)

    async def identify(self) -> Identity:
        """Read everything that tells this machine from others.

        Raises:
            ReadError: the link broke or the machine did not answer.
        """
        info = self._client.services.get_service(uuids.DEVICE_INFORMATION)

        async def text(uuid: str) -> str:
            return (await self._read(info, uuid)).decode(errors="replace").rstrip("\0 ")

        return Identity(
            manufacturer=await text(uuids.MANUFACTURER),
            model=await text(uuids.MODEL),
            serial_number=await text(uuids.SERIAL_NUMBER),
            features=await self.read(uuids.FEATURE),
            speed_range=await self.read(uuids.SPEED_RANGE),
            incline_range=await self.read(uuids.INCLINE_RANGE),
        )

    async def subscribe(self, uuid: str, heard: Heard) -> None:
        """Enable indications or notifications, where the machine has the characteristic.

        Raises:
            SubscribeError: it failed, or took too long.
        """
        characteristic = self._find(self._service, uuid)
        if characteristic is not None:
            starting = self._client.start_notify(characteristic, heard)
            what = f"subscribing to {uuid[4:8].upper()}"
            await self._bounded(starting, self._waits.gatt, SubscribeError, what)

    async def write_control_point(self, frame: bytes) -> None:
        """Write to the control point; raises what bleak raises."""
        point = self._find(self._service, uuids.CONTROL_POINT)
        if point is None:
            raise BleakError("the connection is not ready")
        # Some machines (UREVO, BH) only take writes without a response, and so never say "busy".
        without = "write" not in point.properties and "write-without-response" in point.properties
        await self._client.write_gatt_char(point, frame, response=not without)

    async def _read(self, service: BleakGATTService | None, uuid: str) -> bytes:
        characteristic = self._find(service, uuid)
        if characteristic is None:
            return b""
        try:
            reading = self._client.read_gatt_char(characteristic)
            what = f"reading {uuid[4:8].upper()}"
            return bytes(await self._bounded(reading, self._waits.gatt, ReadError, what))
        except ReadError as error:
            refusal = isinstance(error.__cause__, BleakGATTProtocolError)
            if refusal and not demands_pairing(error.__cause__):
                return b""  # the machine itself refuses: it will do so the next time as well
            raise

    @staticmethod
    def _find(service: BleakGATTService | None, uuid: str) -> BleakGATTCharacteristic | None:
        return service.get_characteristic(uuid) if service else None

    async def _bounded[T](
        self, step: Awaitable[T], within: Ms, error: type[FtmsError], what: str
    ) -> T:
        address = self._client.address
        try:
            return await bound(step, within)
        except TimeoutError:
            raise error(
                f"{what}: {address} does not answer; close other apps that use it,"
                " or switch it off and on"
            ) from None
        except RADIO_FAULTS as fault:
            raise error(f"{what}: {address} failed: {describe_fault(fault)}") from fault


def demands_pairing(fault: BaseException | None) -> bool:
    """Whether the machine refused because the connection is not encrypted, or not with its key.

    BlueZ itself raises the encryption when it is asked for; what comes through is its failure.
    """
    match fault:
        case BleakGATTProtocolError(code=code):
            return code in _UNPAIRED
        case BleakDBusError(dbus_error=error):
            return (
                error == "org.bluez.Error.NotPermitted" and fault.dbus_error_details == "Not paired"
            )
        case _:
            return False


def describe_fault(fault: BaseException) -> str:
    """What an exception of the radio says, or its kind when it says nothing."""
    return str(fault) or type(fault).__name__
