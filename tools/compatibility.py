"""`make compatibility`: docs/compatibility.md, from commissioning sheets.

Real machines come first, from `profiles/sheets`. Below stand the virtual ones, modelled after reports from
the field: each is commissioned by the robot of the rehearsal, so the table says what the wizard makes of it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from backstride.cli.terminal import quiet_logs
from backstride.domain.commissioning import Check, Proof, Sheet
from backstride.domain.units import KMH, show_incline, show_speed
from backstride.service.commissioning import CommissioningError
from backstride.service.rehearsal import rehearse
from backstride.service.sheet import read_sheet, told
from backstride.virtual.catalogue import list_machines, load_machine
from backstride.virtual.model import MachineModel

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs/compatibility.md"
SHEETS: Final = ROOT / "profiles/sheets"
BEGINNER: Final = KMH * 3 // 2
"""A beginner's plan is refused on a machine whose lowest speed is above this."""
FINE: Final = KMH
"""A machine that goes this slowly, in steps of FINE_STEP, suits everybody."""
FINE_STEP: Final = KMH // 10
_ELSEWHERE: Final = {Check.LINK_LOSS, Check.OUT_OF_RANGE}
"""The one has a column of its own; the other is never tried, for the sake of the machine."""
_COLUMNS: Final = (
    *("machine", "speeds", "incline", "beginners", "starts", "above 2.0 km/h", "unattended"),
    *("belt after link loss", "what failed or is open"),
)
_HEAD: Final = """# Which treadmills work

<!-- made by `make compatibility` from commissioning sheets; do not edit -->

No two treadmills are alike, and a name on a box says little: the same model comes with different firmware.
So the verdict on yours is its own commissioning sheet (`backstride commission`, 15 minutes), and this table
is only a help in choosing one. *Starts*: `remote` over the air, `console` by a press of the walker. *Above
2.0 km/h* and *unattended* (to run on without a broker) are allowed only where everything that they need was
proven. *Beginners*: a first plan needs a belt that goes 1.5 km/h or less; 1.0 km/h or less in steps of 0.1
km/h is what suits everybody.

"""
_REAL: Final = """## Real machines

"""
_NONE: Final = """**None yet.** Backstride has met frames recorded from real machines, and no real belt.
What its rules answer was reported from real ones. If you own a treadmill: [send the
first sheet](../profiles/sheets/README.md).

"""
_VIRTUAL: Final = """## Machines made of software

Each has the quirks that people reported of such a machine; speeds and slopes are the maker's or our choice
(its file in `profiles/machines` says which). The sheets are from rehearsals of the same wizard, with a
robot as the person: `backstride commission --machine NAME` shows one.

"""


def row(name: str, sheet: Sheet) -> str:
    """One machine."""
    speed, incline, unlocked = sheet.speed, sheet.incline, told(sheet.unlocked)
    told_here = [one for one in sheet.findings if one.check not in _ELSEWHERE]
    troubles = [f"{one.check}: {one.figure}" for one in told_here if one.proof is Proof.FAILED]
    open_yet = [one.check.value for one in told_here if one.proof is Proof.NOT_TESTED]
    if open_yet:
        troubles.append(f"not tested: {', '.join(open_yet)}")
    suits = "no"
    if speed.minimum <= BEGINNER:
        suits = "yes" if speed.minimum <= FINE and speed.increment <= FINE_STEP else "coarse"
    cells = (
        name,
        f"{show_speed(speed.minimum)} to {show_speed(speed.maximum)} by {show_speed(speed.increment)}",
        "none"
        if incline is None
        else f"{show_incline(incline.minimum)} to {show_incline(incline.maximum)}",
        suits,
        *unlocked.values(),
        "; ".join(troubles) or "nothing",
    )
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |\n"


def refused(model: MachineModel, why: CommissioningError) -> str:
    """A machine that the wizard gave up."""
    speed = f"{show_speed(model.speed.minimum)} to {show_speed(model.speed.maximum)}"
    cells = (f"`{model.key}`", speed, *("-",) * (len(_COLUMNS) - 3), f"not commissioned: {why}")
    return "| " + " | ".join(cells) + " |\n"


def table(rows: list[str]) -> str:
    """The rows below their head."""
    head = f"| {' | '.join(_COLUMNS)} |\n|{' --- |' * len(_COLUMNS)}\n"
    return head + "".join(rows) + "\n"


def real_machines(directory: Path = SHEETS) -> str:
    """The part about real machines.

    Raises:
        SheetError: a sheet claims what it does not prove.
    """
    sheets = [read_sheet(path) for path in sorted(directory.glob("*.yaml"))]
    return table([row(sheet.name or sheet.machine, sheet) for sheet in sheets]) if sheets else _NONE


def main() -> int:
    """Write the page."""
    quiet_logs()
    rows = []
    for name in list_machines():
        model = load_machine(name)
        try:
            rows.append(row(f"`{name}`: {model.about.rstrip('.')}", rehearse(model).sheet))
        except CommissioningError as error:
            rows.append(refused(model, error))
    PAGE.write_text(_HEAD + _REAL + real_machines() + _VIRTUAL + table(rows), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(rows)} virtual machines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
