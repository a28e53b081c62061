"""All checks of one place, at the same time, each with a limit of its own; nothing is moved or changed.

A check that does not come to an end, or that fails in a way that nobody thought of, is a finding like any
other: the examination itself always ends, and ends soon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.units import SECOND, Ms
from backstride.service.commissioned import look_up
from backstride.service.config import Config, Treadmill, find_config, read_config
from backstride.service.configreader import ConfigError
from backstride.service.doctor import host, radio
from backstride.service.doctor.belts import check_belts
from backstride.service.doctor.broker import check_broker
from backstride.service.doctor.care import check_care
from backstride.service.doctor.findings import (
    SUDO,
    Finding,
    Level,
    Place,
    Subject,
    in_thread,
    note,
    ok,
    problem,
)
from backstride.service.doctor.secrets import check_secrets
from backstride.service.doctor.units import check_watchdogs
from backstride.service.identity import take_own
from backstride.service.local import is_hidden
from backstride.service.sheet import SheetError

PATIENCE: Final[Ms] = 5 * SECOND
BROKER_PATIENCE: Final[Ms] = 15 * SECOND
"""A broker that is far away, in both versions of MQTT."""
_REPORT: Final = "please report this with the output of: backstride doctor --json"


class Check(Struct, frozen=True):
    """One check at work."""

    subject: Subject
    name: str
    work: Coroutine[Any, Any, list[Finding]]
    patience: Ms = PATIENCE


async def examine(
    file: Path | None, place: Place | None = None, *, patience: Ms | None = None
) -> list[Finding]:
    """Examine a place with the configuration in effect, or with this one; sorted by subject.

    `patience` replaces the limit of every check.
    """
    at = place or Place()
    limit = patience or PATIENCE
    config, found = await _configure(file, at, limit)
    # What cannot be configured cannot be tried either, but the computer can be looked at.
    known = config or Config(treadmills=())
    checks = [
        Check(Subject.BLUETOOTH, "rfkill", radio.check_switch(at)),
        Check(Subject.BLUETOOTH, "BlueZ", radio.check_radio(at, known)),
        Check(Subject.BLUETOOTH, "the care for connections", check_care(at, known)),
        Check(Subject.TREADMILLS, "the belts", check_belts(at, known)),
        Check(Subject.HOST, "the clock", host.check_clock(at)),
        Check(Subject.HOST, "the disk", host.check_disk(at, known)),
        Check(Subject.HOST, "systemd", check_watchdogs(at, known)),
        Check(Subject.VERSIONS, "versions", host.check_versions(at)),
    ]
    if config is not None:
        checks += [
            Check(Subject.TREADMILLS, "the sheets", check_sheets(config)),
            Check(Subject.SECRETS, "the secrets", check_secrets(at, config)),
            Check(Subject.BROKER, "the broker", check_broker(at, config), BROKER_PATIENCE),
        ]
    for part in await asyncio.gather(*(_bound(check, patience) for check in checks)):
        found += part
    if config is not None and all(treadmill.virtual for treadmill in config.treadmills):
        found = [_excuse(finding) for finding in found]
    order = list(Subject)
    return sorted(found, key=lambda finding: order.index(finding.subject))


async def _configure(
    file: Path | None, place: Place, limit: Ms
) -> tuple[Config | None, list[Finding]]:
    path = find_config(file, place.environ)
    if path is None:
        what = "there is no configuration file: the defaults hold (one treadmill, a broker here)"
        remedy = "sudo backstride setup"
        return Config(), [note(Subject.CONFIGURATION, what, remedy)]
    try:
        async with asyncio.timeout(limit / SECOND):
            config = await in_thread(lambda: read_config(path))
    except ConfigError as error:
        remedy = f"correct it and look: backstride check {path}"
        return None, [problem(Subject.CONFIGURATION, str(one), remedy) for one in error.problems]
    except TimeoutError:
        what = f"{path} cannot be read: its disk does not answer"
        return None, [problem(Subject.CONFIGURATION, what, "put it on a disk of this computer")]
    own = take_own(config)
    if not own.treadmills:
        what = f"{path} has no treadmill of this host ({own.service.host_name})"
        remedy = "name it with `host`, or say which host this is: backstride run --host-name NAME"
        return config, [note(Subject.CONFIGURATION, what, remedy)]
    return own, [ok(Subject.CONFIGURATION, f"{path} is valid")]


async def _bound(check: Check, patience: Ms | None) -> list[Finding]:
    limit = patience or check.patience
    try:
        async with asyncio.timeout(limit / SECOND):
            return await check.work
    except TimeoutError:
        what = f"{check.name}: no answer in {limit / SECOND:g} s"
        return [problem(check.subject, what, "look whether it hangs, and try again")]
    except Exception as error:  # noqa: BLE001  the other checks are worth as much as this one
        what = f"{check.name}: could not be looked at ({type(error).__name__}: {error})"
        return [problem(check.subject, what, _REPORT)]


def _excuse(finding: Finding) -> Finding:
    """Where every treadmill is virtual, no Bluetooth is needed."""
    if finding.subject is not Subject.BLUETOOTH or finding.level is not Level.PROBLEM:
        return finding
    what = f"{finding.what} (not needed: every treadmill here is virtual)"
    return replace(finding, level=Level.NOTE, what=what)


async def check_sheets(config: Config) -> list[Finding]:
    """Is each real treadmill commissioned?"""
    return await in_thread(lambda: [_judge_sheet(treadmill) for treadmill in config.treadmills])


def _judge_sheet(treadmill: Treadmill) -> Finding:
    who = treadmill.name
    if treadmill.virtual is not None:
        return ok(Subject.TREADMILLS, f"{who}: virtual ({treadmill.virtual}), needs no sheet")
    try:
        grant = look_up(treadmill)
    except SheetError as error:
        if treadmill.sheet is not None and is_hidden(Path(treadmill.sheet)):
            return note(Subject.TREADMILLS, f"{who}: its sheet is for root to see", SUDO)
        remedy = f"backstride commission --id {treadmill.id}"
        return problem(Subject.TREADMILLS, f"{who}: {error}", remedy)
    if treadmill.sheet is None:
        what = f"{who}: not commissioned; it stays slow and is started at its console"
        remedy = f"backstride commission --id {treadmill.id}, then name its sheet with `sheet`"
        return note(Subject.TREADMILLS, what, remedy)
    return ok(Subject.TREADMILLS, f"{who}: commissioned as {grant.bound}")
