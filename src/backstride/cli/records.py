"""`replay`: tell again what happened in a session, from its journal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import ConfigOption

if TYPE_CHECKING:
    from backstride.domain.session import Transition
    from backstride.domain.units import Ms


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("replay", rich_help_panel="Service")(replay)


def replay(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="A journal; without it the newest one.", show_default=False
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every event, also telemetry and ticks.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: ConfigOption = None,
) -> None:
    """Replay a session's journal: what the machine said, what was asked, what was decided."""
    from rich.text import Text

    from backstride.cli.record_view import QUIET, clock, lines_of, record_of
    from backstride.cli.terminal import make_console, print_json_line
    from backstride.domain.units import show_speed
    from backstride.service.replay import replay as fold

    path = file or _newest(config)
    console = make_console()
    first: Ms | None = None
    seen: Counter[str] = Counter()
    last: Transition | None = None
    for event, transition in fold(path):
        first = event.at if first is None else first
        seen[type(event).__name__] += 1
        last = transition
        if as_json:
            if (
                everything
                or not isinstance(event, QUIET)
                or transition.notices
                or transition.orders
            ):
                print_json_line(record_of(event, transition))
            continue
        for text in lines_of(event, transition, everything=everything):
            console.print(
                Text.assemble((f"{clock(event.at - first)}  ", "dim"), text), soft_wrap=True
            )
    if not as_json and last is not None:
        s = last.session
        program = s.program.id if s.program else "no program"
        console.print(
            Text(
                f"{path.name}: {program}, {sum(seen.values())} events"
                f" ({seen['Telemetry']} telemetry), up to {show_speed(s.top_speed)}, last phase {s.phase}",
                style="bold",
            ),
            soft_wrap=True,
        )


def _newest(config: Path | None) -> Path:
    from backstride.cli.lookup import get_config
    from backstride.service.config import state_directory
    from backstride.service.journal import SUFFIX

    home = state_directory(get_config(config))
    found = sorted(home.glob(f"*/journal/*{SUFFIX}"), key=lambda path: path.name)
    if not found:
        raise CommandFailedError(
            f"there is no journal under {home}; name one, or the configuration with --config",
            Exit.USAGE,
        )
    return found[-1]
