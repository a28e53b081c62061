"""`gym`: a house with many treadmills, out of the list of its machines; and its line to a hub."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backstride.cli.broker_init import (
    SYSTEM_DIRECTORY,
    DirectoryOption,
    DryRunOption,
    OwnerOption,
    PortOption,
    PrefixOption,
    WebsocketsOption,
    carry_out,
)
from backstride.cli.exits import CommandFailedError, Exit

if TYPE_CHECKING:
    from backstride.provisioning.house import House

_group = typer.Typer(
    name="gym",
    help="Set up a gym: all machines of a list at once, and a line to a hub.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(_group, rich_help_panel="Set up")


@_group.command("provision")
def provision(  # noqa: PLR0917  Typer turns parameters into options
    machines: Annotated[
        Path,
        typer.Argument(
            metavar="CSV", help="One row a treadmill; columns: id, name, host, address, ..."
        ),
    ],
    host: Annotated[
        list[str] | None,
        typer.Option(
            "--host", metavar="NAME", help="A name or address of the broker; the first time."
        ),
    ] = None,
    directory: DirectoryOption = SYSTEM_DIRECTORY,
    prefix: PrefixOption = "backstride",
    port: PortOption = 8883,
    websockets: WebsocketsOption = 9001,
    owner: OwnerOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Give every machine of a list access to the broker, and write the configuration for all hosts.

    Run it again when machines were added: it writes what is new and nothing else.
    """
    from backstride.cli.broker_words import show_passwords
    from backstride.cli.terminal import tell
    from backstride.provisioning.authority import utc_now
    from backstride.provisioning.gym import draft_gym
    from backstride.provisioning.house import RECORD, House
    from backstride.provisioning.mosquitto import find_plugins
    from backstride.provisioning.names import check_path
    from backstride.service.machines import write_tables

    tables = _read(machines)
    place = check_path(directory)
    new = not (place / RECORD).exists()
    house = _plan_house(place, host, prefix, port, websockets) if new else House.load(place)
    ids = [table["id"] for table in tables]
    draft = draft_gym(house, ids, write_tables(tables), find_plugins(), utc_now())
    if not draft.plan.writes:
        tell(f"{place} has all {len(ids)} treadmills already; nothing was changed")
    elif carry_out(draft, owner, dry_run=dry_run):
        show_passwords(draft)
        _explain(house, tables)
    for name in () if new else _gone(house, ids):
        tell(
            f"{name} is not in {machines.name} and keeps its access: backstride broker revoke {name}"
        )


def _read(machines: Path) -> tuple[dict[str, str], ...]:
    from backstride.service.configreader import ConfigError
    from backstride.service.machines import read_machines

    try:
        return read_machines(machines)
    except ConfigError as error:
        raise CommandFailedError(f"{error}\nnothing was written", Exit.USAGE) from error


def _plan_house(
    place: Path, hosts: list[str] | None, prefix: str, port: int, websockets: int
) -> House:
    from backstride.provisioning.house import House
    from backstride.provisioning.mosquitto import Kind, Listeners
    from backstride.provisioning.names import check_host, check_prefix

    if not hosts:
        raise CommandFailedError(
            f"{place} is not set up yet; say where the broker is: --host broker.gym.example",
            Exit.USAGE,
        )
    return House(
        directory=place,
        kind=Kind.GYM,
        hosts=tuple(dict.fromkeys(check_host(name) for name in hosts)),
        prefix=check_prefix(prefix),
        listeners=Listeners(tls=port, websockets=websockets),
    )


def _gone(house: House, ids: list[str]) -> list[str]:
    from backstride.provisioning.roles import Role

    daemons = {name for name, role in house.names().items() if role is Role.DAEMON}
    return sorted(daemons - set(ids))


def _explain(house: House, tables: tuple[dict[str, str], ...]) -> None:
    from backstride.cli.terminal import tell
    from backstride.provisioning.daemon import PLACE
    from backstride.provisioning.gym import SHARED

    there = house.directory
    tell(
        f"{len(tables)} treadmills have access; the configuration for all hosts is {there / SHARED}."
    )
    tell("\nWhat to do next")
    tell(f"1. On the broker's host: ln -s {there}/broker/mosquitto-2.0.conf")
    tell(
        "     /etc/mosquitto/conf.d/backstride.conf, and systemctl restart mosquitto (later: reload)"
    )
    tell(f"2. On each host: mkdir -p {PLACE}. Copy {SHARED} into /etc/backstride there, and its")
    tell(f"   treadmills' files into {PLACE}:")
    hosts: defaultdict[str, list[str]] = defaultdict(list)
    for table in tables:
        hosts[table.get("host", "every host")].append(table["id"])
    for host, ids in sorted(hosts.items()):
        tell(f"     {host}: " + " ".join(f"{there / 'treadmills' / name}/*" for name in ids))
    tell(f"     there: chown root:backstride {PLACE}/*; chmod 640 {PLACE}/*")
    tell("3. On each host: sudo backstride doctor")
    tell("4. Beside each machine without a sheet, while no service runs on its host:")
    tell("     sudo -u backstride backstride commission --id ID")
    tell(
        "   The path that it prints belongs into the column `sheet`; then do this again, from the list on."
    )
    tell(
        "   Until then the walker starts the belt at its console, and it goes at most at 2.0 km/h."
    )
    tell("5. On each host: systemctl enable --now backstride (later: restart)")


@_group.command("bridge")
def bridge(  # noqa: PLR0917  Typer turns parameters into options
    site: Annotated[
        str, typer.Option("--site", metavar="NAME", help="This gym's name at the hub.")
    ],
    hub: Annotated[
        str, typer.Option("--hub", metavar="HOST", help="The hub's name, as in its certificate.")
    ],
    port: PortOption = 8883,
    directory: DirectoryOption = SYSTEM_DIRECTORY,
    owner: OwnerOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Write the bridge from this gym's broker to a hub: states go up, only `stop` comes down."""
    from backstride.cli.terminal import tell
    from backstride.provisioning.bridge import Bridge
    from backstride.provisioning.drafts import Draft
    from backstride.provisioning.house import House
    from backstride.provisioning.names import check_host, check_name
    from backstride.provisioning.plan import Plan, Write

    house = House.load(directory.expanduser().absolute())
    line = Bridge(
        site=check_name(site),
        hub=check_host(hub),
        port=port,
        prefix=house.prefix,
        proof=house.directory / "broker" / "hub",
    )
    if not dry_run:
        line.check()
    path = house.directory / "broker" / "bridge.conf"
    write = Write(path=path, content=line.write().encode(), replace=True, broker=True)
    if carry_out(Draft(Plan(writes=(write,))), owner, dry_run=dry_run):
        tell(f"The bridge to {hub} is in {path}.")
        tell(f"Let mosquitto read it: ln -s {path} /etc/mosquitto/conf.d/backstride-bridge.conf")
        tell(f"and see that it may read {path.parent / 'hub'}; then systemctl restart mosquitto")
        tell(f"At the hub: backstride fleet --sites; backstride fleet stop --sites {site}/ID")
        tell(f"To undo it: remove the link and {path}, and restart mosquitto.")
