"""What restarts a daemon that hangs or dies, and the computer when that hangs."""

from __future__ import annotations

import asyncio
from typing import Final

from backstride.service.config import Config
from backstride.service.doctor.findings import Finding, Place, Subject, ask, note, ok, problem
from backstride.service.identity import take_own

UNIT: Final = "backstride.service"
_HOST: Final = Subject.HOST
_PROPERTIES: Final = "--property=Id,LoadState,ActiveState,UnitFileState,WatchdogUSec"


async def check_watchdogs(place: Place, config: Config) -> list[Finding]:
    """Who restarts the daemon when it hangs, or each daemon where every treadmill has its own?"""
    instances = [f"backstride@{one.id}.service" for one in take_own(config).treadmills]
    units, manager = await asyncio.gather(
        ask(place, "systemctl", "show", _PROPERTIES, UNIT, *instances),
        ask(place, "systemctl", "show", "--property=RuntimeWatchdogUSec"),
    )
    if units is None:
        what = "no systemd runs here: nothing restarts a daemon that hangs or dies"
        return [note(_HOST, what, "for daily use run it as a service on a Linux with systemd")]
    shown = {one["Id"]: one for one in blocks(units) if "Id" in one}
    hardware = {key: value for one in blocks(manager or "") for key, value in one.items()}
    judged = [_judge_unit(name, shown.get(name, {})) for name in _in_use(shown, instances)]
    return [*judged, _judge_hardware(place, hardware)]


def blocks(text: str) -> list[dict[str, str]]:
    """What `systemctl show` says: a block of properties for each unit, in the order of the question."""
    parts = (part.splitlines() for part in text.split("\n\n"))
    return [
        {key: value for key, _, value in (line.partition("=") for line in part)}
        for part in parts
        if part
    ]


def _in_use(shown: dict[str, dict[str, str]], instances: list[str]) -> list[str]:
    """The one for all, unless there are daemons of single treadmills: then there should be one for each."""
    if shown.get(UNIT, {}).get("ActiveState") == "active":
        return [UNIT]
    single = any(
        shown.get(name, {}).get("ActiveState", "inactive") != "inactive"
        or shown.get(name, {}).get("UnitFileState") == "enabled"
        for name in instances
    )
    return instances if single else [UNIT]


def _judge_unit(name: str, unit: dict[str, str]) -> Finding:
    if unit.get("LoadState") != "loaded":
        what = f"{name} is not installed: nothing starts Backstride with the computer"
        return note(
            _HOST, what, "sudo backstride install (with --dry-run it only says what it would do)"
        )
    if unit.get("WatchdogUSec") in {None, "", "0", "infinity"}:
        what = f"{name} has no watchdog: a daemon that hangs is not restarted"
        remedy = f"add WatchdogSec=5 below [Service]: sudo systemctl edit {name}"
        return problem(_HOST, what, remedy)
    watched = f"{name} has a watchdog of {unit['WatchdogUSec']}"
    if unit.get("ActiveState") != "active":
        state = unit.get("ActiveState", "unknown")
        return note(_HOST, f"{watched}, but is {state}", f"sudo systemctl enable --now {name}")
    return ok(_HOST, f"{watched} and is active")


def _judge_hardware(place: Place, manager: dict[str, str]) -> Finding:
    if not (place.devices / "watchdog").exists():
        return note(
            _HOST, "this computer has no hardware watchdog: nothing restarts it if it hangs"
        )
    if manager.get("RuntimeWatchdogUSec") in {None, "", "0", "infinity"}:
        remedy = (
            "sudo mkdir -p /etc/systemd/system.conf.d && printf '[Manager]\\nRuntimeWatchdogSec=15\\n' |"
            " sudo tee /etc/systemd/system.conf.d/watchdog.conf && sudo systemctl daemon-reexec"
        )
        return note(_HOST, "the hardware watchdog is not used", remedy)
    return ok(_HOST, f"the hardware watchdog is used ({manager['RuntimeWatchdogUSec']})")
