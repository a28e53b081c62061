"""Talking to BlueZ over D-Bus, and what it knows: adapters, and devices that it has met.

Asking starts no bluetoothd, and every call comes to an end in time, whether or not anybody is there. The
names of interfaces and properties are those of BlueZ: doc/org.bluez.Adapter.rst, doc/org.bluez.Device.rst.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, Final

from dbus_fast import BusType, Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError
from dbus_fast.unpack import unpack_variants
from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.domain.units import SECOND, Ms
from backstride.ftms.uuids import TREADMILL_DATA

PATIENCE: Final[Ms] = 3 * SECOND
"""For one answer, all of it on this host; BlueZ gives most within milliseconds."""
ADAPTER: Final = "org.bluez.Adapter1"
DEVICE: Final = "org.bluez.Device1"
_CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"


class Cause(StrEnum):
    """Why the object tree could not be read."""

    NO_BUS = "no bus"
    """There is no system bus to connect to."""
    NOT_RUNNING = "not running"
    """Nobody serves org.bluez on the bus."""
    DENIED = "denied"
    """The bus, or its policy, turned this user away."""
    SILENT = "silent"
    """There is somebody who does not answer, or not in the way of BlueZ."""
    REFUSED = "refused"
    """BlueZ answers that it cannot, or will not."""


class BluezError(BackstrideError):
    """BlueZ could not be asked, or did not do it.

    Attributes:
        cause: why.
        detail: the same in the words of whoever refused.
    """

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(f"BlueZ cannot be asked ({detail})")
        self.cause = cause
        self.detail = detail


class Adapter(Struct, frozen=True, kw_only=True):
    """A Bluetooth adapter; `name` is the kernel's, such as hci0, and `alias` the host's name on the air."""

    name: str
    address: str
    alias: str
    powered: bool


class Device(Struct, frozen=True, kw_only=True):
    """A device that BlueZ has met; `adapter` is the name of the one that met it.

    `treadmill` says that BlueZ has found a treadmill's telemetry on it, which bicycles with the same service
    lack; `path` is the name of its object.
    """

    adapter: str
    address: str
    name: str | None
    paired: bool
    trusted: bool
    connected: bool
    blocked: bool
    treadmill: bool = False
    path: str = ""


class Tree(Struct, frozen=True, kw_only=True):
    """All that BlueZ knows, sorted by adapter and address."""

    adapters: tuple[Adapter, ...]
    devices: tuple[Device, ...]

    def carried(self, adapter: str) -> int:
        """How many devices are connected through this adapter."""
        return sum(d.connected and d.adapter == adapter for d in self.devices)


class Conversation:
    """A connection to the bus on which BlueZ lives."""

    def __init__(self, connection: MessageBus) -> None:
        self.connection = connection

    async def call(
        self,
        path: str,
        member: str,
        *,
        signature: str = "",
        body: tuple[Any, ...] = (),
        within: Ms = PATIENCE,
    ) -> list[Any]:
        """Call a method, named in full, of an object of BlueZ; the answer's values without variants.

        Raises:
            BluezError: there is no answer, or an error.
        """
        interface, _, name = member.rpartition(".")
        message = Message(
            destination="org.bluez",
            path=path,
            interface=interface,
            member=name,
            signature=signature,
            body=list(body),
            flags=MessageFlag.NO_AUTOSTART,
        )
        try:
            async with asyncio.timeout(within / SECOND):
                answer = await self.connection.call(message)
        except TimeoutError as error:
            raise BluezError(Cause.SILENT, f"no answer in {within // SECOND} s") from error
        except (OSError, EOFError, DBusFastError) as error:
            raise BluezError(Cause.NO_BUS, str(error) or "the bus hung up") from error
        if answer is None:
            raise BluezError(Cause.SILENT, "an empty answer")
        if answer.message_type is MessageType.ERROR:
            raise _refusal(answer)
        values: list[Any] = unpack_variants(answer.body)
        return values


def _refusal(answer: Message) -> BluezError:
    name = answer.error_name or ""
    kind = name.rsplit(".", 1)[-1]
    causes = {
        "ServiceUnknown": Cause.NOT_RUNNING,
        "NameHasNoOwner": Cause.NOT_RUNNING,
        "AccessDenied": Cause.DENIED,
    }
    said = next((word for word in answer.body if isinstance(word, str)), "")
    of_bluez = name.startswith("org.bluez.") or kind in {"UnknownObject", "UnknownMethod"}
    if of_bluez:
        return BluezError(Cause.REFUSED, f"{kind}: {said}" if said else kind)
    return BluezError(causes.get(kind, Cause.SILENT), kind)


@asynccontextmanager
async def converse(bus: str | None = None) -> AsyncIterator[Conversation]:
    """Talk on the system bus, or on the bus with this D-Bus address.

    Raises:
        BluezError: there is no bus, or it turns this user away.
    """
    connection: MessageBus | None = None
    try:
        try:
            async with asyncio.timeout(PATIENCE / SECOND):
                connection = MessageBus(bus, BusType.SYSTEM)
                await connection.connect()
        except TimeoutError as error:
            raise BluezError(Cause.SILENT, f"no answer in {PATIENCE // SECOND} s") from error
        except PermissionError as error:
            raise BluezError(Cause.DENIED, str(error)) from error
        except (OSError, EOFError) as error:
            raise BluezError(
                Cause.NO_BUS, getattr(error, "strerror", None) or str(error)
            ) from error
        except DBusFastError as error:
            # Authentication is refused, or the bus hangs up in the middle of it.
            raise BluezError(Cause.DENIED, str(error)) from error
        yield Conversation(connection)
    finally:
        if connection is not None:
            connection.disconnect()


async def read_tree(bus: str | None = None) -> Tree:
    """Ask BlueZ for its objects, on the system bus or on the bus with this D-Bus address.

    Raises:
        BluezError: there is no answer.
    """
    async with converse(bus) as talk:
        [objects] = await talk.call("/", "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
    return _read(objects)


def _read(objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Tree:
    adapters = [
        Adapter(
            name=path.rsplit("/", 1)[-1],
            address=has.get("Address", ""),
            alias=has.get("Alias", ""),
            powered=bool(has.get("Powered")),
        )
        for path, interfaces in objects.items()
        if (has := interfaces.get(ADAPTER)) is not None
    ]
    treadmills = {
        path.split("/service", 1)[0]
        for path, interfaces in objects.items()
        if interfaces.get(_CHARACTERISTIC, {}).get("UUID") == TREADMILL_DATA
    }
    devices = [
        Device(
            adapter=str(has.get("Adapter", "")).rsplit("/", 1)[-1],
            address=has.get("Address", ""),
            name=has.get("Name"),
            paired=bool(has.get("Paired")),
            trusted=bool(has.get("Trusted")),
            connected=bool(has.get("Connected")),
            blocked=bool(has.get("Blocked")),
            treadmill=path in treadmills,
            path=path,
        )
        for path, interfaces in objects.items()
        if (has := interfaces.get(DEVICE)) is not None
    ]
    return Tree(
        adapters=tuple(sorted(adapters, key=lambda adapter: adapter.name)),
        devices=tuple(sorted(devices, key=lambda device: (device.adapter, device.address))),
    )
