"""`commission`: prove what a new machine does, with an empty belt and a person beside the key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import ConfigOption, IdOption, JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from backstride.domain.commissioning import Finding, Sheet
    from backstride.service.config import Config, Treadmill


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("commission", rich_help_panel="Set up")(commission)


WhoOption = Annotated[
    str, typer.Option("--who", metavar="NAME", help="Who stands beside the machine.")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the sheet here.")
]
RehearseOption = Annotated[
    str | None,
    typer.Option(
        "--machine",
        "-m",
        metavar="NAME",
        help="Rehearse on a virtual machine with a robot person; writes only with --output.",
    ),
]


def commission(  # noqa: PLR0917  Typer turns parameters into options
    treadmill: IdOption = None,
    who: WhoOption = "not named",
    output: OutputOption = None,
    machine: RehearseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Commission a new machine: an empty belt, a person beside the safety key, at most 2.0 km/h.

    Asks for about 15 minutes of your time, and writes what was proven into a sheet. What is not proven
    stays locked: starts over the air, speeds above 2.0 km/h, sessions without a broker.
    """
    from backstride.cli.lookup import get_config, get_model
    from backstride.cli.terminal import print_json, quiet_logs, tell
    from backstride.service.config import state_directory
    from backstride.service.rehearsal import rehearse
    from backstride.service.sheet import told, write_sheet

    quiet_logs()
    if machine is not None:
        sheet = rehearse(get_model(machine), report=None if as_json else _report).sheet
    else:
        settings = get_config(config)
        chosen = _choose(settings, treadmill)
        sheet = _commission(settings, chosen, who)
        output = output or state_directory(settings) / "machines" / f"{chosen.id}.yaml"
    if output is not None:
        write_sheet(sheet, output)
    if as_json:
        print_json({"sheet": sheet, "unlocked": told(sheet.unlocked)})
        return
    _print(conclusion_of(sheet))
    if output is not None:
        tell(f"written to {output}")
        if machine is None:
            tell(
                f'now name it under [[treadmill]] in the configuration: sheet = "{output.resolve()}"'
            )


def _choose(settings: Config, wanted: str | None) -> Treadmill:
    """The configured treadmill that is meant."""
    known = {one.id: one for one in settings.treadmills}
    if wanted is None and len(known) == 1:
        wanted = next(iter(known))
    found = known.get(wanted or "")
    if found is None:
        sentence = f"choose a treadmill with --id: {', '.join(known)}"
        raise CommandFailedError(sentence, Exit.USAGE)
    if found.virtual is not None:
        sentence = f"{found.id!r} is virtual and needs no sheet; try `--machine {found.virtual}`"
        raise CommandFailedError(sentence, Exit.USAGE)
    return found


def _commission(settings: Config, treadmill: Treadmill, who: str) -> Sheet:
    """The wizard, on the real machine, with the person at this terminal."""
    from backstride.cli.bystander import Bystander
    from backstride.ftms.discovery import parse_target
    from backstride.ftms.radio import Radio
    from backstride.ftms.treadmill import BleakTreadmill
    from backstride.service import local
    from backstride.service.clock import LoopClock
    from backstride.service.commissioning import Commissioner
    from backstride.service.config import state_directory
    from backstride.service.recovery import lock
    from backstride.service.trial import Trial

    async def run() -> Sheet:
        # Who holds the lock is whom `backstride stop` tells: that ends it as Ctrl-C does.
        if task := asyncio.current_task():
            asyncio.get_running_loop().add_signal_handler(local.STOP, task.cancel)
        # The daemon holds the same lock: two of them on one belt would take it from each other.
        with lock(state_directory(settings) / treadmill.id):
            clock = LoopClock()
            radio = Radio(adapter=treadmill.adapter)
            belt = BleakTreadmill(parse_target(treadmill.target), clock=clock, radio=radio)
            wizard = Commissioner(Trial(belt, clock), Bystander(), _report)
            return await wizard.run(treadmill.id, datetime.now(UTC).date().isoformat(), who)

    try:
        return asyncio.run(run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise CommandFailedError("interrupted: Stop was sent, nothing was written") from None


def _print(what: RenderableType) -> None:
    from backstride.cli.terminal import make_console

    make_console().print(what)


def _report(finding: Finding) -> None:
    from rich.text import Text

    from backstride.domain.commissioning import Proof

    style = {Proof.PROVEN: "green", Proof.FAILED: "red", Proof.NOT_TESTED: "yellow"}[finding.proof]
    line = Text.assemble(
        f"{finding.check:<14}", (f"{finding.proof:<11}", style), (finding.figure, "dim")
    )
    line.no_wrap, line.overflow = False, "fold"
    _print(line)


def conclusion_of(sheet: Sheet) -> RenderableType:
    """What the sheet unlocks, in words."""
    from rich.text import Text

    from backstride.service.sheet import told

    parts = [f"{key}: {value}" for key, value in told(sheet.unlocked).items()]
    return Text("\n" + "\n".join(parts), style="bold")
