"""The air around the guest: treadmills on this host, and the Bluetooth adapter that the guest has.

The treadmills are the product's virtual machines as real FTMS peripherals. They live outside of the guest, as
real ones do, so that nothing that happens to it, not even its reset button, ever stops a belt. Between them
and the guest's kernel are HCI packets, carried by /usr/local/lib/vm/radio.py in the guest.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, override

from bumble import hci
from bumble.controller import Controller
from bumble.host import Host
from bumble.link import LocalLink
from bumble.snoop import BtSnooper, Snooper
from bumble.transport.common import AsyncPipeSink, StreamPacketSource

from backstride.virtual.machine import Machine
from backstride.virtual.peripheral import Peripheral
from backstride.virtual.pump import Source

ADDRESS: Final = "00:1A:7D:DA:71:13"
SUPERVISION_S: Final = 0.42
"""What BlueZ asks for; a peer that falls silent is believed gone after this."""
MASKED: Final = (
    hci.LeFeatureMask.LL_PRIVACY
    | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
)
"""With these BlueZ waits 16 to 20 s at each disconnection for answers that Bumble does not give."""


class Adapter(Controller):
    """The guest's adapter: Bumble's controller, and what it lacks of a real one."""

    le_features = Controller.le_features & ~MASKED
    snooper: Snooper | None = None

    @override
    def on_packet(self, packet: bytes) -> None:
        self._keep(packet, Snooper.Direction.HOST_TO_CONTROLLER)
        super().on_packet(packet)

    @override
    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        self._keep(bytes(packet), Snooper.Direction.CONTROLLER_TO_HOST)
        super().send_hci_packet(packet)

    def _keep(self, packet: bytes, direction: Snooper.Direction) -> None:
        if self.snooper is not None:
            self.snooper.snoop(packet, direction)

    # BlueZ connects with the public address, and Bumble's link knows senders by the random one.
    @property
    @override
    def random_address(self) -> hci.Address:
        return self.public_address

    @random_address.setter
    def random_address(self, address: hci.Address | str) -> None:
        """The kernel sets one that nothing here is told by."""

    @override
    def on_hci_reset_command(self, _command: Any) -> Any:
        self.fall_silent()
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    @override
    def on_hci_le_create_connection_cancel_command(self, _command: Any) -> Any:
        if (given_up := self.pending_le_connection) is not None:
            self.pending_le_connection = None
            loop = asyncio.get_running_loop()
            loop.call_soon(self._tell_given_up, given_up)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def _tell_given_up(self, command: Any) -> None:
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=command.peer_address_type,
                peer_address=command.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )

    def fall_silent(self) -> None:
        """Forget everything; whoever was connected notices by the silence."""
        self.pending_le_connection = None
        self.le_scan_enable = False
        loop = asyncio.get_running_loop()
        for connection in list(self.le_connections.values()):
            peer = self.link.find_le_controller(connection.peer_address)
            del self.le_connections[connection.peer_address]
            if peer is not None:
                loop.call_later(SUPERVISION_S, _time_out, peer, self.public_address)


def _time_out(peer: Controller, gone: hci.Address) -> None:
    if (connection := peer.le_connections.get(gone)) is not None:
        peer.on_le_disconnected(connection, hci.HCI_CONNECTION_TIMEOUT_ERROR)


class _Wire(StreamPacketSource):
    """The socket to QEMU: HCI packets from the guest's kernel, and to it."""

    _transport: asyncio.WriteTransport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  asyncio's promise for a socket
        self._transport = transport

    def on_packet(self, packet: bytes) -> None:
        """Bumble's sink."""
        if self._transport is not None:
            self._transport.write(packet)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Air:
    """Treadmills, the guest's adapter, and other centrals within their range.

    `log` keeps what the adapter and the guest said to each other, for `btmon -r`.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._snooper: Snooper | None = None
        self._link = LocalLink()  # type: ignore[no-untyped-call]  # Bumble's constructor
        self._adapter: Adapter | None = None
        self._wire: _Wire
        self.peripherals: list[Peripheral[Machine]] = []

    async def serve(self, machine: Machine, source: Source | None = None) -> Peripheral[Machine]:
        """Switch a treadmill on; `source` is the faults around it, if there are any."""
        peripheral = Peripheral(machine, self.make_host(machine.address), source)
        await peripheral.start()
        self.peripherals.append(peripheral)
        return peripheral

    def make_host(self, name: str) -> Host:
        """A Bluetooth stack within range: for a treadmill, or for a second central."""
        controller = Controller(name, link=self._link)
        controller.le_features &= ~MASKED
        return Host(controller, AsyncPipeSink(controller))

    @contextlib.asynccontextmanager
    async def plugged_into(self, socket: Path) -> AsyncIterator[None]:
        """Be the adapter at this socket, to which QEMU connects, while in the context."""
        self._wire = _Wire()
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: self._wire, socket)
        try:
            with self._log.open("wb", buffering=0) as file:
                self._snooper = BtSnooper(file)
                self.on_plugged(False)
                yield
        finally:
            server.close()
            self._wire.close()

    def on_plugged(self, is_open: bool) -> None:  # noqa: FBT001  QEMU's event
        """The guest opened or closed its end: whoever closes it finds a new adapter the next time."""
        if is_open:
            return
        if self._adapter is not None:
            self._adapter.fall_silent()
            self._link.remove_controller(self._adapter)
            self._adapter.host = None
        self._wire.parser.reset()
        self._adapter = Adapter("guest", self._wire, self._wire, self._link, ADDRESS)
        self._adapter.snooper = self._snooper
