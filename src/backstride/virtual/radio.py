"""Virtual air: Bumble's in-process link with machines on one side and bleak backends on the other.

Everything that a Bluetooth stack does - HCI, L2CAP, ATT, GATT discovery, indications with confirmation,
pairing - really happens, in this process. `Air` has the same methods as `loopback.LoopbackAir`.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import att, hci
from bumble.controller import Controller
from bumble.core import AdvertisingData, BaseBumbleError
from bumble.device import Advertisement as HeardAdvertisement
from bumble.device import Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from backstride.virtual.backend import bind_client, bind_scanner
from backstride.virtual.ether import MTU, Entry, FrameHandler, Wire
from backstride.virtual.gadget import Gadget
from backstride.virtual.gatt import Advertisement, Property
from backstride.virtual.peripheral import Peripheral
from backstride.virtual.pump import Pump, Source

_NEEDS_ENCRYPTION = (
    att.ErrorCode.INSUFFICIENT_ENCRYPTION,
    att.ErrorCode.INSUFFICIENT_AUTHENTICATION,
)


class Air:
    """Machines and bleak backends on one in-process Bluetooth link."""

    def __init__(self) -> None:
        self._link: LocalLink = LocalLink()  # type: ignore[no-untyped-call]  # Bumble's constructor
        self._peripherals: dict[str, Peripheral[Any]] = {}
        self._idle: list[Device] = []
        self._controllers: dict[Device, Controller] = {}
        self._count = 0

    async def serve[G: Gadget](self, machine: G, source: Source | None = None) -> Pump[G]:
        """Put a machine on the air; `source` is the faults around it, if there are any."""
        if machine.address in self._peripherals:
            raise ValueError(f"two machines with the address {machine.address}")
        host, _ = self._make_host(machine.address)
        peripheral = Peripheral(machine, host, source, on_air=True)
        await peripheral.start()
        self._peripherals[machine.address] = peripheral
        return peripheral.pump

    def client_backend(self) -> type[BaseBleakClient]:
        """For `BleakClient(device, backend=...)`."""
        return bind_client(self)

    def scanner_backend(self) -> type[BaseBleakScanner]:
        """For `BleakScanner(backend=...)`."""
        return bind_scanner(self)

    async def set_in_range(self, address: str, *, in_range: bool) -> None:
        """Take a machine out of range, which loses its links, or bring it back."""
        await self._peripherals[address].set_in_range(in_range=in_range)

    async def close(self) -> None:
        """End all links and power everything off."""
        for peripheral in self._peripherals.values():
            await peripheral.close()
        self._peripherals.clear()
        for device in self._idle:
            await device.power_off()
        self._idle.clear()

    async def open(
        self, address: str, on_frame: FrameHandler, on_lost: Callable[[], None]
    ) -> Wire | None:
        """See `Ether.open`."""
        if address not in self._peripherals:
            return None
        device = await self._take_central()
        try:
            connection = await device.connect_le(hci.Address(address), timeout=None)
        except BaseException:
            # Given up while connecting. The controller would still connect behind our back, so this
            # central is taken off the air for good.
            self._link.remove_controller(self._controllers.pop(device))
            raise
        wire = _BumbleWire(connection, on_frame, on_lost, lambda: self._idle.append(device))
        try:
            await wire.discover()
        except BaseException:
            with contextlib.suppress(BleakError):
                await wire.close()
            raise
        return wire

    def watch(self, on_advertisement: Callable[[Advertisement], None]) -> Callable[[], Any]:
        """See `Ether.watch`."""
        return _Watch(self._take_central, self._idle.append, on_advertisement).end

    async def _take_central(self) -> Device:
        if self._idle:
            return self._idle.pop()
        self._count += 1
        # Random static addresses: the two highest bits are set.
        address = f"C0:BA:C5:00:{self._count >> 8:02X}:{self._count & 0xFF:02X}"
        host, controller = self._make_host(f"central {self._count}")
        device = Device(name="central", address=hci.Address(address), host=host)
        self._controllers[device] = controller
        await device.power_on()
        return device

    def _make_host(self, name: str) -> tuple[Host, Controller]:
        controller = Controller(name, link=self._link)
        return Host(controller, AsyncPipeSink(controller)), controller


class _BumbleWire(Wire):
    """One link of a central, with what was discovered on the other side."""

    def __init__(
        self,
        connection: Connection,
        on_frame: FrameHandler,
        on_lost: Callable[[], None],
        release: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._peer = Peer(connection)
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._release = release
        self._proxies: dict[int, CharacteristicProxy[bytes]] = {}
        self._lost = asyncio.Event()
        self._pairing = asyncio.Lock()
        self.entries: Sequence[Entry] = ()
        connection.on(Connection.EVENT_DISCONNECTION, self._lose)

    async def discover(self) -> None:
        """Exchange the MTU and find all services and characteristics."""
        await self._run(self._peer.request_mtu(MTU))
        await self._run(self._peer.discover_services())
        entries = []
        for service in self._peer.services:
            await self._run(self._peer.discover_characteristics(service=service))
            for proxy in service.characteristics:
                self._proxies[proxy.handle] = proxy
                entries.append(
                    Entry(
                        normalize_uuid_str(str(service.uuid.to_hex_str("-"))),
                        service.handle,
                        normalize_uuid_str(str(proxy.uuid.to_hex_str("-"))),
                        proxy.handle,
                        _name_properties(proxy),
                    )
                )
        self.entries = tuple(entries)

    async def read(self, handle: int) -> bytes:
        return bytes(await self._run(self._peer.gatt_client.read_value(handle)))

    async def write(self, handle: int, data: bytes, *, response: bool) -> None:
        client = self._peer.gatt_client
        try:
            await self._run(client.write_value(handle, data, with_response=response))
        except BleakGATTProtocolError as error:
            if int(error.code) not in _NEEDS_ENCRYPTION:
                raise
            # As the kernel does: raise the security of the link and try once more.
            await self.pair()
            await self._run(client.write_value(handle, data, with_response=response))

    async def subscribe(self, handle: int, *, on: bool) -> None:
        proxy = self._proxies[handle]
        client = self._peer.gatt_client
        if not on:
            await self._run(client.unsubscribe(proxy))
            return
        if handle in client.notification_subscribers or handle in client.indication_subscribers:
            return
        await self._run(client.subscribe(proxy, lambda value: self._on_frame(handle, bytes(value))))

    async def pair(self) -> None:
        # Two writes may ask for it at once; a stack raises the security of a link only once.
        async with self._pairing:
            if not self._connection.is_encrypted:
                await self._run(self._connection.pair())

    async def close(self) -> None:
        if self._lost.is_set():
            return
        with contextlib.suppress(BaseBumbleError):
            await self._connection.disconnect()
        self._lose()

    async def _run[T](self, operation: Coroutine[Any, Any, T]) -> T:
        try:
            return await operation
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except BaseBumbleError as error:
            raise BleakError(f"the link failed: {error}") from error
        except asyncio.CancelledError:
            # Bumble cancels what is pending when the link is lost; that is no cancellation of ours.
            task = asyncio.current_task()
            if self._lost.is_set() and (task is None or not task.cancelling()):
                raise BleakError("disconnected") from None
            raise

    def _lose(self, _reason: int = 0) -> None:
        if self._lost.is_set():
            return
        self._lost.set()
        self._on_lost()
        self._release()


class _Watch:
    """One scan: takes a central, listens, and gives it back."""

    def __init__(
        self,
        take: Callable[[], Coroutine[Any, Any, Device]],
        give_back: Callable[[Device], None],
        on_advertisement: Callable[[Advertisement], None],
    ) -> None:
        self._take = take
        self._give_back = give_back
        self._on_advertisement = on_advertisement
        self._ended = asyncio.Event()
        self._task = asyncio.create_task(self._scan())

    def end(self) -> asyncio.Task[None]:
        """Stop listening; the central is free when the task is done."""
        self._ended.set()
        return self._task

    async def _scan(self) -> None:
        device = await self._take()
        device.on(Device.EVENT_ADVERTISEMENT, self._hear)
        await device.start_scanning(filter_duplicates=False)
        await self._ended.wait()
        await device.stop_scanning()
        device.remove_listener(Device.EVENT_ADVERTISEMENT, self._hear)
        self._give_back(device)

    def _hear(self, heard: HeardAdvertisement) -> None:
        if self._ended.is_set():
            return
        name = heard.data.get(AdvertisingData.COMPLETE_LOCAL_NAME, raw=True)
        uuids = heard.data.get(
            AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, raw=True
        )
        service_data = heard.data.get(AdvertisingData.SERVICE_DATA_16_BIT_UUID, raw=True)
        raw_uuids = bytes(uuids or b"")
        self._on_advertisement(
            Advertisement(
                address=heard.address.to_string(with_type_qualifier=False),
                name=bytes(name).decode(errors="replace") if name else None,
                service_uuids=tuple(
                    int.from_bytes(raw_uuids[at : at + 2], "little")
                    for at in range(0, len(raw_uuids), 2)
                ),
                service_data=bytes(service_data)[2:] if service_data else None,
            )
        )


def _name_properties(proxy: CharacteristicProxy[bytes]) -> tuple[str, ...]:
    flags = {
        Property.READ: proxy.properties.READ,
        Property.WRITE: proxy.properties.WRITE,
        Property.WRITE_WITHOUT_RESPONSE: proxy.properties.WRITE_WITHOUT_RESPONSE,
        Property.NOTIFY: proxy.properties.NOTIFY,
        Property.INDICATE: proxy.properties.INDICATE,
    }
    return tuple(str(name) for name, flag in flags.items() if proxy.properties & flag)
