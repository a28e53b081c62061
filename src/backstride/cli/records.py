"""`replay` tells again what happened in a session; `support-bundle` packs what a bug report needs."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backstride.cli.exits import CommandFailedError, Exit, NotYoursError
from backstride.cli.options import ConfigOption

if TYPE_CHECKING:
    from backstride.domain.session import Transition
    from backstride.domain.units import Ms


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("replay", rich_help_panel="Service")(replay)
    app.command("support-bundle", rich_help_panel="Service")(support_bundle)


def replay(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A journal, or a support bundle; without it the newest journal.",
            show_default=False,
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            help="Which of a bundle's sessions, by a part of its name; without it the newest."
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every event, also telemetry and ticks.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: ConfigOption = None,
) -> None:
    """Replay a session's journal: what the machine said, what was asked, what was decided."""
    with ExitStack() as stack:
        _tell(
            _choose(file, session, stack) if file else _newest(config),
            everything=everything,
            as_json=as_json,
        )


def _tell(path: Path, *, everything: bool, as_json: bool) -> None:
    from rich.text import Text

    from backstride.cli.record_view import QUIET, clock, lines_of, record_of
    from backstride.cli.terminal import make_console, print_json_line
    from backstride.domain.units import show_speed
    from backstride.service.replay import replay as fold

    console = make_console()
    first: Ms | None = None
    seen: Counter[str] = Counter()
    last: Transition | None = None
    for event, transition in fold(path):
        first = event.at if first is None else first
        seen[type(event).__name__] += 1
        last = transition
        if as_json:
            quiet = isinstance(event, QUIET) and not transition.notices and not transition.orders
            if everything or not quiet:
                print_json_line(record_of(event, transition))
            continue
        for text in lines_of(event, transition, everything=everything):
            console.print(
                Text.assemble((f"{clock(event.at - first)}  ", "dim"), text), soft_wrap=True
            )
    if not as_json and last is not None:
        s = last.session
        program = s.program.id if s.program else "no program"
        told = (
            f"{path.name}: {program}, {seen.total()} events ({seen['Telemetry']} telemetry),"
            f" up to {show_speed(s.top_speed)}, last phase {s.phase}"
        )
        console.print(Text(told, style="bold"), soft_wrap=True)


def _choose(file: Path, session: str | None, stack: ExitStack) -> Path:
    """The journal that is meant: the file itself, or a session of a support bundle."""
    import tarfile
    import tempfile

    from backstride.service.bundle import sessions_of, take_out

    try:
        if not (file.is_file() and tarfile.is_tarfile(file)):
            return file
    except PermissionError as error:
        raise NotYoursError(file) from error
    names = sessions_of(file)
    if not names:
        raise CommandFailedError(f"{file} has no session in it")
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="backstride-"))
    return take_out(file, session or names[-1], Path(directory))


def support_bundle(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write.", show_default=False),
    ] = None,
    sessions: Annotated[
        int, typer.Option(min=0, max=200, help="So many of each treadmill's newest sessions.")
    ] = 5,
    config: ConfigOption = None,
) -> None:
    """Pack what a bug report needs: findings, versions, configuration, logs, sessions."""
    import asyncio
    import time

    from backstride.cli.terminal import quiet_logs, tell
    from backstride.history.private import private
    from backstride.service.bundle import collect, manifest_of

    quiet_logs()
    path = output or Path(time.strftime("backstride-support-%Y%m%d-%H%M%S.tar.gz"))
    packed = asyncio.run(collect(config, sessions))
    try:
        with open(path, "xb", opener=private) as file:
            file.write(packed)
    except FileExistsError as error:
        raise CommandFailedError(f"{path} is there already; name another with --output") from error
    except OSError as error:
        raise CommandFailedError(f"{path} cannot be written: {error.strerror}") from error
    manifest = manifest_of(path)
    tell(
        f"{path}: {path.stat().st_size // 1000} kB, {len(manifest.files)} files; look through it first"
    )
    for missing in manifest.missing:
        tell(f"  not in it: {missing.name}: {missing.reason}")


def _newest(config: Path | None) -> Path:
    """The newest journal of this host's daemon: of this configuration's, else of the system's.

    Raises:
        CommandFailedError: there is none (exit code 2), or it is not for this user to look.
    """
    from backstride.cli.lookup import get_config
    from backstride.service.config import SYSTEM_STATE, state_directory

    known = get_config(config)
    homes = [state_directory(known)]
    if not known.service.state_directory:
        homes.append(SYSTEM_STATE)  # systemd's word, which only the service itself hears
    for home in homes:
        if found := _journals(home):
            return max(found, key=lambda path: path.name)
    raise CommandFailedError(
        f"there is no journal under {homes[0]}; name one, or the configuration with --config",
        Exit.USAGE,
    )


def _journals(home: Path) -> list[Path]:
    from backstride.service.journal import SUFFIX

    try:
        # `glob` passes silently over what it may not enter.
        treadmills = [place for place in home.iterdir() if (place / "journal").is_dir()]
        return [
            path
            for place in treadmills
            for path in (place / "journal").iterdir()
            if path.suffix == SUFFIX
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:
        raise NotYoursError(error.filename) from error
