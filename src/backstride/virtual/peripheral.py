"""Serves a machine as a real Bluetooth peripheral: Bumble's host and GATT server around the sans-IO machine.

Works on Bumble's in-process link (`radio.Air`) and on any Bumble transport: `usb:0`, `hci-socket:0`,
`serial:/dev/ttyACM0`, `tcp-client:...`. The machine decides everything that FTMS is about; this file
only carries attribute reads, writes, subscriptions, frames and links. Timing comes from the loop's clock.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextvars import ContextVar
from typing import Any

from bumble import att, hci
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic as GattCharacteristic
from bumble.gatt import Service as GattService
from bumble.host import Host
from bumble.transport import open_transport

from backstride.virtual.gadget import Gadget
from backstride.virtual.gatt import AttError, Property, Uuid
from backstride.virtual.machine import ConnectionRefusedByMachineError
from backstride.virtual.outbox import Kind, Output
from backstride.virtual.pump import Pump, Source

_ADVERTISING_INTERVAL_MS = 100.0
"""[CHOICE] treadmills advertise every 100 to 300 ms."""
_CONNECTED_INTERVAL_MS = 1_000.0
"""While somebody is connected already: what may still connect can wait. [CHOICE]"""
_LEGACY_ADVERTISEMENT = 31
"""Bytes that fit into a legacy advertisement (Bluetooth Core, volume 6, part B, 2.3.1)."""
_GENERAL_DISCOVERABLE_LE_ONLY = b"\x06"

_PROPERTIES = {
    Property.READ: GattCharacteristic.Properties.READ,
    Property.WRITE: GattCharacteristic.Properties.WRITE,
    Property.WRITE_WITHOUT_RESPONSE: GattCharacteristic.Properties.WRITE_WITHOUT_RESPONSE,
    Property.NOTIFY: GattCharacteristic.Properties.NOTIFY,
    Property.INDICATE: GattCharacteristic.Properties.INDICATE,
}

_is_command: ContextVar[bool] = ContextVar("_is_command", default=False)
"""Whether the write that is being handled came as a command, without response."""


class Peripheral[G: Gadget]:
    """One gadget on one Bumble host. Use `start` and `close`, or `serve_on_transport`."""

    def __init__(
        self, machine: G, host: Host, source: Source | None = None, *, on_air: bool = False
    ) -> None:
        self.machine = machine
        self.pump = Pump(machine, self._deliver, source)
        self._device = _make_device(machine, host)
        self._characteristics: dict[Uuid, GattCharacteristic[bytes]] = {}
        self._links: dict[str, Connection] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._long_advertisements = on_air
        self._in_range = True
        self._advertising = asyncio.Lock()
        self._closed = False

    async def start(self) -> None:
        """Power on and advertise."""
        self._add_services()
        _mark_commands(self._device)
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)
        await self._device.power_on()
        await self._advertise()
        self.pump.kick()

    async def close(self) -> None:
        """Drop all links, stop advertising, power off."""
        self._closed = True
        self.pump.close()
        for connection in list(self._links.values()):
            await self._hang_up(connection)
        await self._advertise()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._device.power_off()

    async def set_in_range(self, *, in_range: bool) -> None:
        """Go out of range, which loses all links, or come back."""
        self._in_range = in_range
        if not in_range:
            for connection in list(self._links.values()):
                await self._hang_up(connection, hci.HCI_CONNECTION_TIMEOUT_ERROR)
        await self._advertise()

    # --- attributes -------------------------------------------------------------------------

    def _add_services(self) -> None:
        services: dict[Uuid, list[GattCharacteristic[bytes]]] = {}
        for found in self.machine.characteristics:
            made = self._make_characteristic(found.uuid, found.properties)
            services.setdefault(found.service, []).append(made)
        for uuid, characteristics in services.items():
            self._device.add_service(GattService(UUID.from_16_bits(uuid), characteristics))

    def _make_characteristic(
        self, uuid: Uuid, names: tuple[Property, ...]
    ) -> GattCharacteristic[bytes]:
        properties = GattCharacteristic.Properties(0)
        for name in names:
            properties |= _PROPERTIES[name]
        permissions = att.Attribute.Permissions.READABLE | att.Attribute.Permissions.WRITEABLE
        if uuid is Uuid.CONTROL_POINT and self.machine.encrypted:
            permissions |= att.Attribute.Permissions.WRITE_REQUIRES_ENCRYPTION

        def read(_connection: Connection) -> bytes:
            try:
                return self.pump.read(uuid)
            except AttError as error:
                raise att.ATT_Error(error.code) from error

        def write(connection: Connection, value: bytes) -> None:
            self._on_write(connection, uuid, value)

        made: GattCharacteristic[bytes] = GattCharacteristic(
            UUID.from_16_bits(uuid), properties, permissions, att.AttributeValue(read, write)
        )
        made.on(
            GattCharacteristic.EVENT_SUBSCRIPTION,
            lambda bearer, notify, indicate: self.pump.subscribe(
                _name(bearer), uuid, on=bool(notify or indicate)
            ),
        )
        self._characteristics[uuid] = made
        return made

    def _on_write(self, connection: Connection, uuid: Uuid, value: bytes) -> None:
        response = not _is_command.get()
        try:
            self.pump.write(_name(connection), uuid, bytes(value), response=response)
        except AttError as error:
            if response:
                raise att.ATT_Error(error.code) from error

    # --- frames and links -------------------------------------------------------------------

    def _deliver(self, output: Output) -> None:
        if output.kind is Kind.ADVERTISE:
            self._spawn(self._advertise())
            return
        connection = self._links.get(output.client)
        if connection is None:
            return
        if output.kind is Kind.DISCONNECT:
            self._spawn(self._hang_up(connection))
            return
        server = self._device.gatt_server
        characteristic = self._characteristics[output.uuid]
        send = (
            server.indicate_subscriber
            if output.kind is Kind.INDICATE
            else (server.notify_subscriber)
        )
        # Started eagerly: the frame is on its way when this returns, so the order is kept; only
        # the confirmation of an indication is waited for in the task.
        self._spawn(send(connection, characteristic, output.data), eager=True)

    def _on_connection(self, connection: Connection) -> None:
        client = _name(connection)
        try:
            self.pump.machine.connect(client, self.pump.now_ms())
        except ConnectionRefusedByMachineError:
            self._spawn(self._refuse(connection))
            return
        self._links[client] = connection
        connection.on(
            Connection.EVENT_DISCONNECTION, lambda _reason: self._on_disconnection(client)
        )
        self.pump.kick()
        self._spawn(self._advertise())

    def _on_disconnection(self, client: str) -> None:
        self._links.pop(client, None)
        if self._closed:
            return
        self.pump.disconnect(client)
        self._spawn(self._advertise())

    async def _refuse(self, connection: Connection) -> None:
        await self._hang_up(connection)
        await self._advertise()

    async def _hang_up(
        self,
        connection: Connection,
        reason: int = hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR,
    ) -> None:
        with contextlib.suppress(BaseBumbleError, asyncio.CancelledError):
            await self._device.disconnect(connection, reason)

    async def _advertise(self) -> None:
        """Advertise, or stop to, as the machine wants it now."""
        async with self._advertising:
            await self._device.stop_advertising()
            heard = self.machine.advertisement
            if heard is None or self._closed or not self._in_range:
                return
            head, name = _encode_advertisement(self.machine)
            if self._long_advertisements or len(head) + len(name) <= _LEGACY_ADVERTISEMENT:
                head, name = head + name, b""
            interval = _CONNECTED_INTERVAL_MS if self._links else _ADVERTISING_INTERVAL_MS
            await self._device.start_advertising(
                advertising_data=head,
                scan_response_data=name,
                advertising_interval_min=interval,
                advertising_interval_max=interval,
            )

    def _spawn(self, work: Coroutine[Any, Any, Any], *, eager: bool = False) -> None:
        task: asyncio.Task[Any] = asyncio.Task(
            work, loop=asyncio.get_running_loop(), eager_start=eager
        )
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_retrieve)


@contextlib.asynccontextmanager
async def serve_on_transport[G: Gadget](
    machine: G, transport_name: str, source: Source | None = None
) -> AsyncIterator[Peripheral[G]]:
    """Serve a machine on a Bumble transport such as `usb:0` or `hci-socket:0` while in the context."""
    async with await open_transport(transport_name) as transport:
        peripheral = Peripheral(machine, Host(transport.source, transport.sink), source)
        await peripheral.start()
        try:
            yield peripheral
        finally:
            await peripheral.close()


def _make_device(machine: Gadget, host: Host) -> Device:
    config = DeviceConfiguration()
    config.name = machine.name or ""
    config.address = hci.Address(machine.address)
    return Device(config=config, host=host)


def _name(connection: Any) -> str:
    """The machine's name for a connection: the peer and the handle, so a reconnection is another."""
    return f"{connection.peer_address}#{connection.handle}"


