"""`doctor`: is everything there that a session needs, and what to do about what is not?"""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import TYPE_CHECKING, Final

import typer
from rich.table import Table
from rich.text import Text

from backstride.cli.exits import Exit
from backstride.cli.options import ConfigOption, JsonOption
from backstride.cli.terminal import make_console, print_json, quiet_logs

if TYPE_CHECKING:
    from backstride.service.doctor.findings import Finding

_STYLES: Final = {"ok": "green", "note": "yellow", "problem": "bold red"}


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("doctor", rich_help_panel="Set up")(doctor)


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Examine Bluetooth, broker, treadmills and this computer, and say what to do. Moves nothing."""
    from backstride.service.doctor.examination import examine

    quiet_logs()
    found = asyncio.run(examine(config))
    counts = {level: sum(one.level == level for one in found) for level in _STYLES}
    if as_json:
        print_json({"counts": counts, "findings": found})
    else:
        _show(found, counts)
    if counts["problem"]:
        raise typer.Exit(Exit.REFUSED)


def _show(found: list[Finding], counts: dict[str, int]) -> None:
    console = make_console()
    for subject, findings in groupby(found, key=lambda finding: finding.subject):
        console.print(Text(subject.value, style="bold"))
        for finding in findings:
            level = finding.level.value
            row = Table.grid(padding=(0, 1))
            row.add_column(min_width=9, no_wrap=True)
            row.add_column(overflow="fold")
            row.add_row(Text(f"  {level}", style=_STYLES[level]), Text(finding.what))
            console.print(row)
            if finding.remedy is not None:
                # Not cut into lines: a command must survive being copied.
                console.print(Text(f"{'':10}→ {finding.remedy}", style="cyan"), soft_wrap=True)
    problems, notes = counts["problem"], counts["note"]
    told = f"{_count(problems, 'problem')}, {_count(notes, 'note')}"
    console.print()
    console.print(Text(told, style=_STYLES["problem" if problems else "ok"]))


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
