"""A gym out of its list of machines: access for each treadmill, and one configuration for all hosts.

The shared configuration has two parts. What stands above MARK is written once and then people's own; what is
below is written anew from the list each time. So the list can grow, and be provisioned again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from backstride.provisioning.daemon import write_daemon_lines
from backstride.provisioning.drafts import Draft, Newcomer, draft_add, draft_init
from backstride.provisioning.house import RECORD, House
from backstride.provisioning.plan import PUBLIC, Plan, ProvisioningError, Write
from backstride.provisioning.roles import Role

SHARED: Final = "backstride.toml"
"""The configuration of all hosts, in the house's directory."""
STATE: Final = "/var/lib/backstride"
"""What the units' StateDirectory= is."""
MARK: Final = (
    "# Below this line `backstride gym provision` writes: change the list of machines instead."
)


def draft_gym(
    house: House, treadmills: Sequence[str], tables: str, plugins: Path, now: datetime
) -> Draft:
    """Plan what is missing: everything, or access for new treadmills and the configuration with all of them.

    `tables` are the `[[treadmill]]` tables of all of them. The plan is empty if nothing is new.

    Raises:
        ProvisioningError: a treadmill has somebody else's name, or the configuration has lost MARK.
    """
    shared = _write_shared(house, tables)
    if not (house.directory / RECORD).exists():
        made = draft_init(house, tuple(treadmills), plugins, now)
        # The record stays the last one: a directory without it is not set up.
        *first, record = made.plan.writes
        return Draft(Plan(writes=(*first, *shared, record)), made.shown)
    there = house.names()
    for name in treadmills:
        if there.get(name, Role.DAEMON) is not Role.DAEMON:
            raise ProvisioningError(
                f"{name!r} is the name of {there[name]} at this broker; give the treadmill another id"
            )
    newcomers = [
        Newcomer(name=name, role=Role.DAEMON, treadmills=(name,))
        for name in treadmills
        if name not in there
    ]
    if not newcomers:
        return Draft(Plan(writes=shared))
    added = draft_add(house, newcomers, now)
    return Draft(Plan(writes=(*added.plan.writes, *shared)), added.shown)


def _write_shared(house: House, tables: str) -> tuple[Write, ...]:
    """The configuration, if it is not as it should be."""
    path = house.directory / SHARED
    if path.exists():
        present = path.read_text(encoding="utf-8")
        head, mark, _ = present.partition(MARK)
        if not mark:
            raise ProvisioningError(
                f"{path} has lost the line below which it is written anew; put it back above the first"
                f" [[treadmill]]:\n{MARK}"
            )
    else:
        present = ""
        broker = write_daemon_lines(house.kind, house.hosts[0], house.listeners.tls, house.prefix)
        head = (
            f"# For all hosts of this house: /etc/backstride/{SHARED} on each.\n\n{broker}\n"
            f"[service]\n# As systemd has it: who commissions by hand must mean the same.\n"
            f'state_directory = "{STATE}"\n\n'
        )
    wanted = f"{head}{MARK}\n{tables}"
    if wanted == present:
        return ()
    return (Write(path=path, content=wanted.encode(), mode=PUBLIC, replace=bool(present)),)
