"""What the two virtual bleak backends have in common: a client and a scanner over an `Ether`.

`radio.py` (Bumble) and `loopback.py` (no Bluetooth at all) each bring an ether; this file turns it into
classes for `BleakClient(device, backend=...)` and `BleakScanner(backend=...)`. It behaves like
bleak on BlueZ in what the product can notice: `BleakError("Not connected")`, protocol errors with their ATT
code, a connection attempt that ends in `TimeoutError`, `BleakDeviceNotFoundError` for an address nobody
has, and the disconnected callback for lost and for closed links alike.
"""

import asyncio
import inspect
import itertools
from collections.abc import Callable
from typing import Any, ClassVar, override

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bleak.uuids import normalize_uuid_16

from backstride.virtual.ether import MTU, Entry, Ether, FrameHandler, Wire, build_services
from backstride.virtual.gatt import Advertisement

# Whoever brings an ether of their own finds all they need here.
__all__ = [
    "Entry",
    "Ether",
    "EtherClient",
    "EtherScanner",
    "FrameHandler",
    "Wire",
    "bind_client",
    "bind_scanner",
]

_RSSI_DBM = -50
"""A treadmill in the same room. [CHOICE]"""


class EtherClient(BaseBleakClient):
    """A bleak client backend; `bind_client` makes a subclass for an ether."""

    ether: ClassVar[Ether]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            address_or_ble_device,
            disconnected_callback=disconnected_callback,
            timeout=timeout,
            **kwargs,
        )
        self._name = getattr(address_or_ble_device, "name", None) or self.address
        self._wire: Wire | None = None
        self._callbacks: dict[int, NotifyCallback] = {}
        self._pending: set[asyncio.Task[Any]] = set()

    @property
    @override
    def name(self) -> str:
        """The device's name, or its address."""
        return self._name

    @property
    @override
    def mtu_size(self) -> int:
        """The same on every virtual link."""
        return MTU

    @property
    @override
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._wire is not None

    @override
    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect and discover, within bleak's timeout.

        Raises:
            TimeoutError: the device does not take a connection.
            BleakDeviceNotFoundError: nobody has this address.
        """
        if self._wire is not None:
            raise BleakError("Client is already connected")
        timeout = float(kwargs.get("timeout", self._timeout))
        async with asyncio.timeout(timeout):
            wire = await self.ether.open(self.address, self._on_frame, self._on_lost)
            if wire is None:
                # BlueZ scans for as long as it may before it gives up.
                await asyncio.sleep(timeout / 2)
                raise BleakDeviceNotFoundError(
                    self.address, f"Device with address {self.address} was not found."
                )
        self._wire = wire
        self.services = build_services(wire.entries)
        if pair:
            await wire.pair()

    @override
    async def disconnect(self) -> None:
        """End the link; quiet when there is none."""
        if self._wire is not None:
            await self._wire.close()

    @override
    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """Encrypt the link."""
        await self._require_wire().pair()

    @override
    async def unpair(self) -> None:
        """Nothing is remembered between virtual links."""

    @override
    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read; never from a cache."""
        wire = self._require_wire()
        return bytearray(await self._guard(wire.read(characteristic.handle)))

    @override
    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: Any,
        response: bool,
    ) -> None:
        """Write, with or without response."""
        wire = self._require_wire()
        await self._guard(wire.write(characteristic.handle, bytes(data), response=response))

    @override
    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **kwargs: Any,
    ) -> None:
        """Subscribe."""
        wire = self._require_wire()
        if not {"notify", "indicate"} & set(characteristic.properties):
            raise BleakError(f"{characteristic} neither notifies nor indicates")
        self._callbacks[characteristic.handle] = callback
        await self._guard(wire.subscribe(characteristic.handle, on=True))

    @override
    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        wire = self._require_wire()
        self._callbacks.pop(characteristic.handle, None)
        await self._guard(wire.subscribe(characteristic.handle, on=False))

    @override
    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Virtual machines have no descriptors but the configuration ones, which bleak hides."""
        raise BleakError(f"{descriptor} cannot be read on a virtual link")

    @override
    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        """See `read_gatt_descriptor`."""
        raise BleakError(f"{descriptor} cannot be written on a virtual link")

    def _require_wire(self) -> Wire:
        if self._wire is None:
            raise BleakError("Not connected")
        return self._wire

    async def _guard(self, operation: Any) -> Any:
        """Run one operation; it fails as soon as the link is lost."""
        task = asyncio.ensure_future(operation)
        self._pending.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if self._wire is None and not _is_being_cancelled():
                raise BleakError("disconnected") from None
            task.cancel()
            raise
        finally:
            self._pending.discard(task)

    def _on_frame(self, handle: int, data: bytes) -> None:
        callback = self._callbacks.get(handle)
        if callback is not None:
            callback(bytearray(data))

    def _on_lost(self) -> None:
        if self._wire is None:
            return
        self._wire = None
        self.services = None
        self._callbacks.clear()
        for task in self._pending:
            task.cancel()
        if self._disconnected_callback is not None:
            self._disconnected_callback()


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class EtherScanner(BaseBleakScanner):
    """A bleak scanner backend; `bind_scanner` makes a subclass for an ether."""

    ether: ClassVar[Ether]

    def __init__(
        self,
        detection_callback: Any,
        service_uuids: list[str] | None,
        scanning_mode: str = "active",
        **kwargs: Any,
    ) -> None:
        del scanning_mode, kwargs
        super().__init__(detection_callback, service_uuids)
        self._end: Callable[[], Any] | None = None

    @override
    async def start(self) -> None:
        """Start to listen."""
        self.seen_devices = {}
        self._end = self.ether.watch(self._on_advertisement)

    @override
    async def stop(self) -> None:
        """Stop listening."""
        if self._end is not None:
            ended = self._end()
            self._end = None
            if inspect.isawaitable(ended):
                await ended

    def _on_advertisement(self, heard: Advertisement) -> None:
        uuids = [normalize_uuid_16(uuid) for uuid in heard.service_uuids]
        service_data = heard.service_data
        data = {} if service_data is None else {normalize_uuid_16(0x1826): service_data}
        advertisement = AdvertisementData(
            local_name=heard.name,
            manufacturer_data={},
            service_data=data,
            service_uuids=uuids,
            tx_power=None,
            rssi=_RSSI_DBM,
            platform_data=(),
        )
        if not self.is_allowed_uuid(uuids):
            return
        device = self.create_or_update_device(
            heard.address, heard.address, heard.name, {}, advertisement
        )
        self.call_detection_callbacks(device, advertisement)


_numbers = itertools.count(1)


def bind_client(ether: Ether) -> type[BaseBleakClient]:
    """A client class for `BleakClient(..., backend=...)`, bound to one ether."""
    return type(f"VirtualClient{next(_numbers)}", (EtherClient,), {"ether": ether})


def bind_scanner(ether: Ether) -> type[BaseBleakScanner]:
    """A scanner class for `BleakScanner(backend=...)`, bound to one ether."""
    return type(f"VirtualScanner{next(_numbers)}", (EtherScanner,), {"ether": ether})
