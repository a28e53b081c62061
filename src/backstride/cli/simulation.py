"""`simulate`: a whole session on a virtual machine, in about a second."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backstride.cli.exits import Exit
from backstride.cli.options import ConfigOption, JsonOption


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("simulate", rich_help_panel="Try it")(simulate)


def simulate(  # noqa: PLR0917  Typer turns parameters into options
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="A program's id, or a file.")],
    machine: Annotated[
        str,
        typer.Option(
            "--machine", "-m", metavar="NAME", help="`backstride virtual --list` lists them."
        ),
    ] = "ideal",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Draw it as an .svg or .png."),
    ] = None,
    jog: Annotated[
        bool, typer.Option("--jog", help="As at a site that unlocked the backward jog.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate a whole session on a virtual treadmill: the real service, in virtual time."""
    from backstride.cli.figure import check_output, draw
    from backstride.cli.lookup import get_config, get_model, get_program, site_rules
    from backstride.cli.simulation_view import data_of, picture_of, report_of
    from backstride.cli.terminal import make_console, print_json, quiet_logs, tell
    from backstride.domain.session import Phase
    from backstride.service.simulation import simulate as run

    if output is not None:
        check_output(output)
    settings = get_config(config)
    chosen, model = get_program(program, settings), get_model(machine)
    quiet_logs()
    result = run(chosen, model, site_rules(settings, jog=jog))
    name = model.identity.name or machine
    if output is not None and result.refusal is None:
        draw(picture_of(chosen, result, name), output)
    if as_json:
        print_json(data_of(chosen, result, machine))
    else:
        make_console().print(report_of(chosen, result, name))
        if output is not None and result.refusal is None:
            tell(f"written to {output}")
    if result.refusal is not None or result.phase is not Phase.FINISHED:
        raise typer.Exit(Exit.REFUSED)
