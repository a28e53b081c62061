"""What a bleak backend needs of the air: links with attributes, and advertisements.

`radio.py` and `loopback.py` implement these; `backend.py` makes bleak's classes of them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, cast

from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from msgspec import Struct

from backstride.virtual.gatt import Advertisement

type FrameHandler = Callable[[int, bytes], None]
"""Called with a characteristic's handle and a value that was notified or indicated."""

MTU = 247
"""What BlueZ asks for and most peripherals grant; 23 would cut long telemetry at 20 bytes."""
_ATT_HEADER = 3


class Entry(Struct, frozen=True):
    """One characteristic as the client discovered it."""

    service: str
    service_handle: int
    uuid: str
    handle: int
    properties: tuple[str, ...]


class Wire(Protocol):
    """One link from a client to a peripheral.

    Every method may raise `BleakError` (the link is gone) or `BleakGATTProtocolError`.
    """

    entries: Sequence[Entry]

    async def read(self, handle: int) -> bytes:
        """Read a value."""
        ...

    async def write(self, handle: int, data: bytes, *, response: bool) -> None:
        """Write a value."""
        ...

    async def subscribe(self, handle: int, *, on: bool) -> None:
        """Write the configuration descriptor."""
        ...

    async def pair(self) -> None:
        """Encrypt the link, if it can be."""
        ...

    async def close(self) -> None:
        """End the link; the lost handler is called as for any other end."""
        ...


class Ether(Protocol):
    """Where peripherals are found and connected to."""

    async def open(
        self, address: str, on_frame: FrameHandler, on_lost: Callable[[], None]
    ) -> Wire | None:
        """Connect; waits for as long as it takes. None when nobody has this address."""
        ...

    def watch(self, on_advertisement: Callable[[Advertisement], None]) -> Callable[[], Any]:
        """Report advertisements until the returned function is called."""
        ...


def build_services(entries: Iterable[Entry]) -> BleakGATTServiceCollection:
    """Bleak's picture of what was discovered."""
    collection = BleakGATTServiceCollection()
    for entry in entries:
        service = collection.services.get(entry.service_handle)
        if service is None:
            service = BleakGATTService(None, entry.service_handle, entry.service)
            collection.add_service(service)
        properties = cast("list[CharacteristicPropertyName]", list(entry.properties))
        collection.add_characteristic(
            BleakGATTCharacteristic(
                entry, entry.handle, entry.uuid, properties, lambda: MTU - _ATT_HEADER, service
            )
        )
    return collection
