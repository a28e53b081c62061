"""`backstride walkers`: who walks here, what they told, and what follows from it. Kept on this host only."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit, NotYoursError
from backstride.cli.options import ConfigOption, JsonOption
from backstride.domain.readiness import Question
from backstride.domain.walker import Units
from backstride.domain.workout import Level

if TYPE_CHECKING:
    from backstride.history.store import Store
    from backstride.service.walkers import Book, Trainee

_PANEL: Final = "Training"

walkers = typer.Typer(
    help="Who walks here: add, change and show walkers; readiness questions; export and erase.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

WalkerArgument = Annotated[str, typer.Argument(metavar="WALKER", help="Their id.")]
NameOption = Annotated[str | None, typer.Option("--name", help="What people read.")]
LevelOption = Annotated[
    Level | None, typer.Option("--level", help="Where they begin; the plan unlocks more.")
]
WeightOption = Annotated[
    float | None, typer.Option("--weight", metavar="KG", help="For the estimate of energy.")
]
HeartOption = Annotated[
    int | None,
    typer.Option("--max-heart-rate", metavar="BPM", help="As measured or told by a professional."),
]
LanguageOption = Annotated[
    str | None, typer.Option("--language", metavar="CODE", help="Of the cues, like no.")
]
UnitsOption = Annotated[Units | None, typer.Option("--units", help="Of the cues.")]
SpeedOption = Annotated[
    str | None, typer.Option("--max-speed", metavar="SPEED", help="Their own limit: `2.5 km/h`.")
]
InclineOption = Annotated[
    str | None, typer.Option("--max-incline", metavar="INCLINE", help="Their own limit: `2 %`.")
]
TimeOption = Annotated[
    str | None,
    typer.Option("--max-backward-time", metavar="TIME", help="Their own limit: `12 min`."),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(walkers, name="walkers", rich_help_panel=_PANEL)


@walkers.callback()
def _root(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    if context.invoked_subcommand is None:
        _list(config, as_json)


@walkers.command("list")
def _list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List who walks here."""
    from backstride.cli.terminal import make_console, print_json, tell
    from backstride.cli.walkers_view import list_trainees

    book = read_people(config)
    if as_json:
        print_json([{"id": t.walker.id, "name": t.walker.name} for t in book.values()])
    elif book:
        make_console().print(list_trainees(tuple(book.values())))
    else:
        tell("nobody yet; add somebody with: backstride walkers add NAME")


@walkers.command("add")
def _add(  # noqa: PLR0917  Typer turns parameters into options
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people read.")],
    walker: Annotated[
        str | None, typer.Option("--id", help="What commands name; made from the name without.")
    ] = None,
    level: LevelOption = None,
    weight: WeightOption = None,
    max_heart_rate: HeartOption = None,
    language: LanguageOption = None,
    units: UnitsOption = None,
    max_speed: SpeedOption = None,
    max_incline: InclineOption = None,
    max_backward_time: TimeOption = None,
    config: ConfigOption = None,
) -> None:
    """Add somebody, and ask the readiness questions where there is a terminal."""
    from backstride.cli.terminal import tell
    from backstride.cli.walkers_edit import ask_readiness, change, make_id
    from backstride.domain.walker import Walker

    chosen = make_id(name) if walker is None else walker
    new = change(
        Walker(id=chosen, name=name), level=level, weight=weight, max_heart_rate=max_heart_rate,
        language=language, units=units, max_speed=max_speed, max_incline=max_incline,
        max_backward_time=max_backward_time,
    )  # fmt: skip
    with open_people(config) as store:
        if store.walker(chosen) is not None:
            raise CommandFailedError(f"there is a walker {chosen!r} already; name another --id")
        if sys.stdin.isatty():
            new = ask_readiness(new)
        store.save_walker(new)
    tell(f"{new.name} is {new.id!r} in commands, within 10 s: backstride start --walker {new.id}")
    if new.readiness is None:
        tell(f"the cautious limits apply until: backstride walkers readiness {new.id}")


