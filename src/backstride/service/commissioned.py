"""What a configured treadmill may do, by its commissioning sheet: the configuration can only tighten it.

A real machine without a sheet is started at its console, goes at most at COMMISSIONING_SPEED, and never runs
without a broker that people can watch. A virtual one hurts nobody and is exempt.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.commissioning import Unlocked
from backstride.domain.limits import Caps
from backstride.domain.machine import BeltStart
from backstride.domain.workout import Program
from backstride.service.settings import Treadmill
from backstride.service.sheet import SheetError, read_sheet


class Grant(Struct, frozen=True, kw_only=True):
    """What one treadmill may do. `bound` is the fingerprint of the only machine that may be moved."""

    belt_start: BeltStart
    caps: Caps
    bound: str | None
    unattended: bool

    def allow(self, program: Program) -> Program:
        """The program as it may run here: one that runs without a broker needs a proven machine."""
        return program if self.unattended else replace(program, unsupervised=False)


def look_up(treadmill: Treadmill) -> Grant:
    """Read the treadmill's sheet, if it has one, and grant what both it and the configuration allow.

    Raises:
        SheetError: the sheet cannot be used, or is of another machine than the one configured.
    """
    if treadmill.virtual is not None:
        return Grant(
            belt_start=treadmill.belt_start,
            caps=treadmill.caps,
            bound=treadmill.fingerprint,
            unattended=True,
        )
    unlocked, bound = Unlocked(), treadmill.fingerprint
    if treadmill.sheet is not None:
        sheet = read_sheet(Path(treadmill.sheet))
        unlocked = sheet.unlocked
        if bound is not None and bound != sheet.fingerprint:
            raise SheetError(
                f"{treadmill.sheet}: is of the machine {sheet.fingerprint}, and {treadmill.id!r} is bound to"
                f" {bound}; remove `fingerprint`, or commission this machine"
            )
        bound = sheet.fingerprint
    both = treadmill.belt_start is BeltStart.REMOTE and unlocked.belt_start is BeltStart.REMOTE
    return Grant(
        belt_start=BeltStart.REMOTE if both else BeltStart.CONSOLE,
        caps=unlocked.caps(treadmill.caps),
        bound=bound,
        unattended=unlocked.unattended,
    )
