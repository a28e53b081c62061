"""Commissioning: what was proven on one machine, and what that unlocks.

Theory of operation
-------------------
A machine is guilty until proven innocent: as long as a capability is not proven it stays locked, and
"not tested" is not "proven". The checks are made once, with an empty belt and a person beside the safety
key, and never above COMMISSIONING_SPEED. What is unlocked follows from the verdicts by `unlock`
and from nothing else, so a sheet cannot claim what its own checks do not show.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from backstride.domain.limits import Caps
from backstride.domain.machine import BeltStart, InclineRange, SpeedRange
from backstride.domain.units import KMH, Speed

COMMISSIONING_SPEED: Final[Speed] = 2 * KMH
"""Nothing is commanded above it while a machine is not proven: a slow walk, easy to step off [CHOICE]."""
UNPROVEN: Final = "not commissioned: `backstride commission` proves what this machine does"
"""Why an unproven machine is slow, wherever the limit is shown."""


class Check(StrEnum):
    """What is looked at, in this order. The values are the keys of a sheet."""

    IDENTITY = "identity"
    """It says who it is, and is recognised by it."""
    RANGES = "ranges"
    """Its speeds can be used at all."""
    CONNECTING = "connecting"
    """The belt stands, and stays so when we connect."""
    RUNNING = "running"
    """A belt that was started keeps running by itself."""
    TELEMETRY = "telemetry"
    """A moving belt is reported, often enough."""
    PROBE = "probe"
    """It does what it is told: a no-op first, then one step up."""
    UNITS = "units"
    """What it says is the true speed, by counted revolutions of the belt."""
    CONSOLE = "console"
    """What a person does at the console is seen."""
    STOP = "stop"
    """A Stop brings the belt to rest, and that is seen."""
    STOP_AGAIN = "stop again"
    """A second Stop while the belt coasts does no harm."""
    REMOTE_START = "remote start"
    """A Start over the air starts it at its lowest speed, also after a faster run."""
    SAFETY_KEY = "safety key"
    """Pulling the key stops the belt."""
    LINK_LOSS = "link loss"
    """The belt stops when the connection ends."""
    SECOND_CLIENT = "second client"
    """Another app cannot take control unnoticed."""
    OUT_OF_RANGE = "out of range"
    """It refuses what is beyond its range."""


class Proof(StrEnum):
    """How a check ended."""

    PROVEN = "proven"
    FAILED = "failed"
    NOT_TESTED = "not tested"


class Finding(Struct, frozen=True):
    """One check's verdict with its figures, as a sentence with units."""

    check: Check
    proof: Proof
    figure: str


class OnLinkLoss(StrEnum):
    """What the belt does when the connection ends."""

    STOPS = "stops"
    RUNS_ON = "runs on"
    UNKNOWN = "unknown"


class Unlocked(Struct, frozen=True, kw_only=True):
    """What a machine may do. `cap` None: no cap of its own, the site's holds."""

    belt_start: BeltStart = BeltStart.CONSOLE
    cap: Speed | None = COMMISSIONING_SPEED
    unattended: bool = False
    on_link_loss: OnLinkLoss = OnLinkLoss.UNKNOWN

    def caps(self, own: Caps) -> Caps:
        """The machine layer's caps: what is configured (`own`), and not more than is proven."""
        if self.cap is None or (own.speed is not None and own.speed <= self.cap):
            return own
        return Caps(
            reason=UNPROVEN, speed=self.cap, incline=own.incline, backward_time=own.backward_time
        )


BASICS: Final = frozenset(
    {Check.RANGES, Check.CONNECTING, Check.RUNNING, Check.TELEMETRY, Check.PROBE, Check.STOP}
)
"""Without these nothing is unlocked."""
FOR_REMOTE_START: Final = BASICS | {Check.SAFETY_KEY, Check.REMOTE_START}
FOR_SPEED: Final = BASICS | {Check.SAFETY_KEY, Check.UNITS}
"""At 2.0 km/h a wrong unit is a nuisance (3.2 km/h), at 4.0 km/h it is a run."""
FOR_UNATTENDED: Final = FOR_SPEED | {Check.CONSOLE, Check.STOP_AGAIN, Check.LINK_LOSS}
"""Nobody watches: the machine must stop by itself when we are gone, and take Stop in any number."""


class Sheet(Struct, frozen=True, kw_only=True):
    """The commissioning sheet of one machine: whose, by whom, when, and every finding."""

    machine: str
    date: str
    who: str
    address: str
    name: str | None
    fingerprint: str
    speed: SpeedRange
    incline: InclineRange | None
    findings: tuple[Finding, ...]

    @property
    def unlocked(self) -> Unlocked:
        """What this sheet unlocks."""
        return unlock(self.findings)

    def find(self, check: Check) -> Finding:
        """The finding of a check; one that is missing was not tested."""
        return _find(self.findings, check)


def _find(findings: tuple[Finding, ...], check: Check) -> Finding:
    for finding in findings:
        if finding.check is check:
            return finding
    return Finding(check, Proof.NOT_TESTED, "not reached")


def unlock(findings: tuple[Finding, ...]) -> Unlocked:
    """What these findings unlock. A check that is missing was not tested."""
    proven = {check for check in Check if _find(findings, check).proof is Proof.PROVEN}
    loss = {
        Proof.PROVEN: OnLinkLoss.STOPS,
        Proof.FAILED: OnLinkLoss.RUNS_ON,
        Proof.NOT_TESTED: OnLinkLoss.UNKNOWN,
    }
    return Unlocked(
        belt_start=BeltStart.REMOTE if proven >= FOR_REMOTE_START else BeltStart.CONSOLE,
        cap=None if proven >= FOR_SPEED else COMMISSIONING_SPEED,
        unattended=proven >= FOR_UNATTENDED,
        on_link_loss=loss[_find(findings, Check.LINK_LOSS).proof],
    )
