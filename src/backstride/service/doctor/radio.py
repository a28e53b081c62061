"""Bluetooth on this host: the switch, BlueZ, the adapters, and what BlueZ knows of our treadmills."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import assert_never

from backstride.ftms.adapters import SLOTS, is_named
from backstride.ftms.bluez import Adapter, BluezError, Cause, Device, Tree, read_tree
from backstride.service.config import Config, Treadmill, state_directory
from backstride.service.doctor.findings import Finding, Place, Subject, in_thread, note, ok, problem
from backstride.service.local import find_daemons
from backstride.service.settings import VIRTUAL

_BLUETOOTH = Subject.BLUETOOTH
_TREADMILLS = Subject.TREADMILLS


async def check_switch(place: Place) -> list[Finding]:
    """Is Bluetooth blocked, by software or by a switch?"""
    return await in_thread(lambda: _read_switches(place.rfkill))


def _read_switches(directory: Path) -> list[Finding]:
    if not directory.is_dir():
        return [note(_BLUETOOTH, f"whether Bluetooth is blocked cannot be told: no {directory}")]
    blocked: list[Finding] = []
    for switch in sorted(directory.glob("rfkill*")):
        if _word(switch / "type") != "bluetooth":
            continue
        name = _word(switch / "name") or switch.name
        if _word(switch / "hard") == "1":
            what = f"{name} is switched off by a switch of the computer (rfkill)"
            blocked.append(problem(_BLUETOOTH, what, "use its switch, key or BIOS setting"))
        elif _word(switch / "soft") == "1":
            what = f"{name} is blocked by software (rfkill)"
            blocked.append(problem(_BLUETOOTH, what, "sudo rfkill unblock bluetooth"))
    return blocked or [ok(_BLUETOOTH, "not blocked (rfkill)")]


def _word(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


async def check_radio(place: Place, config: Config) -> list[Finding]:
    """Does BlueZ answer, is an adapter on, and what does BlueZ know of each treadmill?"""
    if sys.platform != "linux":
        return [note(_BLUETOOTH, "looked at on Linux only", "try it: backstride scan")]
    try:
        tree = await read_tree(place.bus)
    except BluezError as error:
        return [_explain(error, installed=place.find("bluetoothd") is not None)]
    directories = {state_directory(config, place.environ), place.state}
    daemons = await in_thread(lambda: find_daemons(directories))
    ours = {name for names in daemons.values() for name in names}
    found = [ok(_BLUETOOTH, f"BlueZ answers {_user()} over D-Bus"), *_adapters(tree)]
    for treadmill in config.treadmills:
        if treadmill.virtual is None:
            found += _treadmill(treadmill, tree, served=treadmill.id in ours)
        if treadmill.strap not in {None, VIRTUAL}:
            found.append(_strap(treadmill, tree))
    return found


def _strap(treadmill: Treadmill, tree: Tree) -> Finding:
    """A strap that is not worn is silent: that is no problem, and nothing depends on it."""
    who = f"{treadmill.name}: the strap {treadmill.strap}"
    met = [device for device in tree.devices if device.address == treadmill.strap]
    if any(device.connected for device in met):
        return ok(_TREADMILLS, f"{who} is connected")
    if met:
        return ok(_TREADMILLS, f"{who} was met before; worn, it is found")
    return note(_TREADMILLS, f"{who} was not met yet", "put it on, then: backstride scan")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, not everybody has a name
        return f"user {os.getuid()}"


def _explain(error: BluezError, *, installed: bool) -> Finding:
    match error.cause:
        case Cause.NO_BUS:
            what = "there is no D-Bus system bus here, over which Bluetooth is reached"
            remedy = "sudo apt install dbus bluez && sudo systemctl enable --now dbus bluetooth"
        case Cause.NOT_RUNNING if installed:
            what, remedy = "BlueZ does not run", "sudo systemctl enable --now bluetooth"
        case Cause.NOT_RUNNING:
            what = "BlueZ, Linux's Bluetooth service, is not installed"
            remedy = "sudo apt install bluez && sudo systemctl enable --now bluetooth"
        case Cause.DENIED:
            what = f"D-Bus does not let {_user()} talk to BlueZ"
            remedy = (
                "sudo apt install --reinstall bluez brings its policy back (/usr/share/dbus-1/system.d/"
                "bluetooth.conf); then sudo systemctl reload dbus"
            )
        case Cause.SILENT | Cause.REFUSED:
            what, remedy = "BlueZ does not answer", "sudo systemctl restart bluetooth"
        case _:
            assert_never(error.cause)
    return problem(_BLUETOOTH, f"{what} ({error.detail})", remedy)


def _adapters(tree: Tree) -> list[Finding]:
    if not tree.adapters:
        remedy = "plug one in; a built-in one may need a restart (sudo systemctl restart bluetooth)"
        return [problem(_BLUETOOTH, "there is no Bluetooth adapter", remedy)]
    return [_adapter(adapter, tree) for adapter in tree.adapters]


def _power(adapter: Adapter, tree: Tree) -> str:
    """How to switch it on; bluetoothctl means the default one unless another is selected."""
    if len(tree.adapters) == 1:
        return "bluetoothctl power on"
    return f"bluetoothctl, and there: select {adapter.address}, then: power on"


def _adapter(adapter: Adapter, tree: Tree) -> Finding:
    name = f"adapter {adapter.name} ({adapter.address}, {adapter.alias!r})"
    if adapter.powered:
        carried = tree.carried(adapter.name)
        what = f"{name} is on" + (f" and carries {carried} of {SLOTS} connections" * bool(carried))
        if carried < SLOTS:
            return ok(_BLUETOOTH, what)
        return note(_BLUETOOTH, what, "end one, or plug in another adapter: no treadmill fits")
    # One that nobody needs may be off.
    judge = note if any(other.powered for other in tree.adapters) else problem
    return judge(_BLUETOOTH, f"{name} is off", _power(adapter, tree))


def _treadmill(treadmill: Treadmill, tree: Tree, *, served: bool) -> list[Finding]:
    who, wanted = treadmill.name, treadmill.adapter
    pinned = next((a for a in tree.adapters if wanted and is_named(a, wanted)), None)
    if wanted is not None and pinned is None:
        have = ", ".join(f"{a.name}, {a.address}" for a in tree.adapters) or "none"
        remedy = (
            f"change or remove `adapter` of this treadmill in the configuration (there: {have})"
        )
        return [problem(_TREADMILLS, f"{who}: there is no adapter {wanted}", remedy)]
    if pinned is not None and not pinned.powered:
        remedy = _power(pinned, tree)
        return [problem(_TREADMILLS, f"{who}: its adapter {wanted} is off", remedy)]
    if treadmill.target is None:
        remedy = "backstride scan, then write its `address` into the configuration"
        what = f"{who}: whichever treadmill is the only one in range"
        return [note(_TREADMILLS, what, remedy)]
    known = [
        device
        for device in tree.devices
        if (pinned is None or device.adapter == pinned.name) and _is(device, treadmill)
    ]
    if not known:
        remedy = "switch it on, close the phone's app, and look: backstride scan"
        return [note(_TREADMILLS, f"{who}: BlueZ has not met {treadmill.target} yet", remedy)]
    return [_device(who, device, served=served) for device in known]


def _is(device: Device, treadmill: Treadmill) -> bool:
    if treadmill.address is not None:
        return device.address.casefold() == treadmill.address.casefold()
    return (device.name or "").strip().casefold() == (treadmill.bluetooth_name or "").casefold()


def _device(who: str, device: Device, *, served: bool) -> Finding:
    name = f"{who}: {device.address}"
    if device.blocked:
        remedy = f"bluetoothctl unblock {device.address}"
        return problem(_TREADMILLS, f"{name} is blocked in BlueZ: it is never connected", remedy)
    paired = "not paired; most treadmills need no pairing"
    if device.paired:
        paired = "paired and trusted" if device.trusted else "paired"
    if device.connected and served:
        return ok(_TREADMILLS, f"{name} is connected to Backstride ({paired})")
    if device.connected:
        what = (
            f"{name} is connected on this computer, and no Backstride was seen to run it ({paired})"
        )
        remedy = (
            "a connection that was left behind hides it from scans; the daemon takes it over when it starts,"
            f" else with the belt at rest: bluetoothctl disconnect {device.address}"
        )
        return note(_TREADMILLS, what, remedy)
    return ok(_TREADMILLS, f"{name} is known to BlueZ ({paired})")
