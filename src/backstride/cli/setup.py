"""`setup`: find the treadmill and the broker, write the configuration, and say what is missing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit, NotYoursError
from backstride.cli.options import ConfigOption, IdOption

if TYPE_CHECKING:
    from backstride.ftms.discovery import Candidate
    from backstride.service.installation.answers import Answers, Place

_SIZES: Final = {"+": "green", "-": "red", "@": "dim"}
_UNITS: Final = tuple(
    Path(place) / "backstride.service"
    for place in ("/etc/systemd/system", "/usr/lib/systemd/system")
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("setup", rich_help_panel="Set up")(setup)


NameOption = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="For people.")]
AddressOption = Annotated[
    str | None, typer.Option("--address", metavar="MAC", help="The treadmill's Bluetooth address.")
]
AdapterOption = Annotated[
    str | None, typer.Option("--adapter", metavar="HCI", help="Such as hci0; else any.")
]
BrokerOption = Annotated[
    str | None, typer.Option("--broker", "-b", metavar="HOST[:PORT]", help="The MQTT broker.")
]
UserOption = Annotated[str | None, typer.Option("--user", help="Our name at the broker.")]
PasswordOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file", metavar="FILE", help="A file whose first line is its password."
    ),
]
CaOption = Annotated[
    Path | None,
    typer.Option(
        "--ca", metavar="FILE", help="TLS: the authority that signed the broker's certificate."
    ),
]
CertOption = Annotated[
    Path | None,
    typer.Option(
        "--cert", metavar="FILE", help="TLS: our own certificate, if the broker asks for one."
    ),
]
KeyOption = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="TLS: its key.")]
SpeedOption = Annotated[
    str | None, typer.Option("--max-speed", metavar="SPEED", help='The house\'s limit: "2.0 km/h".')
]
SheetOption = Annotated[
    Path | None, typer.Option("--sheet", metavar="FILE", help="What `backstride commission` wrote.")
]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Ask nothing: what is not given stays as it is.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the changes; write nothing.")]


def setup(  # noqa: PLR0917  Typer turns parameters into options
    config: ConfigOption = None,
    treadmill: IdOption = None,
    name: NameOption = None,
    address: AddressOption = None,
    adapter: AdapterOption = None,
    broker: BrokerOption = None,
    user: UserOption = None,
    password_file: PasswordOption = None,
    ca: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    max_speed: SpeedOption = None,
    sheet: SheetOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Find treadmill and broker, write the configuration, test it, and say what is missing.

    Asks what the options do not say. Comments stay, the old file is kept beside the new one, and nothing is
    written before the end. The password goes to where only the service finds it. Moves nothing.
    """
    from backstride.cli.terminal import quiet_logs
    from backstride.service.installation.answers import Answers, Place

    quiet_logs()
    place = Place.of(config)
    host, port = _split(broker)
    given = Answers(
        treadmill=treadmill,
        name=name,
        address=address,
        adapter=adapter,
        sheet=_absolute(sheet),
        host=host,
        port=port,
        user=user,
        password=None if password_file is None else _read_password(password_file),
        ca=_absolute(ca),
        cert=_absolute(cert),
        key=_absolute(key),
        max_speed=max_speed,
    )
    _set_up(place, given, ask=not yes, dry_run=dry_run)


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


def _set_up(place: Place, given: Answers, *, ask: bool, dry_run: bool) -> None:
    """From what was said to what is missing."""
    if not dry_run:
        _see_that_it_can_be_written(place)
    if ask and not sys.stdin.isatty():
        raise CommandFailedError("nobody is there to answer; --yes asks nothing", Exit.USAGE)
    try:
        changed = _propose(place, given, ask=ask, dry_run=dry_run)
    except (KeyboardInterrupt, EOFError):
        raise CommandFailedError("interrupted: nothing was written") from None
    if changed:
        _conclude(place)


