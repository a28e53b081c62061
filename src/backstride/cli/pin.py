"""`backstride pin`: make the hash of a PIN; and ask for one, where nobody else sees it."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit

_MODE: Final = 0o640


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("pin", rich_help_panel="Set up")(make_pin)


def make_pin(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A new file; else standard output."),
    ] = None,
) -> None:
    """Make the hash of a PIN without which a treadmill is not started; name its file with `pin_file`."""
    from backstride.cli.terminal import tell
    from backstride.mqtt.pin import PinError, PinHash

    pin = ask_pin()
    if sys.stdin.isatty() and ask_pin("PIN, again: ") != pin:
        raise CommandFailedError("these were two different PINs", Exit.USAGE)
    try:
        line = PinHash.make(pin).write()
    except PinError as error:
        raise CommandFailedError(str(error), Exit.USAGE) from error
    if output is None:
        print(line)
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    except OSError as error:
        raise CommandFailedError(f"{output} cannot be made ({error.strerror})") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{line}\n")
    tell(f"written: {output}. The service alone should read it: chown root:backstride {output}")
    tell(f'in backstride.toml, below its [[treadmill]]: pin_file = "{output.absolute()}"')


def ask_pin(prompt: str = "PIN: ") -> str:
    """Ask for a PIN; from a pipe it is one line. Never from the arguments: everybody sees those."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline().rstrip("\r\n")
