"""The way from a measured process to the air: a small bleak backend over a unix socket.

On a Raspberry Pi the Bluetooth stack is another process (bluetoothd) that bleak reaches over a unix socket
(the system bus). Here it is the same: the whole stack - host, GATT client, controllers, link, peripherals -
is in the radio process (`bench.radio`), and what a measured process holds of it is this file. Both peers
use it, so neither its memory nor its time tells them apart. bleak's own BlueZ backend is imported by both
although it is not used, because in production its memory is there.

A message is a length (u32) and a marshalled tuple; requests carry a number, answers repeat it, events
carry 0. Marshal because it is in the standard library, quick, and both ends are ours and of one Python.
"""

from __future__ import annotations

import asyncio
import itertools
import marshal
import os
import struct
from collections.abc import Callable
from typing import Any, override

import bleak.backends.bluezdbus.client
import bleak.backends.bluezdbus.scanner  # noqa: F401  its memory belongs to both peers
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError

SOCKET = "BENCH_RADIO"
"""The environment variable with the path of the radio's socket."""
_LENGTH = struct.Struct("<I")
_PAYLOAD = 244
_RSSI_DBM = -50


def pack(message: tuple[Any, ...]) -> bytes:
    """One message as bytes."""
    body = marshal.dumps(message)
    return _LENGTH.pack(len(body)) + body


class Messages(asyncio.Protocol):
    """Cuts a stream into messages and hands each to `take`; `gone` is called at its end."""

    def __init__(
        self, take: Callable[[tuple[Any, ...]], None], gone: Callable[[], None] = lambda: None
    ) -> None:
        self.transport: asyncio.Transport | None = None
        self._take = take
        self._gone = gone
        self._buffer = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        at = 0
        while len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            end = at + _LENGTH.size + length
            if len(buffer) < end:
                break
            self._take(marshal.loads(buffer[at + _LENGTH.size : end]))
            at = end
        self._buffer = buffer[at:]

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()

    def send(self, *message: Any) -> None:
        """Send a message now."""
        if self.transport is not None:
            self.transport.write(pack(message))


class Bus:
    """This process's connection to the radio, shared by all clients and scanners, as a bus is."""

    def __init__(self, path: str | None = None) -> None:
        self._path = path
        self._messages = Messages(self._event_or_answer)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._connecting: asyncio.Task[Any] | None = None
        self.links: dict[int, WireClient] = {}
        self.scanners: set[WireScanner] = set()
        self.events: Callable[[tuple[Any, ...]], None] = lambda _: None
        """Takes events that are neither a link's nor a scanner's."""

    async def ask(self, *request: Any) -> Any:
        """Send a request and return its answer.

        Raises:
            BleakGATTProtocolError: the peripheral refused.
            BleakError: the link is gone.
        """
        if self._connecting is None:
            loop = asyncio.get_running_loop()
            self._connecting = asyncio.ensure_future(
                loop.create_unix_connection(
                    lambda: self._messages, self._path or os.environ[SOCKET]
                )
            )
        if not self._connecting.done():
            await self._connecting
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._messages.send(number, *request)
        try:
            return await answer
        finally:
            del self._waiting[number]

    def _event_or_answer(self, message: tuple[Any, ...]) -> None:
        number, kind, *rest = message
        if number == 0:
            self._event(kind, rest)
            return
        answer = self._waiting.get(number)
        if answer is None or answer.done():
            return
        if kind == "ok":
            answer.set_result(rest[0])
        elif kind == "att":
            answer.set_exception(BleakGATTProtocolError(rest[0]))
        else:
            answer.set_exception(BleakError(rest[0]))

    def _event(self, kind: str, rest: list[Any]) -> None:
        match kind:
            case "frame":
                if client := self.links.get(rest[0]):
                    client.hear(rest[1], rest[2])
            case "lost":
                if client := self.links.pop(rest[0], None):
                    client.lose()
            case "heard":
                for scanner in tuple(self.scanners):
                    scanner.hear(*rest)
            case _:
                self.events((kind, *rest))


