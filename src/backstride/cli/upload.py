"""`backstride upload`: sessions to Strava and intervals.icu, for those who logged in there."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import ConfigOption

if TYPE_CHECKING:
    from backstride.domain.record import Head
    from backstride.history.store import Store
    from backstride.history.upload import Service, Shelf

_PANEL: Final = "Training"
DIRECTORY: Final = "uploads"
"""In the state directory, beside the history."""

upload = typer.Typer(
    help="Send sessions to Strava or intervals.icu. Nothing is sent unless you ask for it here.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Where(StrEnum):
    """Who can be sent to."""

    STRAVA = "strava"
    INTERVALS = "intervals"


WhereArgument = Annotated[Where, typer.Argument(help="Who.", show_default=False)]
ServerOption = Annotated[str | None, typer.Option("--server", hidden=True)]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(upload, name="upload", rich_help_panel=_PANEL)


@upload.command("login")
def _login(
    where: WhereArgument,
    walker: Annotated[
        str | None,
        typer.Option("--walker", "-w", metavar="ID", help="Whose sessions go there, of several."),
    ] = None,
    server: ServerOption = None,
    config: ConfigOption = None,
) -> None:
    """Log in, once: Strava asks for an application of your own, intervals.icu for your API key."""
    from backstride.cli.terminal import tell

    shelf = _shelf(where, config)
    if where is Where.STRAVA:
        from backstride.history import strava

        tell("Make an application at https://www.strava.com/settings/api (callback: localhost).")
        login = strava.Login(
            client_id=typer.prompt("Its client ID").strip(),
            client_secret=typer.prompt("Its client secret", hide_input=True).strip(),
            walker=walker,
        )
        tell("Open this, allow the upload, and copy the address that the browser then shows:")
        tell(strava.authorisation_url(login))
        code = strava.code_in(typer.prompt("That address, or the code in it"))
        strava.Strava(shelf, server or strava.URL).log_in(login, code)
        tell("logged in at Strava")
    else:
        from backstride.history import intervals

        key = typer.prompt("API key (intervals.icu, Settings, Developer Settings)", hide_input=True)
        service = intervals.Intervals(shelf, server or intervals.URL)
        name = service.log_in(intervals.Login(key=key.strip(), walker=walker))
        tell(f"logged in at intervals.icu as {name}")


@upload.command("logout")
def _logout(where: WhereArgument, config: ConfigOption = None) -> None:
    """Forget the login. What is there stays there."""
    from backstride.cli.terminal import tell

    gone = _shelf(where, config).forget()
    tell(f"logged out of {where}" if gone else f"nobody was logged in at {where}")


@upload.command("send")
def _send(
    where: WhereArgument,
    sessions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SESSION]...",
            help="Numbers of `backstride history`, or beginnings of ids.",
            show_default=False,
        ),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="All that were not sent yet.")] = False,
    server: ServerOption = None,
    config: ConfigOption = None,
) -> None:
    """Send sessions. What was sent before is not sent again."""
    if new is bool(sessions):
        raise CommandFailedError(
            "name sessions, or say --new for all that were not sent", Exit.USAGE
        )
    from backstride.cli.history import open_history

    shelf = _shelf(where, config)
    with open_history(config) as store:
        owner = _owner(where, shelf)
        heads = _chosen(store, sessions, owner) if sessions else _fresh(store, shelf, owner)
        _send_all(store, shelf, _service(where, shelf, server), heads)


def _owner(where: Where, shelf: Shelf) -> str | None:
    """Whose sessions go there, as was said at the login.

    Raises:
        CommandFailedError: nobody logged in.
    """
    from backstride.history import intervals, strava

    login: strava.Login | intervals.Login | None = (
        shelf.read_login(strava.Login)
        if where is Where.STRAVA
        else shelf.read_login(intervals.Login)
    )
    if login is None:
        raise CommandFailedError(f"log in first: backstride upload login {where}")
    return login.walker


def _chosen(store: Store, sessions: list[str], owner: str | None) -> list[Head]:
    """The sessions that are named.

    Raises:
        CommandFailedError: one of them is somebody else's.
    """
    from backstride.cli.history import choose

    heads = [choose(store, session) for session in sessions]
    strange = next((one for one in heads if owner and one.walker not in {None, owner}), None)
    if strange is not None:
        raise CommandFailedError(f"{strange.id} is {strange.walker}'s session, not {owner}'s")
    return heads


def _send_all(store: Store, shelf: Shelf, service: Service, heads: list[Head]) -> None:
    """Send one after the other; what may be taken later does not keep back the others' report.

    Raises:
        CommandFailedError: at least one was not taken.
    """
    from backstride.cli.terminal import complain, tell
    from backstride.history.upload import UploadError, pack

    failed = 0
    for head in heads:
        known = shelf.sent()
        if head.id in known:
            tell(f"{head.id}: is there already: {known[head.id]}")
            continue
        record = store.load(head.id)
        if record is None or not record.samples:
            tell(f"{head.id}: nobody walked, so there is nothing to send")
            continue
        try:
            address = service.send(pack(record))
        except UploadError as error:
            failed += 1
            complain(f"{head.id}: {error}")
            if error.later:
                break  # a busy service is not asked again and again
            continue
        shelf.note(head.id, address)
        tell(f"{head.id}: {address}")
    if failed:
        raise CommandFailedError("not everything was taken; what was is remembered")


def _fresh(store: Store, shelf: Shelf, owner: str | None) -> list[Head]:
    """What is over and was not sent yet, the oldest first.

    Raises:
        CommandFailedError: several people walk here, and nobody said whose sessions are meant.
    """
    sent = shelf.sent()
    heads = [
        one
        for one in store.heads(walker=owner)
        if one.outcome is not None and one.walked > 0 and one.id not in sent
    ]
    if owner is None and len({one.walker for one in heads} - {None}) > 1:
        raise CommandFailedError(
            "several people walked here: say whose at `upload login --walker ID`"
        )
    return heads[::-1]


def _shelf(where: Where, config: Path | None) -> Shelf:
    from backstride.cli.lookup import get_config
    from backstride.service.config import state_directory

    try:
        from backstride.history.upload import Shelf
    except ImportError as error:
        raise CommandFailedError(
            "uploads are not installed; install backstride[upload]", Exit.USAGE
        ) from error
    return Shelf(state_directory(get_config(config)) / DIRECTORY, where)


def _service(where: Where, shelf: Shelf, server: str | None) -> Service:
    from backstride.history import intervals, strava

    if where is Where.STRAVA:
        return strava.Strava(shelf, server or strava.URL)
    return intervals.Intervals(shelf, server or intervals.URL)
