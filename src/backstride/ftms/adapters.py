"""Which Bluetooth adapter carries a treadmill: a choice from what BlueZ says, and nothing done.

A treadmill that is pinned to an adapter (its kernel name, or better its address: names change places when
adapters are plugged) is carried by that one or by none. Any other may be carried by each that is on and not
full, and is looked for on all of them (`discovery.find`). One that comes back is there again at the next
attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from backstride.ftms.bluez import Adapter, Device, Tree
from backstride.ftms.discovery import ByAddress, ByName, OnlyOne, Target
from backstride.ftms.errors import RadioError

SLOTS: Final = 7
"""Connections that an adapter carries: what Broadcom's on the Raspberry Pi do, CSR's carry five."""


def choose(tree: Tree, pinned: str | None) -> Mapping[str, int]:
    """The adapters that may carry one more connection of this treadmill, with what each carries already.

    Raises:
        RadioError: there is none; the message says why and what to do.
    """
    mine = [a for a in tree.adapters if pinned is None or is_named(a, pinned)]
    if not mine:
        there = ", ".join(f"{a.name} ({a.address})" for a in tree.adapters) or "none"
        which = f"the adapter {pinned}" if pinned else "a Bluetooth adapter"
        raise RadioError(f"{which} is not there (there: {there}); plug it in, or configure another")
    powered = [a for a in mine if a.powered]
    if not powered:
        names = " and ".join(a.name for a in mine)
        raise RadioError(f"the adapter {names} is off; switch it on: bluetoothctl power on")
    loads = {a.name: tree.carried(a.name) for a in powered}
    free = {name: load for name, load in loads.items() if load < SLOTS}
    if not free:
        full = " and ".join(f"{name} carries {load}" for name, load in loads.items())
        raise RadioError(
            f"{full} connections, and no more fit; end one, or plug in another adapter"
        )
    return free


def find_connected(
    tree: Tree, target: Target, pinned: str | None, taken: Iterable[str]
) -> Device | None:
    """The machine, when BlueZ is connected to it already: then it does not advertise.

    A name or "the only one" must fit exactly one connected machine that is nobody else's (`taken`).
    """
    others = {address.casefold() for address in taken}
    mine = {a.name for a in tree.adapters if pinned is None or is_named(a, pinned)}
    fitting = [
        d
        for d in tree.devices
        if d.connected and d.adapter in mine and d.address.casefold() not in others
        if _fits(target, d)
    ]
    return fitting[0] if len(fitting) == 1 else None


def find_known(tree: Tree, address: str, pinned: str | None) -> Device | None:
    """What BlueZ knows of the machine with this address, best of all where it is connected."""
    mine = {a.name for a in tree.adapters if pinned is None or is_named(a, pinned)}
    known = [
        d for d in tree.devices if d.address.casefold() == address.casefold() and d.adapter in mine
    ]
    return min(known, key=lambda d: (not d.connected, d.adapter), default=None)


def is_named(adapter: Adapter, pinned: str) -> bool:
    """Whether a configuration that says `pinned` means this adapter."""
    return pinned.casefold() in {adapter.name.casefold(), adapter.address.casefold()}


def _fits(target: Target, device: Device) -> bool:
    match target:
        case ByAddress(address=address):
            return device.address.casefold() == address.casefold()
        case ByName(name=name):
            return (device.name or "").strip().casefold() == name.casefold()
        case OnlyOne():
            return device.treadmill
