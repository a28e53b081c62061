"""Finding the treadmill: by address, by name, or because it is the only one in range.

Theory of operation: the address is the only sure way, and asks nothing of the advertisement, so a
machine that advertises neither name nor service is found by it (whether it is a treadmill shows after
the connection). A name or "the only one" is taken when no second candidate is heard for a while; in a
gym, neighbours share names. What a machine says of itself in its service data is read by pyftms.

Where several adapters may carry the machine, all of them listen. It goes to the one that hears it best, and
each connection that an adapter carries already counts against it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
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
from backstride.ftms.patience import bound
from backstride.ftms.radio import Heard, Radio, adapter_of
from backstride.ftms.uuids import FITNESS_MACHINE, HEART_RATE
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
LOAD_DB: Final = 6
"""What a connection costs in the choice between adapters: half the distance [CHOICE]."""
FAINT_DBM: Final = -127
"""What bleak says of a signal that BlueZ does not tell."""


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
    strap: bool = False
    """It offers the heart rate service."""


class Sighting(Struct, frozen=True):
    """A machine that was found, on the adapter that is to carry it; `rssi` is in dBm."""

    device: BLEDevice
    rssi: int | None


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
        rssi=_signal(advertisement),
        evidence=judge(advertisement),
        strap=HEART_RATE in advertisement.service_uuids,
    )


def _signal(advertisement: AdvertisementData) -> int | None:
    return None if advertisement.rssi == FAINT_DBM else advertisement.rssi


@asynccontextmanager
async def _listening_on(radio: Radio, heard: Heard, adapter: str | None) -> AsyncIterator[None]:
    """Scan on one adapter while inside.

    Raises:
        RadioError: the host's Bluetooth does not work.
    """
    try:
        scanner = radio.make_scanner(heard, adapter)
        await bound(scanner.start(), _SWITCH)
    except (BleakError, OSError, ImportError, EOFError) as error:
        raise RadioError(
            f"Bluetooth does not work on this host ({describe_fault(error)});"
            " check that the adapter is there and switched on: bluetoothctl show"
        ) from error
    try:
        yield
    finally:
        try:
            await bound(scanner.stop(), _SWITCH)
        except (BleakError, OSError, EOFError) as error:
            raise RadioError(
                f"the Bluetooth scan cannot be ended ({describe_fault(error)})"
            ) from error


@asynccontextmanager
async def _listening(
    radio: Radio, heard: Heard, adapters: Iterable[str] = ()
) -> AsyncIterator[None]:
    """Scan while inside, on each of the adapters that can, or on the radio's own.

    Raises:
        RadioError: the host's Bluetooth does not work.
    """
    async with AsyncExitStack() as stack:
        failed: list[RadioError] = []
        chosen = tuple(adapters) or (None,)
        for adapter in chosen:
            try:
                await stack.enter_async_context(_listening_on(radio, heard, adapter))
            except RadioError as error:
                failed.append(error)
        if len(failed) == len(chosen):
            raise failed[0]
        yield


async def scan(
    radio: Radio, duration: Ms = SCAN, *, straps: bool = False, everything: bool = False
) -> tuple[Candidate, ...]:
    """Listen for `duration` and list the treadmills, the strongest signal first.

    With `straps`, also what measures a heart rate; with `everything`, also what shows no sign of being
    either: some treadmills advertise nothing useful.

    Raises:
        RadioError: the host's Bluetooth does not work.
    """
    found: dict[str, Candidate] = {}

    def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
        found[device.address] = _merge(found.get(device.address), _candidate(device, advertisement))

    async with _listening(radio, heard):
        await asyncio.sleep(duration / SECOND)
    listed = [
        c for c in found.values() if everything or c.evidence is not None or (straps and c.strap)
    ]
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
        strap=new.strap or old.strap,
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


def prefer(heard: Mapping[str, int | None], loads: Mapping[str, int]) -> str:
    """The best of the adapters that hear a machine, by signal (dBm) and load; the name decides a tie."""

    def worth(adapter: str) -> int:
        signal = heard[adapter]
        return (FAINT_DBM if signal is None else signal) - LOAD_DB * loads.get(adapter, 0)

    return min(heard, key=lambda adapter: (-worth(adapter), adapter))


async def find(
    target: Target,
    radio: Radio,
    waits: Waits,
    loads: Mapping[str, int] | None = None,
    *,
    hurry: bool = False,
) -> Sighting:
    """Listen for the target until it is found, at most `waits.find`.

    `loads` are the adapters to listen on, with the connections that each carries; none means the radio's
    own. In a `hurry` the first adapter that hears the machine gets it.

    Raises:
        NotFoundError: nothing fits.
        AmbiguousError: several fit; the message lists them.
        RadioError: the host's Bluetooth does not work.
    """
    adapters = loads or {}
    fitting: dict[str, dict[str, BLEDevice]] = {}
    signals: dict[str, dict[str, int | None]] = {}
    seen: dict[str, Candidate] = {}
    first = asyncio.Event()

    def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
        address, adapter = device.address, adapter_of(device)
        candidate = _merge(seen.get(address), _candidate(device, advertisement))
        seen[address] = candidate
        signals.setdefault(address, {})[adapter] = _signal(advertisement)
        if _fits(target, candidate):
            fitting.setdefault(address, {})[adapter] = device
            first.set()

    async with _listening(radio, heard, adapters):
        try:
            async with asyncio.timeout(waits.find / SECOND):
                await first.wait()
        except TimeoutError:
            raise NotFoundError(_not_found(target, seen)) from None
        if not isinstance(target, ByAddress):
            await asyncio.sleep(waits.settle / SECOND)
        elif len(adapters) > 1 and not hurry:
            await asyncio.sleep(waits.compare / SECOND)
    if len(fitting) > 1:
        raise AmbiguousError(_ambiguous(target, [seen[address] for address in fitting]))
    [(address, devices)] = fitting.items()
    best = prefer({a: signals[address][a] for a in devices}, adapters)
    return Sighting(devices[best], signals[address][best])


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
