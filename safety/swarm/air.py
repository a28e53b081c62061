"""The air between one life of the service and the machine: it ends with the life, and can be slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from backstride.domain.units import Ms
from backstride.virtual.backend import FrameHandler, Wire
from backstride.virtual.gatt import Advertisement
from backstride.virtual.loopback import LoopbackAir
from safety.swarm.loop import Life


class Radio:
    """The radio of the host: what it does to all connections. `lag` delays writes, in order, in ms."""

    def __init__(self, air: LoopbackAir) -> None:
        self.air = air
        self.lag: Ms = 0


class Witness(Protocol):
    """Who sees what goes through the air: a world."""

    def heard(self, handle: int) -> None:
        """A frame arrived."""
        ...

    def sent(self, data: bytes) -> None:
        """A write leaves."""
        ...


class LifeAir:
    """`virtual.backend.Ether` for one life."""

    def __init__(self, radio: Radio, life: Life, witness: Witness) -> None:
        self._radio = radio
        self._life = life
        self._witness = witness

    async def open(
        self, address: str, on_frame: FrameHandler, on_lost: Callable[[], None]
    ) -> Wire | None:
        """Connect; what arrives, arrives in this life or not at all."""

        def receive(handle: int, data: bytes) -> None:
            self._witness.heard(handle)
            self._life.do(on_frame, handle, data)

        wire = await self._radio.air.open(address, receive, lambda: self._life.do(on_lost))
        return None if wire is None else _SlowWire(wire, self._radio, self._witness)

    def watch(self, on_advertisement: Callable[[Advertisement], None]) -> Callable[[], Any]:
        """Scan; the timers of a scan die with the life that set them."""
        return self._radio.air.watch(on_advertisement)


class _SlowWire(Wire):
    """A link whose writes arrive late and in order."""

    def __init__(self, wire: Wire, radio: Radio, witness: Witness) -> None:
        self.entries = wire.entries
        self._wire = wire
        self._radio = radio
        self._witness = witness
        self._turn = asyncio.Lock()

    async def read(self, handle: int) -> bytes:
        return await self._wire.read(handle)

    async def write(self, handle: int, data: bytes, *, response: bool) -> None:
        self._witness.sent(data)
        async with self._turn:
            if self._radio.lag:
                await asyncio.sleep(self._radio.lag / 1000)
            await self._wire.write(handle, data, response=response)

    async def subscribe(self, handle: int, *, on: bool) -> None:
        await self._wire.subscribe(handle, on=on)

    async def pair(self) -> None:
        await self._wire.pair()

    async def close(self) -> None:
        await self._wire.close()
