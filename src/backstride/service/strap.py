"""The straps of this process: each reports to its treadmill's session, and none can take one down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from backstride.domain.session import Session
from backstride.ftms.radio import Radio
from backstride.ftms.strap import BleakStrap
from backstride.ports import Sink
from backstride.service.clock import LoopClock
from backstride.service.radios import Radios
from backstride.service.settings import VIRTUAL, Treadmill

_LOG: Final = structlog.get_logger("backstride.service")


def spares_radio(session: Session) -> bool:
    """The treadmill's link is up, or nobody depends on it: a strap may use the radio."""
    return session.linked or not session.owed


async def find_strap(
    treadmill: Treadmill, radios: Radios, session: Callable[[], Session]
) -> BleakStrap:
    """The configured strap of a treadmill: a real one, or a virtual one whose heart follows the belt."""
    address = treadmill.strap or ""
    radio = Radio(adapter=treadmill.adapter)
    if address == VIRTUAL:
        from backstride.virtual.machine import Machine  # noqa: PLC0415
        from backstride.virtual.model import derive_address  # noqa: PLC0415
        from backstride.virtual.strap import VirtualStrap  # noqa: PLC0415

        name = f"{treadmill.id}/strap"
        worn = VirtualStrap(now_ms=LoopClock().now(), address=derive_address(name))
        belt = getattr(radios.pumps.get(treadmill.id), "machine", None)
        if isinstance(belt, Machine):
            worn.walks = lambda: belt.drive.belt.value
        address, radio = worn.address, await radios.serve(name, worn)
    return BleakStrap(address, clock=LoopClock(), radio=radio, free=lambda: spares_radio(session()))


@asynccontextmanager
async def wear(straps: Iterable[tuple[BleakStrap, Sink]]) -> AsyncIterator[None]:
    """Listen to straps while inside; a defect in one is logged, and it is not heard of again."""
    tasks = [
        asyncio.create_task(_listen(strap, sink), name=f"strap {strap.address}")
        for strap, sink in straps
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(strap: BleakStrap, sink: Sink) -> None:
    try:
        await strap.run(sink)
    except Exception:  # noqa: BLE001  whatever it is, no belt depends on it
        _LOG.exception("strap failed", strap=strap.address)
