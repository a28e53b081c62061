"""Commands about programs on paper: `programs`, `show`, `check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from backstride.cli.exits import Exit
from backstride.cli.options import ConfigOption, JsonOption, MachineOption

if TYPE_CHECKING:
    from backstride.domain.machine import Machine

_PANEL: Final = "Programs"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("programs", rich_help_panel=_PANEL)(list_programs)
    app.command("show", rich_help_panel=_PANEL)(show)
    app.command("check", rich_help_panel=_PANEL)(check)


def list_programs(
    machine: MachineOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List the programs: those that come with Backstride, and your own."""
    from backstride.cli.lookup import get_catalogue, get_config
    from backstride.cli.plan_view import list_plans
    from backstride.cli.planning import make_plan, plan_data
    from backstride.cli.terminal import complain, make_console, print_json

    settings = get_config(config)
    catalogue = get_catalogue(settings)
    known = _machine(machine)
    plans = [make_plan(program, known, settings.site.rules) for program in catalogue]
    if as_json:
        print_json([plan_data(plan) for plan in plans])
    else:
        make_console().print(list_plans(plans))
    for error in catalogue.errors:
        complain(str(error))
    if catalogue.errors:
        raise typer.Exit(Exit.REFUSED)


def show(
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="A program's id, or a file.")],
    machine: MachineOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Draw it as an .svg or .png."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a program: its steps as a table, its speeds and slope as a plot."""
    from backstride.cli.figure import check_output, draw
    from backstride.cli.lookup import get_config, get_program
    from backstride.cli.plan_view import show_plan
    from backstride.cli.planning import make_plan, picture_of, plan_data, steps_data
    from backstride.cli.terminal import complain, make_console, print_json, tell

    if output is not None:
        check_output(output)
    settings = get_config(config)
    plan = make_plan(get_program(program, settings), _machine(machine), settings.site.rules)
    if output is not None:
        draw(picture_of(plan), output)
    if as_json:
        print_json({**plan_data(plan), "steps": steps_data(plan)})
    elif output is None:
        make_console().print(show_plan(plan))
    else:
        tell(f"written to {output}")
    if plan.refusal is not None:
        complain(f"cannot run here: {plan.refusal}")
        raise typer.Exit(Exit.REFUSED)


def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES]",
            help="Programs (.yaml), configurations (.toml) or directories of them."
            " Without any: the configuration in effect and all its programs.",
            show_default=False,
        ),
    ] = None,
    machine: MachineOption = None,
    config: ConfigOption = None,
) -> None:
    """Check programs and configuration, and tell every problem with its place and its remedy."""
    from rich.text import Text

    from backstride.cli.checking import check_files
    from backstride.cli.terminal import make_console

    console = make_console()
    bad = 0
    for finding in check_files(files or [], config, machine):
        if finding.problem is None:
            good = Text.assemble(("ok  ", "green"), finding.name, (f"  {finding.note}", "dim"))
            console.print(good, soft_wrap=True)
        else:
            bad += 1
            # The problem's own lines begin with file:line:column, as editors read them.
            console.print(Text(finding.problem, style="red"), soft_wrap=True)
    if bad:
        raise typer.Exit(Exit.REFUSED)


def _machine(name: str | None) -> Machine | None:
    if name is None:
        return None
    from backstride.cli.lookup import describe_machine, get_model

    return describe_machine(get_model(name))