def _mark_commands(device: Device) -> None:
    """Let `_on_write` know a write command from a write request, which Bumble does not tell apart."""
    # Any: Bumble's decorator makes a plain function of what its type says is a coroutine.
    server: Any = device.gatt_server
    handle = server.on_att_write_command

    def handle_marked(bearer: Any, request: att.ATT_Write_Command) -> None:
        # The handler runs in a task, which copies the context as it is at this moment.
        token = _is_command.set(True)
        try:
            handle(bearer, request)
        finally:
            _is_command.reset(token)

    server.on_att_write_command = handle_marked


def _encode_advertisement(machine: Gadget) -> tuple[bytes, bytes]:
    """Everything but the name, and the name; empty where the machine has none."""
    heard = machine.advertisement
    if heard is None:
        return b"", b""
    uuids = b"".join(uuid.to_bytes(2, "little") for uuid in heard.service_uuids)
    parts: list[tuple[int, bytes]] = [(AdvertisingData.FLAGS, _GENERAL_DISCOVERABLE_LE_ONLY)]
    if uuids:
        parts.append((AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, uuids))
    if heard.service_data is not None:
        owner = Uuid.FITNESS_MACHINE.to_bytes(2, "little")
        parts.append((AdvertisingData.SERVICE_DATA_16_BIT_UUID, owner + heard.service_data))
    name = (
        b""
        if heard.name is None
        else _encode_part(AdvertisingData.COMPLETE_LOCAL_NAME, heard.name.encode())
    )
    return b"".join(_encode_part(kind, value) for kind, value in parts), name


def _encode_part(kind: int, value: bytes) -> bytes:
    return bytes([len(value) + 1, kind]) + value


def _retrieve(task: asyncio.Task[Any]) -> None:
    """A frame to a link that is being lost fails in silence, as on the air."""
    if not task.cancelled():
        task.exception()
