"""The host: its clock, its disk, and the versions of everything."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from backstride import __version__
from backstride.mqtt import walltime
from backstride.service.config import Config, state_directory
from backstride.service.doctor.findings import (
    SUDO,
    Finding,
    Place,
    Subject,
    ask,
    in_thread,
    note,
    ok,
    problem,
)
from backstride.service.doctor.units import UNIT, blocks
from backstride.service.timekeeping import is_marked

MEGABYTE: Final = 1_000_000
SCARCE: Final = 500 * MEGABYTE
"""Free space below which it is worth a look [CHOICE]."""
TOO_LITTLE: Final = 50 * MEGABYTE
"""Free space below which journal and records are at risk [CHOICE]."""
OLDEST_BLUEZ: Final = (5, 55)
"""bleak supports BlueZ from here on (its README)."""
OLDEST_SYSTEMD: Final = 254
"""The first that knows RestartSteps=, which our unit uses."""
_HOST: Final = Subject.HOST
_VERSIONS: Final = Subject.VERSIONS
_PACKAGES: Final = ("bleak", "pyftms", "aiomqtt")


async def check_clock(place: Place) -> list[Finding]:
    """Is the time of day kept right, and can the service tell? Old commands are told from new ones by it."""
    if await in_thread(lambda: is_marked(place.mark)):
        return [ok(_HOST, "the clock is synchronised")]
    if not await in_thread(walltime.is_synchronised):
        what = (
            "the clock is not synchronised: the age of a command cannot be told from its time stamp"
        )
        return [note(_HOST, what, "sudo timedatectl set-ntp true, and see: timedatectl")]
    unit = await ask(place, "systemctl", "show", UNIT, "--property=LoadState,ProtectClock")
    if blocks(unit or "") != [{"LoadState": "loaded", "ProtectClock": "yes"}]:
        return [ok(_HOST, "the clock is synchronised")]
    what = (
        f"the clock is synchronised, but the service cannot tell: {place.mark}, which systemd-timesyncd"
        " renews, is missing or old, and its sandbox forbids to ask the kernel; it takes commands that prove"
        " their newness by `ts` alone for old"
    )
    remedy = (
        "put other-time-service.conf of the examples into /etc/systemd/system/backstride.service.d (and"
        " backstride@.service.d), then sudo systemctl daemon-reload and restart the service"
    )
    return [note(_HOST, what, remedy)]


async def check_disk(place: Place, config: Config) -> list[Finding]:
    """Can the state directory be written, and is there room?"""
    directory = state_directory(config, place.environ)
    configured = config.service.state_directory or "STATE_DIRECTORY" in place.environ
    if not configured and place.state.is_dir():
        directory = place.state
    return await in_thread(lambda: _look_at_disk(directory))


def _look_at_disk(directory: Path) -> list[Finding]:
    there = directory
    while not there.exists() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free
    room = f"{free / 1000 / MEGABYTE:.1f} GB free"
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        what = f"{directory} is on a disk that is mounted read-only"
        found = problem(_HOST, what, "sudo dmesg tells why; a worn SD card must be replaced")
    elif free < TOO_LITTLE:
        what = f"{directory}: {free // MEGABYTE} MB free, too little for the journal"
        found = problem(_HOST, what, "make room: sudo apt clean; sudo journalctl --vacuum-size=50M")
    elif not os.access(there, os.W_OK | os.X_OK):
        # As a rule it belongs to the service's user, who may.
        found = note(_HOST, f"{directory} cannot be written by this user ({room})", SUDO)
    elif free < SCARCE:
        what = f"{directory}: only {free // MEGABYTE} MB free"
        found = note(_HOST, what, "make room: sudo apt clean; sudo journalctl --vacuum-size=50M")
    else:
        made = "can be written" if there == directory else "can be made"
        found = ok(_HOST, f"{directory} {made} ({room})")
    return [found]


async def check_versions(place: Place) -> list[Finding]:
    """Which versions of everything are there?"""
    ours, bluez, systemd = await asyncio.gather(
        in_thread(_list_packages),
        ask(place, "bluetoothd", "--version"),
        ask(place, "systemctl", "--version"),
    )
    found = [ok(_VERSIONS, ours), ok(_VERSIONS, f"{platform.system()} {platform.release()}")]
    numbers = re.search(r"(\d+)\.(\d+)", bluez or "")
    if numbers is None:
        found.append(note(_VERSIONS, "BlueZ: no bluetoothd that says its version"))
    elif (int(numbers[1]), int(numbers[2])) < OLDEST_BLUEZ:
        what = f"BlueZ {numbers[0]} is older than {OLDEST_BLUEZ[0]}.{OLDEST_BLUEZ[1]}"
        found.append(problem(_VERSIONS, what, "sudo apt update && sudo apt full-upgrade"))
    else:
        found.append(ok(_VERSIONS, f"BlueZ {numbers[0]}"))
    number = re.match(r"systemd (\d+)", systemd or "")
    if number is not None and int(number[1]) < OLDEST_SYSTEMD:
        what = f"systemd {number[1]} ignores RestartSteps= of our unit: restarts come every 0.5 s"
        found.append(note(_VERSIONS, what))
    elif number is not None:
        found.append(ok(_VERSIONS, f"systemd {number[1]}"))
    return found


def _list_packages() -> str:
    named = [f"Backstride {__version__}", f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            named.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            named.append(f"{package} (not installed)")
    return ", ".join(named)
