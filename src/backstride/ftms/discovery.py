"""Finding the treadmill: by address, by name, or because it is the only one in range.

Theory of operation: the address is the only sure way, and asks nothing of the advertisement, so a
machine that advertises neither name nor service is found by it (whether it is a treadmill shows after
the connection). A name or "the only one" is taken when no second candidate is heard for a while; in a
gym, neighbours share names. What a machine says of itself in its service data is read by pyftms.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Final, assert_never

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError
from msgspec import Struct
from pyftms.client.errors import (  # type: ignore[import-untyped]  # ships no types
    NotFitnessMachineError,
)
from pyftms.client.properties.machine_type import (  # type: ignore[import-untyped]
    MachineType,
    get_machine_type_from_service_data,
)

from backstride.domain.units import SECOND, Ms
from backstride.ftms.errors import AmbiguousError, NotFoundError, RadioError
from backstride.ftms.gatt import describe_fault
from backstride.ftms.radio import Heard, Radio
from backstride.ftms.uuids import FITNESS_MACHINE
from backstride.ftms.waits import Waits

_ADDRESS: Final = re.compile(
    r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)
"""A Bluetooth address, or the UUID that macOS shows in its place."""
_TREADMILL_BIT: Final = 1 << 0
_SWITCH: Final[Ms] = 10 * SECOND
"""For the platform to begin or end a scan: a local call, slow only when something is broken."""
SCAN: Final[Ms] = 5 * SECOND
"""How long `scan` listens: long enough for machines that advertise every 2 s."""


class ByAddress(Struct, frozen=True, tag="address"):
    """The machine with this Bluetooth address, whatever it advertises."""

    address: str


class ByName(Struct, frozen=True, tag="name"):
    """The machine that advertises this name (case does not matter)."""

    name: str


class OnlyOne(Struct, frozen=True, tag="only"):
    """Whichever treadmill is in range, as long as it is the only one."""


type Target = ByAddress | ByName | OnlyOne


def parse_target(text: str | None) -> Target:
    """Read a target as people write it: an address, a name, or `any` (also: nothing)."""
    text = (text or "").strip()
    if not text or text.casefold() == "any":
        return OnlyOne()
    return ByAddress(text.upper()) if _ADDRESS.fullmatch(text) else ByName(text)


def show_target(target: Target) -> str:
    """Write a target for a person."""
    match target:
        case ByAddress(address=address):
            return f"the treadmill with address {address}"
        case ByName(name=name):
            return f"the treadmill named {name!r}"
        case OnlyOne():
            return "a treadmill"
        case _:
            assert_never(target)


class Evidence(StrEnum):
    """Why something that advertises counts as a treadmill; the value ends the sentence "it ..."."""

    SAYS_SO = "announces itself as a treadmill"
    """Service data of the fitness machine service with the treadmill bit."""
    FITNESS_MACHINE = "offers the fitness machine service"
    """The service is advertised without saying what kind of machine it is."""


class Candidate(Struct, frozen=True, kw_only=True):
    """Something that advertises. `evidence` is None when nothing says that it is a treadmill."""

    address: str
    name: str | None
    rssi: int | None
    evidence: Evidence | None


def judge(advertisement: AdvertisementData) -> Evidence | None:
    """Decide from an advertisement whether it is a treadmill's."""
    data = advertisement.service_data.get(FITNESS_MACHINE)
    if data is not None:
        try:
            kind = get_machine_type_from_service_data(advertisement)
        except NotFitnessMachineError:
            # pyftms also refuses a machine that says "not available now", which a busy treadmill does.
            treadmill = len(data) > 1 and bool(data[1] & _TREADMILL_BIT)
        else:
            treadmill = bool(kind & MachineType.TREADMILL)
        return Evidence.SAYS_SO if treadmill else None
    return Evidence.FITNESS_MACHINE if FITNESS_MACHINE in advertisement.service_uuids else None


def _candidate(device: BLEDevice, advertisement: AdvertisementData) -> Candidate:
    return Candidate(
        address=device.address,
        name=advertisement.local_name or device.name,
        rssi=advertisement.rssi,
        evidence=judge(advertisement),
    )


