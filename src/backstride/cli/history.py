"""`backstride history`: what was walked, read from the daemon's own file while it may write to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit, NotYoursError
from backstride.cli.options import ConfigOption, IdOption, JsonOption

if TYPE_CHECKING:
    from backstride.domain.record import Head
    from backstride.history.store import Store

_PANEL: Final = "Training"
_LAST: Final = "1"

history = typer.Typer(
    help="What was walked: list, show, plot and sum up sessions; delete them, back them up.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SessionArgument = Annotated[
    str,
    typer.Argument(
        metavar="[SESSION]",
        help="A number of the list (1 is the newest), or the beginning of an id.",
    ),
]
WalkerOption = Annotated[
    str | None, typer.Option("--walker", "-w", metavar="ID", help="Only this walker's sessions.")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(history, name="history", rich_help_panel=_PANEL)


@history.callback()
def _list(  # noqa: PLR0917  Typer turns parameters into options
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many, the newest.")] = 20,
    walker: WalkerOption = None,
    treadmill: IdOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    from backstride.cli.history_view import list_heads
    from backstride.cli.terminal import make_console, print_json
    from backstride.history.plain import head_data

    with open_history(config) as store:
        heads = store.heads(walker=walker, treadmill=treadmill, limit=limit)
    if as_json:
        print_json([head_data(head) for head in heads])
    else:
        make_console().print(list_heads(heads))


@history.command("show")
def _show(
    session: SessionArgument = _LAST, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show a session: figures, charts, steps and alarms."""
    from backstride.cli.history_view import show_record
    from backstride.cli.terminal import make_console, print_json
    from backstride.history.plain import record_data

    with open_history(config) as store:
        record = store.load(choose(store, session).id)
    if record is None:
        raise CommandFailedError("this session was deleted just now")
    if as_json:
        print_json(record_data(record))
    else:
        make_console().print(show_record(record))


@history.command("plot")
def _plot(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="An .svg or a .png.")
    ],
    session: SessionArgument = _LAST,
    config: ConfigOption = None,
) -> None:
    """Draw a session: speed against setpoint, incline, heart rate, steps."""
    from backstride.cli.figure import check_output, draw
    from backstride.cli.history_view import picture_of
    from backstride.cli.terminal import tell

    check_output(output)
    with open_history(config) as store:
        record = store.load(choose(store, session).id)
    if record is None or not record.samples:
        raise CommandFailedError("there is nothing to draw: nobody walked in this session")
    draw(picture_of(record), output)
    tell(f"written to {output}")


@history.command("week")
def _week(
    weeks: Annotated[int, typer.Option("--weeks", "-n", min=1, max=520, help="So many.")] = 8,
    walker: WalkerOption = None,
    treadmill: IdOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sum up the weeks: sessions, minutes backward, metres, top speed, effort."""
    from backstride.cli.history_view import list_weeks
    from backstride.cli.terminal import make_console, print_json
    from backstride.history.plain import week_data
    from backstride.history.week import add_up

    with open_history(config) as store:
        found = add_up(store.heads(walker=walker, treadmill=treadmill))[:weeks]
    if as_json:
        print_json([week_data(week) for week in found])
    else:
        make_console().print(list_weeks(found))


@history.command("delete")
def _delete(
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="A number of the list, or the id's beginning.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Erase a session for good."""
    from backstride.cli.history_view import describe_head
    from backstride.cli.terminal import tell

    with open_history(config, writes=True) as store:
        head = choose(store, session)
        if head.outcome is None:
            raise CommandFailedError("this session is walked right now; delete it when it is over")
        if not yes:
            typer.confirm(f"Erase {describe_head(head)}?", abort=True)
        store.delete(head.id)
    tell(f"erased {head.id}")


@history.command("backup")
def _backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    config: ConfigOption = None,
) -> None:
    """Copy the whole history into a new file; the daemon may run."""
    from backstride.cli.terminal import tell

    with open_history(config) as store:
        store.backup(file)
    tell(f"{file}: {file.stat().st_size // 1_000} kB; it holds what people said about their bodies")


@history.command("vacuum")
def _vacuum(config: ConfigOption = None) -> None:
    """Give the room of what was deleted back to the disk."""
    from backstride.cli.terminal import tell

    path = _find(config)
    before = path.stat().st_size
    with open_history(config, writes=True) as store:
        store.vacuum()
    tell(f"{before // 1_000} kB before, {path.stat().st_size // 1_000} kB now")


def open_history(config: Path | None, *, writes: bool = False) -> Store:
    """The history of this host's daemon.

    Raises:
        CommandFailedError: there is none yet (exit code 1).
    """
    from backstride.history.store import Store

    return Store(_find(config), writes=writes)


def _find(config: Path | None) -> Path:
    """Where the daemon of this configuration keeps it, else the system's daemon."""
    from backstride.cli.lookup import get_config
    from backstride.history.database import FILE
    from backstride.service.config import SYSTEM_STATE, state_directory

    homes = (state_directory(get_config(config)), SYSTEM_STATE)
    try:
        found = next((home / FILE for home in homes if (home / FILE).is_file()), None)
    except PermissionError as error:
        raise NotYoursError(error.filename) from error
    if found is None:
        raise CommandFailedError(f"nothing was recorded yet: there is no {homes[0] / FILE}")
    return found


def choose(store: Store, session: str) -> Head:
    """The session that is meant: by its number in the list, or by the beginning of its id.

    Raises:
        CommandFailedError: none, or more than one (exit code 2).
    """
    if session.isdecimal() and len(session) < 5:
        heads = store.heads(limit=int(session))
        if 0 < int(session) <= len(heads):
            return heads[-1]
    found = store.find(session)
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} sessions begin with" if found else "there is no session"
    raise CommandFailedError(f"{problem} {session!r}; `backstride history` lists them", Exit.USAGE)
