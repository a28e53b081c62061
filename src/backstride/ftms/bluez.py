"""What BlueZ knows, read from its D-Bus object tree: adapters, and devices that it has met.

Only reading: nothing is scanned, connected or changed, and bluetoothd is not started by asking. The names of
interfaces and properties are those of BlueZ's doc/org.bluez.Adapter.rst and doc/org.bluez.Device.rst.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from dbus_fast import BusType, Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError
from dbus_fast.unpack import unpack_variants
from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.domain.units import SECOND, Ms

PATIENCE: Final[Ms] = 3 * SECOND
"""For the whole conversation, all of it on this host; BlueZ answers within milliseconds."""
_ADAPTER: Final = "org.bluez.Adapter1"
_DEVICE: Final = "org.bluez.Device1"


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


class BluezError(BackstrideError):
    """The object tree could not be read.

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
    """A device that BlueZ has met; `adapter` is the name of the one that met it."""

    adapter: str
    address: str
    name: str | None
    paired: bool
    trusted: bool
    connected: bool
    blocked: bool


class Tree(Struct, frozen=True, kw_only=True):
    """All that BlueZ knows, sorted by adapter and address."""

    adapters: tuple[Adapter, ...]
    devices: tuple[Device, ...]


async def read_tree(bus: str | None = None) -> Tree:
    """Ask BlueZ for its objects, on the system bus or on the bus with this D-Bus address.

    Raises:
        BluezError: there is no answer.
    """
    connection: MessageBus | None = None
    try:
        async with asyncio.timeout(PATIENCE / SECOND):
            connection = MessageBus(bus, BusType.SYSTEM)
            await connection.connect()
            return _read(await _ask(connection))
    except TimeoutError as error:
        raise BluezError(Cause.SILENT, f"no answer in {PATIENCE // SECOND} s") from error
    except PermissionError as error:
        raise BluezError(Cause.DENIED, str(error)) from error
    except (OSError, EOFError) as error:
        raise BluezError(Cause.NO_BUS, getattr(error, "strerror", None) or str(error)) from error
    except DBusFastError as error:
        # Authentication is refused, or the bus hangs up in the middle of it.
        raise BluezError(Cause.DENIED, str(error)) from error
    finally:
        if connection is not None:
            connection.disconnect()


async def _ask(connection: MessageBus) -> dict[str, dict[str, dict[str, Any]]]:
    answer = await connection.call(
        Message(
            destination="org.bluez",
            path="/",
            interface="org.freedesktop.DBus.ObjectManager",
            member="GetManagedObjects",
            flags=MessageFlag.NO_AUTOSTART,
        )
    )
    if answer is None:
        raise BluezError(Cause.SILENT, "an empty answer")
    if answer.message_type is MessageType.ERROR:
        kind = (answer.error_name or "").rsplit(".", 1)[-1]
        causes = {
            "ServiceUnknown": Cause.NOT_RUNNING,
            "NameHasNoOwner": Cause.NOT_RUNNING,
            "AccessDenied": Cause.DENIED,
        }
        raise BluezError(causes.get(kind, Cause.SILENT), kind)
    objects: dict[str, dict[str, dict[str, Any]]] = unpack_variants(answer.body[0])
    return objects


def _read(objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Tree:
    adapters = [
        Adapter(
            name=path.rsplit("/", 1)[-1],
            address=has.get("Address", ""),
            alias=has.get("Alias", ""),
            powered=bool(has.get("Powered")),
        )
        for path, interfaces in objects.items()
        if (has := interfaces.get(_ADAPTER)) is not None
    ]
    devices = [
        Device(
            adapter=str(has.get("Adapter", "")).rsplit("/", 1)[-1],
            address=has.get("Address", ""),
            name=has.get("Name"),
            paired=bool(has.get("Paired")),
            trusted=bool(has.get("Trusted")),
            connected=bool(has.get("Connected")),
            blocked=bool(has.get("Blocked")),
        )
        for interfaces in objects.values()
        if (has := interfaces.get(_DEVICE)) is not None
    ]
    return Tree(
        adapters=tuple(sorted(adapters, key=lambda adapter: adapter.name)),
        devices=tuple(sorted(devices, key=lambda device: (device.adapter, device.address))),
    )