@asynccontextmanager
async def _listening(radio: Radio, heard: Heard) -> AsyncIterator[None]:
    """Scan while inside.

    Raises:
        RadioError: the host's Bluetooth does not work.
    """
    try:
        scanner = radio.make_scanner(heard)
        async with asyncio.timeout(_SWITCH / SECOND):
            await scanner.start()
    except (BleakError, OSError, ImportError, EOFError) as error:
        raise RadioError(
            f"Bluetooth does not work on this host ({describe_fault(error)});"
            " check that the adapter is there and switched on: bluetoothctl show"
        ) from error
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(_SWITCH / SECOND):
                await scanner.stop()
        except (BleakError, OSError, EOFError) as error:
            raise RadioError(
                f"the Bluetooth scan cannot be ended ({describe_fault(error)})"
            ) from error


async def scan(
    radio: Radio, duration: Ms = SCAN, *, everything: bool = False
) -> tuple[Candidate, ...]:
    """Listen for `duration` and list the treadmills, the strongest signal first.

    With `everything`, also what shows no sign of being one: some treadmills advertise nothing useful.

    Raises:
        RadioError: the host's Bluetooth does not work.
    """
    found: dict[str, Candidate] = {}

    def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
        found[device.address] = _merge(found.get(device.address), _candidate(device, advertisement))

    async with _listening(radio, heard):
        await asyncio.sleep(duration / SECOND)
    listed = [c for c in found.values() if everything or c.evidence is not None]
    return tuple(sorted(listed, key=lambda c: (-(c.rssi or -999), c.address)))


def _merge(old: Candidate | None, new: Candidate) -> Candidate:
    """Keep a name and evidence that only some of the advertisements carry."""
    if old is None:
        return new
    return Candidate(
        address=new.address,
        name=new.name or old.name,
        rssi=new.rssi,
        evidence=new.evidence or old.evidence,
    )


def _fits(target: Target, candidate: Candidate) -> bool:
    match target:
        case ByAddress(address=address):
            return candidate.address.casefold() == address.casefold()
        case ByName(name=name):
            return (candidate.name or "").strip().casefold() == name.casefold()
        case OnlyOne():
            return candidate.evidence is not None
        case _:
            assert_never(target)


async def find(target: Target, radio: Radio, waits: Waits, patience: Ms | None = None) -> BLEDevice:
    """Listen for the target until it is found, at most `patience` (default `waits.find`).

    Raises:
        NotFoundError: nothing fits.
        AmbiguousError: several fit; the message lists them.
        RadioError: the host's Bluetooth does not work.
    """
    fitting: dict[str, tuple[BLEDevice, Candidate]] = {}
    seen: dict[str, Candidate] = {}
    first = asyncio.Event()

    def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
        candidate = _merge(seen.get(device.address), _candidate(device, advertisement))
        seen[device.address] = candidate
        if _fits(target, candidate):
            fitting[device.address] = (device, candidate)
            first.set()

    async with _listening(radio, heard):
        try:
            async with asyncio.timeout((waits.find if patience is None else patience) / SECOND):
                await first.wait()
        except TimeoutError:
            raise NotFoundError(_not_found(target, seen)) from None
        if not isinstance(target, ByAddress):
            await asyncio.sleep(waits.settle / SECOND)
    if len(fitting) > 1:
        raise AmbiguousError(_ambiguous(target, [c for _, c in fitting.values()]))
    [(device, _)] = fitting.values()
    return device


def _show(candidate: Candidate) -> str:
    signal = "" if candidate.rssi is None else f", {candidate.rssi} dBm"
    return f"{candidate.address} ({candidate.name or 'no name'}{signal})"


def _not_found(target: Target, seen: dict[str, Candidate]) -> str:
    text = f"{show_target(target)} was not heard; switch it on and close other apps that use it"
    treadmills = [c for c in seen.values() if c.evidence is not None]
    if treadmills and not isinstance(target, OnlyOne):
        text += f". In range: {', '.join(map(_show, treadmills))}"
    elif isinstance(target, OnlyOne) and seen:
        text += (
            f". {len(seen)} devices were heard that do not say what they are;"
            " if the treadmill is one of them, configure its address"
        )
    return text


def _ambiguous(target: Target, candidates: list[Candidate]) -> str:
    listed = ", ".join(_show(c) for c in sorted(candidates, key=lambda c: c.address))
    what = "named so" if isinstance(target, ByName) else "in range"
    return f"{len(candidates)} treadmills are {what}: {listed}; configure the address of yours"
