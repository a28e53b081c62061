"""`backstride broker`: set up a broker's access for a home or a gym, and change it later."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit

if TYPE_CHECKING:
    from backstride.provisioning.drafts import Draft
    from backstride.provisioning.house import House

SYSTEM_DIRECTORY: Final = Path("/etc/mosquitto/backstride")
MOSQUITTO: Final = "mosquitto"
"""The user that Debian's mosquitto becomes."""

_group = typer.Typer(
    name="broker",
    help="Set up the MQTT broker: certificates, passwords, who may do what.",
    no_args_is_help=True,
)

DirectoryOption = Annotated[
    Path,
    typer.Option(
        "--directory", "-d", metavar="DIR", help="Where the files are, on the broker's host."
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be written; write nothing.")
]
OwnerOption = Annotated[
    str | None,
    typer.Option(
        "--owner",
        metavar="USER",
        help="Who runs mosquitto and reads its files; for root `mosquitto`, if there is such a user.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(_group, rich_help_panel="Set up")


HostOption = Annotated[
    list[str],
    typer.Option(
        "--host", metavar="NAME", help="A name or address of the broker; the first is told."
    ),
]
TreadmillOption = Annotated[
    list[str] | None,
    typer.Option("--treadmill", metavar="ID", help="A treadmill; repeat for more. A hub has none."),
]
HomeOption = Annotated[bool, typer.Option("--home", help="Passwords over TLS; one for people.")]
GymOption = Annotated[
    bool,
    typer.Option("--gym", help="A certificate for each treadmill; passwords for people."),
]
PrefixOption = Annotated[str, typer.Option(metavar="TOPIC", help="First level of the topics.")]
PortOption = Annotated[int, typer.Option(min=1, max=65_535, help="For everything but browsers.")]
WebsocketsOption = Annotated[int, typer.Option(min=1, max=65_535, help="For browsers.")]
PluginsOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where mosquitto 2.1 has its plugins.")
]


@_group.command("init")
def init(  # noqa: PLR0917  Typer turns parameters into options
    host: HostOption,
    treadmill: TreadmillOption = None,
    home: HomeOption = False,
    gym: GymOption = False,
    directory: DirectoryOption = SYSTEM_DIRECTORY,
    prefix: PrefixOption = "backstride",
    port: PortOption = 8883,
    websockets: WebsocketsOption = 9001,
    plugins: PluginsOption = None,
    owner: OwnerOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Write a certificate authority, certificates, passwords, access lists and mosquitto's configuration."""
    from backstride.cli.broker_words import explain_init
    from backstride.provisioning import names
    from backstride.provisioning.authority import utc_now
    from backstride.provisioning.drafts import draft_init
    from backstride.provisioning.house import RECORD, House
    from backstride.provisioning.mosquitto import Kind, Listeners, find_plugins

    if home is gym:
        raise CommandFailedError("write either --home or --gym", Exit.USAGE)
    if port == websockets:
        raise CommandFailedError("--port and --websockets need different numbers", Exit.USAGE)
    house = House(
        directory=names.check_path(directory),
        kind=Kind.HOME if home else Kind.GYM,
        hosts=tuple(dict.fromkeys(names.check_host(name) for name in host)),
        prefix=names.check_prefix(prefix),
        listeners=Listeners(tls=port, websockets=websockets),
    )
    if (house.directory / RECORD).exists():
        _stay(House.load(house.directory), house, treadmill or [])
        return
    draft = draft_init(
        house,
        tuple(dict.fromkeys(names.check_name(name) for name in treadmill or ())),
        find_plugins() if plugins is None else names.check_path(plugins),
        utc_now(),
    )
    if carry_out(draft, owner, dry_run=dry_run):
        explain_init(house, draft, _mosquitto_version())


def _stay(there: House, wanted: House, treadmills: list[str]) -> None:
    """Say that nothing was changed, and what changes it."""
    from backstride.cli.terminal import tell

    if there.kind is not wanted.kind:
        raise CommandFailedError(
            f"{there.directory} is set up for a {there.kind} and stays so; choose another directory"
        )
    tell(f"{there.directory} is set up already; nothing was changed")
    for name in sorted(set(treadmills) - set(there.names())):
        tell(
            f"  to add {name}: backstride broker add-treadmill {name} --directory {there.directory}"
        )
    if set(wanted.hosts) != set(there.hosts):
        tell(
            f"  its certificate names {', '.join(there.hosts)}; other names need another directory"
        )


@_group.command("add-treadmill")
def add_treadmill(
    treadmill: Annotated[str, typer.Argument(metavar="ID", help="The treadmill's id.")],
    directory: DirectoryOption = SYSTEM_DIRECTORY,
    owner: OwnerOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Give one more treadmill access."""
    _add(treadmill, "daemon", [treadmill], directory, owner, certificate=None, dry_run=dry_run)


@_group.command("add")
def add(  # noqa: PLR0917  Typer turns parameters into options
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Who; small letters, digits, hyphens.")
    ],
    role: Annotated[
        str,
        typer.Option(
            metavar="ROLE", help="coach, wall, homeassistant, node-red; at a hub site or office."
        ),
    ] = "coach",
    treadmill: Annotated[
        list[str] | None,
        typer.Option("--treadmill", metavar="ID", help="Only this treadmill; repeat for more."),
    ] = None,
    certificate: Annotated[
        bool | None,
        typer.Option(
            "--certificate/--password",
            help="How they prove who they are in a gym; else as usual for the role.",
            show_default=False,
        ),
    ] = None,
    directory: DirectoryOption = SYSTEM_DIRECTORY,
    owner: OwnerOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Give a person, a screen, Home Assistant or Node-RED access."""
    if role == "daemon":
        raise CommandFailedError("a treadmill is added with `add-treadmill`", Exit.USAGE)
    _add(name, role, treadmill or [], directory, owner, certificate=certificate, dry_run=dry_run)


def _add(
    name: str,
    role: str,
    treadmills: list[str],
    directory: Path,
    owner: str | None,
    *,
    certificate: bool | None,
    dry_run: bool,
) -> None:
    from backstride.cli.broker_words import explain_add
    from backstride.provisioning import names
    from backstride.provisioning.authority import utc_now
    from backstride.provisioning.drafts import Newcomer, draft_add
    from backstride.provisioning.roles import Role

    if role not in set(Role):
        raise CommandFailedError(
            f"{role[:40]!r} is no role; there are coach, wall, homeassistant, node-red, site and office",
            Exit.USAGE,
        )
    # A site's rights are those of its own name.
    whose = [name] if role == Role.SITE else treadmills
    newcomer = Newcomer(
        name=names.check_name(name),
        role=Role(role),
        treadmills=tuple(dict.fromkeys(names.check_name(one) for one in whose)),
        certificate=certificate,
    )
    house = _load(directory)
    draft = draft_add(house, (newcomer,), utc_now())
    if carry_out(draft, owner, dry_run=dry_run):
        explain_add(house, newcomer, draft)


@_group.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A treadmill, a person, a machine.")],
    directory: DirectoryOption = SYSTEM_DIRECTORY,
    owner: OwnerOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Take somebody's access away: certificates, password and rights. Their files go with it."""
    from backstride.cli.broker_words import explain_revoke
    from backstride.provisioning.authority import utc_now
    from backstride.provisioning.drafts import draft_revoke

    house = _load(directory)
    role = house.names().get(name)
    draft = draft_revoke(house, name, utc_now())
    if carry_out(draft, owner, dry_run=dry_run):
        explain_revoke(house, name, role)


@_group.command("renew")
def renew(
    within: Annotated[
        int, typer.Option(metavar="DAYS", min=0, help="Renew what expires within so many days.")
    ] = 90,
    directory: DirectoryOption = SYSTEM_DIRECTORY,
    owner: OwnerOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Write new certificates, for the same keys, in place of those that expire soon."""
    from datetime import timedelta

    from backstride.cli.broker_words import explain_renew
    from backstride.provisioning.authority import utc_now
    from backstride.provisioning.drafts import draft_renew

    house, now = _load(directory), utc_now()
    draft = draft_renew(house, now, timedelta(days=within))
    if carry_out(draft, owner, dry_run=dry_run):
        explain_renew(house, draft, within)


@_group.command("list")
def show(directory: DirectoryOption = SYSTEM_DIRECTORY) -> None:
    """Say who has access, as what, and until when."""
    from backstride.cli.broker_words import explain_list
    from backstride.provisioning.authority import utc_now

    explain_list(_load(directory), utc_now())


def _load(directory: Path) -> House:
    from backstride.provisioning.house import House

    return House.load(directory.expanduser().absolute())


def carry_out(draft: Draft, owner: str | None, *, dry_run: bool) -> bool:
    """Carry a draft out, or show it; tell whether it was carried out."""
    from backstride.cli.terminal import tell

    plan = draft.plan
    if not dry_run:
        plan.apply(_choose_owner(owner))
        return True
    for write in plan.writes:
        what = "change" if write.replace else "write"
        tell(f"would {what:<6} {write.mode:04o} {write.path}")
    for move in plan.moves:
        tell(f"would move   {move.source} to {move.destination}")
    for path in plan.removals:
        tell(f"would remove {path}")
    return False


def _choose_owner(chosen: str | None) -> str | None:
    """Who must be able to read mosquitto's files; None for whoever writes them."""
    import pwd

    if chosen is None and os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(chosen or MOSQUITTO).pw_name
    except KeyError:
        if chosen is None:
            return None
        raise CommandFailedError(f"this host has no user {chosen!r}", Exit.USAGE) from None


def _mosquitto_version() -> str | None:
    """The version of this host's mosquitto, such as `2.0`; None if it has none."""
    from backstride.mqtt.broker import find_mosquitto

    program = find_mosquitto()
    if program is None:
        return None
    said = subprocess.run([program, "-h"], capture_output=True, text=True, check=False)  # noqa: S603  found above
    found = re.match(r"mosquitto version (\d+\.\d+)", said.stdout)
    return found[1] if found else None