def _propose(place: Place, given: Answers, *, ask: bool, dry_run: bool) -> bool:
    """Come to a configuration and write it; whether there is something to examine now."""
    from backstride.cli.setup_interview import Interview
    from backstride.cli.terminal import make_console, tell
    from backstride.resources import systemd_dir
    from backstride.service.installation.answers import apply, check, save

    console = make_console()
    try:
        source = place.file if place.file.exists() else systemd_dir() / "backstride.toml"
        old = source.read_text(encoding="utf-8")
    except PermissionError as error:
        raise NotYoursError(place.file) from error
    answers = given
    if ask:
        scan = partial(_scan, given.adapter)
        answers = Interview(old, given, console, _ask, scan).run()
    new = apply(old, answers, place)
    check(new, place)
    _show_changes(old if place.file.exists() else "", new, place)
    if dry_run:
        tell("nothing was written")
        return False
    if ask and _ask("\nWrite this? [y/n] (y) ", False).strip()[:1].casefold() not in {"", "y"}:
        tell("nothing was written")
        return False
    try:
        backup = save(new, answers, place, datetime.now().astimezone())
    except OSError as error:
        raise CommandFailedError(f"{error.filename} cannot be written: {error.strerror}") from error
    tell(f"written: {place.file}" + (f"; the old one is {backup}" if backup else ""))
    if answers.password is not None:
        tell(f"the password is in {place.secret}")
    return True


def _conclude(place: Place) -> None:
    """Examine everything, and say what comes next; ends with `doctor`'s exit code."""
    from backstride.cli.doctor import doctor
    from backstride.cli.terminal import tell

    tell("")
    try:
        doctor(place.file)
    finally:
        tell("")
        for line in _next_steps(place):
            tell(line)


def _next_steps(place: Place) -> Iterator[str]:
    from backstride.service.config import SYSTEM_FILE

    if place.file != SYSTEM_FILE:
        yield f"next: backstride run --config {place.file}"
        return
    if not any(unit.exists() for unit in _UNITS):
        yield "next: sudo backstride install"
    yield "next, beside the machine, while the service is stopped: sudo -u backstride backstride commission"
    yield "then: sudo backstride setup --yes --sheet THE_FILE_THAT_IT_WROTE"
    yield "and:  sudo systemctl enable --now backstride   (restart, if it runs already)"


def _show_changes(old: str, new: str, place: Place) -> None:
    from rich.text import Text

    from backstride.cli.terminal import make_console, tell

    if not old:
        tell(f"{place.file} will be new, with every key explained in it")
        return
    lines = list(unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0))[2:]
    if not lines:
        tell(f"{place.file} needs no change")
    for line in lines:
        if not line.startswith("@"):
            make_console().print(Text(line, style=_SIZES.get(line[:1], "")), soft_wrap=True)


async def _scan(adapter: str | None) -> tuple[Candidate, ...]:
    from backstride.ftms.discovery import scan
    from backstride.ftms.radio import Radio

    return await scan(Radio(adapter=adapter))


def _ask(prompt: str, secret: bool) -> str:
    if secret:
        import getpass

        return getpass.getpass(prompt)
    return input(prompt)


def _split(broker: str | None) -> tuple[str | None, int | None]:
    """HOST[:PORT] as both, or None for what was not said."""
    if broker is None:
        return None, None
    host, colon, port = broker.rpartition(":")
    if not colon:
        return broker, None
    if not port.isdecimal() or not host:
        raise CommandFailedError(f"{broker!r} is not HOST or HOST:PORT", Exit.USAGE)
    return host, int(port)


def _read_password(path: Path) -> str:
    """The first line of a file: never from the arguments, which everybody sees."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailedError(f"{path} cannot be read: {error}", Exit.USAGE) from error
    if not lines or not lines[0]:
        raise CommandFailedError(f"{path} is empty; write the password into it", Exit.USAGE)
    return lines[0]


def _see_that_it_can_be_written(place: Place) -> None:
    """Before anybody answers a question in vain.

    Raises:
        CommandFailedError: it cannot.
    """
    there = place.file.parent
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK):
        raise CommandFailedError(
            f"{place.file} is not for this user to write: sudo backstride setup (or -c FILE)"
        )
