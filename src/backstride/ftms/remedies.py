"""What can be done to BlueZ for a connection that fails: one act each, bounded in time, decided elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from dbus_fast import Variant

from backstride.domain.units import SECOND, Ms
from backstride.ftms.agent import answering
from backstride.ftms.bluez import (
    ADAPTER,
    DEVICE,
    BluezError,
    Cause,
    Conversation,
    converse,
    read_tree,
)

_LOG: Final = structlog.get_logger("backstride.ftms")

FAREWELL: Final[Ms] = 5 * SECOND
"""For a disconnection: BlueZ gives the machine 2 s of grace."""
PAIRING: Final[Ms] = 30 * SECOND
"""For a pairing: the machine may take 30 s for each of its steps (Core 5.4, vol. 3 part H 3.4)."""
SWITCH: Final[Ms] = 5 * SECOND
"""For an adapter to go on or off."""
DARK: Final[Ms] = 1 * SECOND
"""How long an adapter stays off, so that its controller is really reset [CHOICE]."""


async def close(path: str, bus: str | None = None) -> None:
    """End the connection to the device of this object path.

    Raises:
        BluezError: it was not done.
    """
    async with converse(bus) as talk:
        await talk.call(path, f"{DEVICE}.Disconnect", within=FAREWELL)


async def release(address: str, bus: str | None = None) -> None:
    """End the connections to this device that BlueZ holds for nobody, before it is looked for.

    An earlier process may have left one, and then the device does not advertise. What cannot be done is left.
    """
    try:
        held = [d for d in (await read_tree(bus)).devices if d.connected]
        for device in held:
            if device.address.casefold() == address.casefold():
                reason = "BlueZ is connected to it already, and so it does not advertise"
                _LOG.info(
                    "connection ended", address=address, adapter=device.adapter, reason=reason
                )
                await close(device.path, bus)
    except BluezError as error:
        _LOG.info("connection not ended", address=address, error=error.detail)


async def forget(path: str, bus: str | None = None) -> None:
    """Let the adapter forget the device of this object path: attributes, key and connection.

    Raises:
        BluezError: it was not done.
    """
    adapter = path.rsplit("/", 1)[0]
    async with converse(bus) as talk:
        member = f"{ADAPTER}.RemoveDevice"
        await talk.call(adapter, member, signature="o", body=(path,), within=FAREWELL)


async def pair(path: str, bus: str | None = None) -> None:
    """Pair with the device of this object path, without a person. It stays connected.

    Raises:
        BluezError: it was not done.
    """
    async with converse(bus) as talk, answering(talk, path):
        await talk.call(path, f"{DEVICE}.Pair", within=PAIRING)


async def wake(adapter: str, bus: str | None = None) -> None:
    """Switch an adapter on; `adapter` is its name, such as hci0.

    Raises:
        BluezError: it was not done; rfkill keeps a blocked one off.
    """
    async with converse(bus) as talk:
        await _switch(talk, adapter, on=True)


async def cycle(
    adapter: str, allowed: Callable[[], Awaitable[bool]], bus: str | None = None
) -> None:
    """Switch an adapter off and, whatever happens between, on again; `allowed` has the last word.

    Raises:
        BluezError: it was not done, or not allowed any more, or the adapter did not come back.
    """
    async with converse(bus) as talk:
        if not await allowed():
            raise BluezError(Cause.REFUSED, "a belt moves or is about to")
        try:
            await _switch(talk, adapter, on=False)
            await asyncio.sleep(DARK / SECOND)
        finally:
            await _switch(talk, adapter, on=True)


async def _switch(talk: Conversation, adapter: str, *, on: bool) -> None:
    await talk.call(
        f"/org/bluez/{adapter}",
        "org.freedesktop.DBus.Properties.Set",
        signature="ssv",
        body=(ADAPTER, "Powered", Variant("b", on)),
        within=SWITCH,
    )
