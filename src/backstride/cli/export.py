"""`history export`: sessions as files, for spreadsheets, watches and other people's software."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.history import WalkerOption, choose, history, open_history
from backstride.cli.options import ConfigOption
from backstride.history.export import Format

if TYPE_CHECKING:
    from backstride.domain.record import Head
    from backstride.history.store import Store


def register(app: typer.Typer) -> None:
    """Add the command to those of `history`."""
    del app
    history.command("export")(_export)


def _export(  # noqa: PLR0917  Typer turns parameters into options
    sessions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SESSION]...",
            help="Numbers of the list (1 is the newest), or beginnings of ids.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every session that is over.")] = False,
    form: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.FIT,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIRECTORY", help="Where to.")
    ] = Path(),
    walker: WalkerOption = None,
    config: ConfigOption = None,
) -> None:
    """Write sessions as FIT, TCX, CSV or JSON; a file that is there is written again."""
    from backstride.cli.terminal import tell
    from backstride.history.export import save

    with open_history(config) as store:
        for head in _chosen(store, sessions or [], walker, everything=everything):
            record = store.load(head.id)
            if record is not None:
                tell(str(save(record, form, output)))


def _chosen(
    store: Store, sessions: list[str], walker: str | None, *, everything: bool
) -> list[Head]:
    if everything and sessions:
        raise CommandFailedError("name sessions or say --all, not both", Exit.USAGE)
    if everything:
        return [head for head in store.heads(walker=walker) if head.outcome is not None]
    if sessions:
        return [choose(store, session) for session in sessions]
    newest = store.heads(walker=walker, limit=1)
    if not newest:
        raise CommandFailedError("nobody has walked yet")
    return list(newest)