BUS = Bus()


class WireClient(BaseBleakClient):
    """`BleakClient(device, backend=WireClient)`."""

    def __init__(self, address_or_ble_device: BLEDevice | str, **kwargs: Any) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        self._link: int | None = None
        self._callbacks: dict[int, NotifyCallback] = {}

    @property
    @override
    def name(self) -> str:
        return self.address

    @property
    @override
    def mtu_size(self) -> int:
        return _PAYLOAD + 3

    @property
    @override
    def is_connected(self) -> bool:
        return self._link is not None

    @override
    async def connect(self, pair: bool, **kwargs: Any) -> None:
        async with asyncio.timeout(self._timeout):
            link, entries = await BUS.ask("open", self.address)
        self._link = link
        BUS.links[link] = self
        self.services = _build_services(entries)

    @override
    async def disconnect(self) -> None:
        if self._link is not None:
            await BUS.ask("close", self._link)

    @override
    async def pair(self, *args: Any, **kwargs: Any) -> None:
        raise BleakError("no pairing here")

    @override
    async def unpair(self) -> None:
        """Nothing to forget."""

    @override
    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **kwargs: Any
    ) -> bytearray:
        return bytearray(await BUS.ask("read", self._up(), characteristic.handle))

    @override
    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        await BUS.ask("write", self._up(), characteristic.handle, bytes(data), response)

    @override
    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None:
        self._callbacks[characteristic.handle] = callback
        await BUS.ask("subscribe", self._up(), characteristic.handle, True)

    @override
    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        self._callbacks.pop(characteristic.handle, None)
        await BUS.ask("subscribe", self._up(), characteristic.handle, False)

    @override
    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, **kwargs: Any
    ) -> bytearray:
        raise BleakError("no descriptors here")

    @override
    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        raise BleakError("no descriptors here")

    def hear(self, handle: int, data: bytes) -> None:
        """A notification came."""
        if callback := self._callbacks.get(handle):
            callback(bytearray(data))

    def lose(self) -> None:
        """The link is gone."""
        self._link = None
        self.services = None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    def _up(self) -> int:
        if self._link is None:
            raise BleakError("Not connected")
        return self._link


class WireScanner(BaseBleakScanner):
    """`BleakScanner(backend=WireScanner)`."""

    def __init__(
        self, detection_callback: Any, service_uuids: list[str] | None, *_: Any, **__: Any
    ) -> None:
        super().__init__(detection_callback, service_uuids)

    @override
    async def start(self) -> None:
        self.seen_devices = {}
        BUS.scanners.add(self)
        await BUS.ask("watch", True)

    @override
    async def stop(self) -> None:
        BUS.scanners.discard(self)
        if not BUS.scanners:
            await BUS.ask("watch", False)

    def hear(
        self, address: str, name: str | None, uuids: list[str], data: dict[str, bytes]
    ) -> None:
        """An advertisement came."""
        if not self.is_allowed_uuid(uuids):
            return
        heard = AdvertisementData(name, {}, data, uuids, None, _RSSI_DBM, ())
        device = self.create_or_update_device(address, address, name, {}, heard)
        self.call_detection_callbacks(device, heard)


def _build_services(
    entries: list[tuple[str, int, str, int, tuple[str, ...]]],
) -> BleakGATTServiceCollection:
    collection = BleakGATTServiceCollection()
    for service_uuid, service_handle, uuid, handle, properties in entries:
        service = collection.services.get(service_handle)
        if service is None:
            service = BleakGATTService(None, service_handle, service_uuid)
            collection.add_service(service)
        names: Any = list(properties)
        collection.add_characteristic(
            BleakGATTCharacteristic(None, handle, uuid, names, lambda: _PAYLOAD, service)
        )
    return collection
