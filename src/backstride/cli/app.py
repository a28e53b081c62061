"""The command line: one Typer application, one module for each group of commands.

A module's heavy imports are inside its commands, so that `backstride stop` does not wait for what only
`backstride simulate` needs.
"""

from __future__ import annotations

import importlib
import shlex
import sys
import traceback
from typing import Annotated, Final

import typer

from backstride import __version__
from backstride.cli import (
    broker_init,
    commands,
    commission,
    contract,
    doctor,
    export,
    exporter,
    fleet,
    gym,
    history,
    homeassistant,
    importing,
    install,
    page,
    pin,
    plans,
    radio,
    records,
    settings,
    setup,
    simulation,
    speaker,
    training,
    upload,
    walkers,
    watch,
)
from backstride.cli.exits import CommandFailedError, Exit, NotYoursError
from backstride.cli.rescue import SUMMARY as RESCUE_SUMMARY
from backstride.cli.run import SUMMARY as RUN_SUMMARY
from backstride.domain.errors import BackstrideError

_EPILOG: Final = (
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration, 3 no broker, 4 no answer.\n\n"
    "Backstride is not a safety device. Wear the safety clip."
)

app = typer.Typer(
    name="backstride",
    help="Guided backward walking on a Bluetooth treadmill.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"backstride {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")
    ] = False,
) -> None:
    del version, debug  # both are done with before this is called


@app.command(
    "demo",
    rich_help_panel="Try it",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def _demo(context: typer.Context) -> None:
    """Run a short session with a virtual treadmill: broker, daemon and live view, nothing to set up."""
    try:
        demo = importlib.import_module("backstride.cli.demo")
    except ImportError as error:
        raise CommandFailedError(
            f"the demo is not installed ({error.name} is missing); install backstride[demo]"
        ) from error
    code: int = demo.main(context.args)
    raise typer.Exit(code)


# In the order in which `--help` has them.
for group in (
    simulation,
    plans,
    importing,
    watch,
    commands,
    fleet,
    training,
    walkers,
    history,
    export,
    upload,
    setup,
    doctor,
    commission,
    radio,
    settings,
    install,
    broker_init,
    gym,
    pin,
):
    group.register(app)


@app.command(
    "run",
    help=RUN_SUMMARY,
    rich_help_panel="Service",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def _run(context: typer.Context) -> None:
    # Only reached in unusual ways, such as options before the command: `main` has its own path.
    from backstride.cli.run import main as run

    raise typer.Exit(run(context.args))


@app.command(
    "rescue",
    help=RESCUE_SUMMARY,
    rich_help_panel="Service",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def _rescue(context: typer.Context) -> None:
    # As `run`.
    from backstride.cli.rescue import main as rescue

    raise typer.Exit(rescue(context.args))


for group in (page, speaker, exporter, homeassistant, contract, records):
    group.register(app)


def main(argv: list[str]) -> int:
    """Run one command and return its exit code; errors are one line, without a traceback."""
    debug = "--debug" in argv
    try:
        app(args=[word for word in argv if word != "--debug"], prog_name="backstride")
    except BackstrideError as error:
        if debug:
            traceback.print_exc()
        remedy = f"; try: sudo {shlex.join(('backstride', *argv))}"
        print(f"{error}{remedy if isinstance(error, NotYoursError) else ''}", file=sys.stderr)
        return error.code if isinstance(error, CommandFailedError) else Exit.REFUSED
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing may be flushed into it at exit.
        sys.stdout = None
        return Exit.OK
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Exit.OK
    return Exit.OK
