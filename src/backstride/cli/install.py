"""`install`: become a service of this host, for those who came by pipx or pip; and undo it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.terminal import tell

if TYPE_CHECKING:
    from backstride.service.installation.plans import Origin
    from backstride.service.installation.steps import Step

_ELSEWHERE: Final = (
    "install it where the service can read it: sudo pipx install --global backstride,"
    " then: sudo backstride install"
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("install", rich_help_panel="Set up")(install)


DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show every step; write and run nothing.")
]
UndoOption = Annotated[
    bool, typer.Option("--undo", help="Remove what this made. Keeps sessions and settings.")
]
PurgeOption = Annotated[
    bool, typer.Option("--purge", help="With --undo: sessions, settings and the user as well.")
]
WatchdogOption = Annotated[
    bool,
    typer.Option(
        "--hardware-watchdog", help="Also let the computer's own watchdog restart it when it hangs."
    ),
]
RootOption = Annotated[
    Path, typer.Option("--root", metavar="DIR", help="Into this directory: an image, or a try.")
]
CommandOption = Annotated[
    Path | None,
    typer.Option("--command", metavar="PATH", help="What the units start (else this one)."),
]


def install(  # noqa: PLR0917  Typer turns parameters into options
    dry_run: DryRunOption = False,
    undo: UndoOption = False,
    purge: PurgeOption = False,
    watchdog: WatchdogOption = False,
    root: RootOption = Path("/"),
    command: CommandOption = None,
) -> None:
    """Make Backstride a service of this host: user, directories, units, completion, configuration.

    For those who came by pipx or pip; the Debian package has done all this. Starts nothing, overwrites no
    configuration, may be repeated, and refuses while a session runs.
    """
    from backstride.service.installation.plans import plan_install, plan_undo, plan_watchdog
    from backstride.service.installation.surroundings import is_packaged

    if purge and not undo:
        raise CommandFailedError("--purge goes with --undo", Exit.USAGE)
    root = root.absolute()
    packaged = root == Path("/") and is_packaged()
    if packaged and undo:
        raise CommandFailedError("the package installed this: apt remove backstride (or purge)")
    if packaged and not watchdog:
        tell("the package has installed all this already; next: sudo backstride setup")
        return
    origin = _find_origin(command, complete=not (undo or packaged))
    if undo:
        steps = plan_undo(origin, root, purge=purge)
    else:
        steps = [] if packaged else plan_install(origin, root)
        steps += plan_watchdog(origin, root) if watchdog else []
    if not dry_run:
        _check(root, origin, undo=undo or packaged)
    _take(steps, dry_run=dry_run)
    if dry_run:
        tell("nothing was written or run")
    elif undo:
        tell("removed" if purge else "removed; sessions and settings are where they were")
    elif not packaged:
        tell("installed; nothing was started. Next: sudo backstride setup")


def _find_origin(command: Path | None, *, complete: bool) -> Origin:
    from backstride.resources import systemd_dir
    from backstride.service.installation.plans import COMPLETIONS, Origin
    from backstride.service.installation.surroundings import own_command

    texts = {shell: _completion(shell) for shell in COMPLETIONS} if complete else {}
    chosen = command or own_command()
    return Origin(files=systemd_dir(), command=str(chosen), completions=texts)


def _completion(shell: str) -> str:
    """The script that makes a shell complete the command."""
    from typer._completion_shared import get_completion_script

    variable = "_BACKSTRIDE_COMPLETE"
    script = get_completion_script(prog_name="backstride", complete_var=variable, shell=shell)
    return f"{script}\n"


def _check(root: Path, origin: Origin, *, undo: bool) -> None:
    """See that now is a good moment, and this a good place.

    Raises:
        CommandFailedError: it is not; with the remedy.
    """
    from backstride.service.installation.plans import STATE
    from backstride.service.installation.surroundings import find_hidden, find_sessions

    if on := find_sessions(root / STATE, time.time()):
        raise CommandFailedError(
            f"a session is running on {', '.join(on)}, or its belt was never proven to be still;"
            " end it (backstride stop, or the console, while the daemon runs), then try again"
        )
    if root != Path("/"):
        return
    if os.geteuid() != 0:
        raise CommandFailedError("only root may do this: sudo backstride install (or --dry-run)")
    if undo:
        return
    if hidden := find_hidden(Path(origin.command), Path(sys.base_prefix)):
        raise CommandFailedError(f"no service may look into {hidden}; {_ELSEWHERE}")
    if not Path(origin.command).exists():
        raise CommandFailedError(f"{origin.command} is not there; {_ELSEWHERE}")


def _take(steps: Iterable[Step], *, dry_run: bool) -> None:
    from backstride.service.installation.steps import carry_out, describe

    for step in steps:
        tell(describe(step))
        if not dry_run:
            carry_out(step)
