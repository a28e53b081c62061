"""`backstride import`: other people's workouts as programs, with a report of what had to be tightened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import ConfigOption

if TYPE_CHECKING:
    from backstride.domain.units import Speed
    from backstride.scripts.imports.blocks import Foreign
    from backstride.scripts.imports.fitting import Fitted

_ENDINGS: Final = {".zwo": "xml", ".xml": "xml", ".fit": "fit"}
_SHOWN: Final = 20
"""So many notes are shown; a workout of a hundred fast intervals has a hundred."""


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("import", rich_help_panel="Programs")(import_workout)


def import_workout(  # noqa: PLR0917  Typer turns parameters into options
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .zwo, a FIT workout, or QZ's .xml.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The .yaml to write.", show_default=False
        ),
    ] = None,
    top: Annotated[
        str | None,
        typer.Option(help="Scale it so that its fastest speed is this one: '2.5 km/h'."),
    ] = None,
    threshold: Annotated[
        str | None, typer.Option(help="The speed that a .zwo calls 1: '3.0 km/h'.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the .yaml.")] = False,
    config: ConfigOption = None,
) -> None:
    """Make a program of somebody's workout. It is lowered to your limits, never raised."""
    from backstride.cli.lookup import get_config
    from backstride.cli.terminal import tell
    from backstride.scripts.imports.fitting import Bounds, fit

    path = output or Path(f"{_id(file.stem)}.yaml")
    if path.exists() and not force:
        raise CommandFailedError(f"{path} is there already; name another with --output", Exit.USAGE)
    site = get_config(config).site
    bounds = Bounds(
        speed=site.max_speed,
        incline=site.max_incline,
        backward=site.max_backward_time,
        top=_speed(top, "--top"),
    )
    fitted = fit(_read(file, _speed(threshold, "--threshold")), bounds, _id(path.stem))
    try:
        path.write_text(fitted.text, encoding="utf-8")
    except OSError as error:
        raise CommandFailedError(f"{path} cannot be written: {error.strerror}") from error
    _report(fitted)
    tell(f"{path}: look through it, then `backstride show {path}`")


def _read(file: Path, threshold: Speed | None) -> Foreign:
    from backstride.scripts.imports.blocks import LARGEST

    kind = _ENDINGS.get(file.suffix.lower())
    if kind is None:
        endings = ", ".join(_ENDINGS)
        raise CommandFailedError(f"{file.name}: only {endings} can be imported", Exit.USAGE)
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise CommandFailedError(f"{file} cannot be read: {error.strerror}", Exit.USAGE) from error
    if kind == "fit":
        from backstride.scripts.imports.fitworkout import read_fit

        return read_fit(data, file.stem)
    from backstride.scripts.imports.markup import read_xml

    return read_xml(data, file.stem, threshold)


def _speed(text: str | None, option: str) -> Speed | None:
    from backstride.domain.errors import UnitError
    from backstride.domain.units import parse_speed

    if text is None:
        return None
    try:
        speed = parse_speed(text)
    except UnitError as error:
        raise CommandFailedError(f"{option}: {error}", Exit.USAGE) from error
    if speed < 1:
        raise CommandFailedError(f"{option}: {text} is no speed to walk at", Exit.USAGE)
    return speed


def _report(fitted: Fitted) -> None:
    from backstride.cli.terminal import tell

    for title, notes in (("tightened", fitted.tightened), ("refused", fitted.refused)):
        for note in notes[:_SHOWN]:
            tell(f"{title}: {note}")
        if len(notes) > _SHOWN:
            tell(f"{title}: and {len(notes) - _SHOWN} more of the kind")


def _id(name: str) -> str:
    """A program's id of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "imported"
