"""A second central within range, such as the app of the treadmill's maker on somebody's phone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bumble import hci
from bumble.core import UUID
from bumble.device import Device, Peer
from bumble.gatt_client import CharacteristicProxy

from backstride.virtual.gatt import Uuid
from backstride.virtual.log import STOP
from tools.vm.air import Air

_ADDRESS: Final = "C0:0F:0E:00:00:01"
_PATIENCE_S: Final = 30.0
_REQUEST_CONTROL: Final = b"\x00"
_SUCCESS: Final = 1


class Phone:
    """An app that is connected and has asked for the control point's indications."""

    def __init__(self, control_point: CharacteristicProxy[bytes]) -> None:
        self._control_point = control_point
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(self) -> None:
        """Ask for indications: without them no command may be written (FTMS 1.0, 4.16)."""
        await self._control_point.subscribe(self._answers.put_nowait, prefer_notify=False)

    async def request_control(self) -> None:
        """Take the treadmill."""
        await self._do(_REQUEST_CONTROL)

    async def stop(self) -> None:
        """Stop the belt."""
        await self._do(STOP)

    async def _do(self, command: bytes) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            await self._control_point.write_value(command, with_response=True)
            answer = await self._answers.get()
        if answer[2] != _SUCCESS:
            raise AssertionError(f"the treadmill answers {answer.hex()} to {command.hex()}")


@asynccontextmanager
async def calling(air: Air, address: str) -> AsyncIterator[Phone]:
    """A phone that is connected to a treadmill while in the context."""
    device = Device(name="phone", address=hci.Address(_ADDRESS), host=air.make_host("phone"))
    await device.power_on()
    async with asyncio.timeout(_PATIENCE_S):
        connection = await device.connect_le(hci.Address(address), timeout=None)
        peer = Peer(connection)
        await peer.discover_all()  # type: ignore[no-untyped-call]  # Bumble says nothing
    found = peer.get_characteristics_by_uuid(UUID.from_16_bits(Uuid.CONTROL_POINT))
    phone = Phone(found[0])
    await phone.listen()
    try:
        yield phone
    finally:
        await connection.disconnect()
        await device.power_off()
