"""A bleak backend directly on the machines: no Bluetooth stack, so virtual time can run freely.

The same machines, faults, pump and bleak classes as over Bumble (`radio.py`); only the air between them
is a function call with a latency. A session of 20 minutes takes about a second here.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_16

from backstride.domain.units import Ms
from backstride.virtual.backend import bind_client, bind_scanner
from backstride.virtual.ether import Entry, FrameHandler, Wire
from backstride.virtual.gadget import Gadget
from backstride.virtual.gatt import Advertisement, AttError, Characteristic, Uuid
from backstride.virtual.machine import ConnectionRefusedByMachineError
from backstride.virtual.outbox import Kind, Output
from backstride.virtual.pump import Pump, Source

_ADVERTISING_INTERVAL_S = 0.25
"""How often an advertisement is heard. [CHOICE] typical of treadmills: 100 to 300 ms."""
_RETRY_S = 0.05
"""How often a connection is tried while the machine does not advertise."""


class _Station[G: Gadget]:
    """A machine on the loopback air with the links to it."""

    def __init__(self, machine: G, source: Source | None) -> None:
        self.machine = machine
        self.wires: dict[str, _LoopbackWire] = {}
        self.pump = Pump(machine, self._deliver, source)
        self.in_range = True

    def _deliver(self, output: Output) -> None:
        wire = self.wires.get(output.client)
        if wire is None:
            return
        if output.kind is Kind.DISCONNECT:
            wire.lose()
        else:
            wire.receive(output.uuid, output.data)


class _LoopbackWire(Wire):
    """One link. Requests take `latency` each way; frames arrive when the machine sends them."""

    def __init__(
        self,
        station: _Station[Any],
        client: str,
        latency_ms: Ms,
        on_frame: FrameHandler,
        on_lost: Callable[[], None],
    ) -> None:
        self._station = station
        self._client = client
        self._latency_s = latency_ms / 1000
        self._on_frame = on_frame
        self._on_lost = on_lost
        self.entries = list_entries(station.machine.characteristics)
        self._uuids = {entry.handle: Uuid(int(entry.uuid[4:8], 16)) for entry in self.entries}
        self._handles = {uuid: handle for handle, uuid in self._uuids.items()}

    async def read(self, handle: int) -> bytes:
        await asyncio.sleep(self._latency_s)
        try:
            value = self._station.pump.read(self._uuids[handle])
        except AttError as error:
            raise BleakGATTProtocolError(int(error.code)) from error
        await asyncio.sleep(self._latency_s)
        return value

    async def write(self, handle: int, data: bytes, *, response: bool) -> None:
        await asyncio.sleep(self._latency_s)
        try:
            uuid = self._uuids[handle]
            self._station.pump.write(self._client, uuid, data, response=response)
        except AttError as error:
            if not response:
                return
            await asyncio.sleep(self._latency_s)
            raise BleakGATTProtocolError(int(error.code)) from error
        if response:
            await asyncio.sleep(self._latency_s)

    async def subscribe(self, handle: int, *, on: bool) -> None:
        await asyncio.sleep(self._latency_s)
        self._station.pump.subscribe(self._client, self._uuids[handle], on=on)
        await asyncio.sleep(self._latency_s)

    async def pair(self) -> None:
        await asyncio.sleep(self._latency_s)

    async def close(self) -> None:
        self.lose()
        await asyncio.sleep(0)

    def receive(self, uuid: Uuid, data: bytes) -> None:
        """A frame from the machine."""
        self._on_frame(self._handles[uuid], data)

    def lose(self) -> None:
        """The link is gone, for both sides at once."""
        if self._station.wires.pop(self._client, None) is None:
            return
        self._station.pump.disconnect(self._client)
        self._on_lost()


class LoopbackAir:
    """Machines and bleak backends in one process, without Bluetooth.

    `latency_ms` is the time a request needs one way; half of a connection interval of 7.5 ms by default.
    """

    def __init__(self, latency_ms: Ms = 4) -> None:
        self._latency_ms = latency_ms
        self._stations: dict[str, _Station[Any]] = {}
        self._watchers: set[asyncio.TimerHandle] = set()
        self._clients = itertools.count(1)

    async def serve[G: Gadget](self, machine: G, source: Source | None = None) -> Pump[G]:
        """Put a machine on the air; `source` is the faults around it, if there are any."""
        if machine.address in self._stations:
            raise ValueError(f"two machines with the address {machine.address}")
        station = _Station(machine, source)
        self._stations[machine.address] = station
        station.pump.kick()
        return station.pump

    def client_backend(self) -> type[BaseBleakClient]:
        """For `BleakClient(device, backend=...)`."""
        return bind_client(self)

    def scanner_backend(self) -> type[BaseBleakScanner]:
        """For `BleakScanner(backend=...)`."""
        return bind_scanner(self)

    async def set_in_range(self, address: str, *, in_range: bool) -> None:
        """Take a machine out of range, which loses its links, or bring it back."""
        station = self._stations[address]
        station.in_range = in_range
        if not in_range:
            for wire in list(station.wires.values()):
                wire.lose()

    async def close(self) -> None:
        """End all links and stop all machines."""
        for station in self._stations.values():
            for wire in list(station.wires.values()):
                wire.lose()
            station.pump.close()
        self._stations.clear()

    async def open(
        self, address: str, on_frame: FrameHandler, on_lost: Callable[[], None]
    ) -> Wire | None:
        """See `Ether.open`."""
        station = self._stations.get(address)
        if station is None:
            return None
        await asyncio.sleep(2 * self._latency_ms / 1000)
        while not station.in_range or station.machine.advertisement is None:  # noqa: ASYNC110  a machine is sans-IO and sets no event
            await asyncio.sleep(_RETRY_S)
        client = f"client-{next(self._clients)}"
        try:
            station.pump.connect(client)
        except ConnectionRefusedByMachineError as error:
            raise BleakError(f"connection refused: {error}") from error
        wire = _LoopbackWire(station, client, self._latency_ms, on_frame, on_lost)
        station.wires[client] = wire
        return wire

    def watch(self, on_advertisement: Callable[[Advertisement], None]) -> Callable[[], Any]:
        """See `Ether.watch`."""
        loop = asyncio.get_running_loop()
        timer: list[asyncio.TimerHandle] = []

        def hear() -> None:
            timer[:] = [loop.call_later(_ADVERTISING_INTERVAL_S, hear)]
            for station in list(self._stations.values()):
                advertisement = station.machine.advertisement
                if station.in_range and advertisement is not None:
                    on_advertisement(advertisement)

        timer.append(loop.call_later(_ADVERTISING_INTERVAL_S, hear))
        return lambda: timer[0].cancel()  # noqa: PLW0108  the timer changes


def list_entries(characteristics: Iterable[Characteristic]) -> tuple[Entry, ...]:
    """These attributes with the handles that a GATT server would give them."""
    entries: list[Entry] = []
    handle = 0
    service_handle = 0
    service = None
    for found in characteristics:
        if found.service is not service:
            handle += 1
            service, service_handle = found.service, handle
        # Declaration, value, and a configuration descriptor where there is one.
        handle += 2
        names = tuple(str(name) for name in found.properties)
        uuid, owner = normalize_uuid_16(found.uuid), normalize_uuid_16(found.service)
        entries.append(Entry(owner, service_handle, uuid, handle, names))
        if {"notify", "indicate"} & set(names):
            handle += 1
    return tuple(entries)