@walkers.command("edit")
def _edit(  # noqa: PLR0917  Typer turns parameters into options
    walker: WalkerArgument,
    name: NameOption = None,
    level: LevelOption = None,
    weight: WeightOption = None,
    max_heart_rate: HeartOption = None,
    language: LanguageOption = None,
    units: UnitsOption = None,
    max_speed: SpeedOption = None,
    max_incline: InclineOption = None,
    max_backward_time: TimeOption = None,
    forget: Annotated[
        list[str] | None,
        typer.Option(
            "--forget", metavar="WHAT", help="weight, max-heart-rate, language, units, limits."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Change what somebody told; what is not named stays."""
    from backstride.cli.terminal import tell
    from backstride.cli.walkers_edit import change
    from backstride.service.walkers import read_book

    with open_people(config) as store:
        known = find_trainee(read_book(store), walker).walker
        store.save_walker(
            change(
                known, name=name, level=level, weight=weight, max_heart_rate=max_heart_rate,
                language=language, units=units, max_speed=max_speed, max_incline=max_incline,
                max_backward_time=max_backward_time, forget=tuple(forget or ()),
            )
        )  # fmt: skip
    tell(f"{walker} is changed; it holds from the next start on")


@walkers.command("show")
def _show(walker: WalkerArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what is known of somebody, what they answered, and the limits that follow."""
    from backstride.cli.terminal import make_console, print_json
    from backstride.cli.walkers_view import show_trainee
    from backstride.service.walkers import local_now

    found = find_trainee(read_people(config), walker)
    if as_json:
        print_json(found.walker)
    else:
        make_console().print(show_trainee(found, local_now()))


@walkers.command("readiness")
def _readiness(
    walker: WalkerArgument,
    yes: Annotated[
        list[Question] | None, typer.Option("--yes", help="Answered with yes; may be repeated.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="No question is answered with yes.")] = False,
    agreed: Annotated[
        bool,
        typer.Option("--agreed", help="A doctor or physiotherapist knows of the yes and agreed."),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Answer the readiness questions, one by one or by options."""
    from backstride.cli.terminal import tell
    from backstride.cli.walkers_edit import answer, ask_readiness
    from backstride.domain.readiness import explain
    from backstride.service.walkers import local_now, read_book

    if none is bool(yes) and (none or not sys.stdin.isatty()):
        raise CommandFailedError("say either --none or one --yes for each yes", Exit.USAGE)
    with open_people(config) as store:
        found = find_trainee(read_book(store), walker)
        asked = not (none or yes)
        new = (
            ask_readiness(found.walker) if asked else answer(found.walker, tuple(yes or ()), agreed)
        )
        store.save_walker(new)
    tell(explain(new.readiness, local_now().at, found.walked))


@walkers.command("export")
def _export(
    walker: WalkerArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Else standard output.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write everything that is kept of somebody as JSON: what they told, and each of their sessions."""
    import msgspec

    from backstride.cli.terminal import print_json, tell
    from backstride.history.private import private
    from backstride.service.walkers import read_book

    with open_people(config) as store:
        found = find_trainee(read_book(store), walker)
        sessions = [store.load(head.id) for head in found.heads]
    data = {"walker": found.walker, "sessions": [each for each in sessions if each is not None]}
    if output is None:
        print_json(data)
        return
    try:
        with open(output, "wb", opener=private) as file:
            file.write(msgspec.json.encode(data))
    except OSError as error:
        raise CommandFailedError(f"{output} cannot be written: {error.strerror}") from error
    tell(f"written to {output}: {len(sessions)} sessions")


@walkers.command("erase")
def _erase(
    walker: WalkerArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Erase somebody for good: what they told, their sessions, and the journals in which they are named."""
    from backstride.cli.terminal import tell
    from backstride.service.choice import forget_choice, walks_now
    from backstride.service.walkers import erase_journals, read_book

    state = _file(config).parent
    with open_people(config) as store:
        found = find_trainee(read_book(store), walker)
        if walks_now(state, walker) or any(not h.outcome for h in store.heads(walker=walker)):
            raise CommandFailedError(
                f"a session of {found.walker.name} has not ended: backstride stop, then erase again;"
                " what a crash cut off ends when the daemon starts"
            )
        asked = f"Erase {found.walker.name} and {len(found.heads)} sessions for good?"
        if not yes and not (sys.stdin.isatty() and typer.confirm(asked)):
            raise CommandFailedError("nothing was erased; with --yes it is done without a question")
        sessions = store.erase_walker(walker)
    journals = erase_journals(state, walker)
    forget_choice(state, walker)
    tell(
        f"erased: {found.walker.name}, {sessions} sessions, {journals} journals. Files that were exported or"
        " uploaded before are still where they went"
    )


def open_people(config: Path | None) -> Store:
    """The history of this host's daemon, made where there is none yet.

    Raises:
        CommandFailedError: it may not be written by us.
    """
    from backstride.history.store import Store

    path = _file(config)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandFailedError(f"{path} cannot be written ({error.strerror})") from error
    return Store(path)


def read_people(config: Path | None) -> Book:
    """Everybody who walks here, with their sessions; nobody where there is no history yet."""
    from backstride.history.store import Store
    from backstride.service.walkers import read_book

    path = _file(config)
    if not path.exists():
        return {}
    with Store(path, writes=False) as store:
        return read_book(store)


def _file(config: Path | None) -> Path:
    """The history of this host's daemon, or where its first start will look for one."""
    from backstride.cli.lookup import get_config
    from backstride.history.database import FILE
    from backstride.service.config import SYSTEM_STATE, state_directory

    known = get_config(config)
    homes = [state_directory(known)]
    if not known.service.state_directory:
        homes.append(SYSTEM_STATE)  # systemd's word, which only the service itself hears
    try:
        found = next((home for home in homes if (home / FILE).is_file()), None)
    except PermissionError as error:
        raise NotYoursError(error.filename) from error
    return (found or next((home for home in reversed(homes) if home.is_dir()), homes[0])) / FILE


def find_trainee(book: Book, walker: str) -> Trainee:
    """A walker with their sessions.

    Raises:
        CommandFailedError: nobody has this id (exit code 2).
    """
    if walker not in book:
        there = ", ".join(book) or "nobody yet"
        raise CommandFailedError(f"nobody here has the id {walker!r}; there is {there}", Exit.USAGE)
    return book[walker]
