"""Limits that can only tighten, each with its whole chain of reasons.

Five layers speak in a fixed order: hard (this file), site (configuration), machine (its own ranges and
what commissioning proved), walker, profile. Each may lower a limit and none may raise it, so
whatever is wrong in a later layer cannot be more dangerous than the one before. A limit remembers
who set it and what it replaced: a refusal names the layer that bit.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from backstride.domain.units import KMH, MINUTE, PERCENT, Incline, Ms, Speed

WALK_SPEED: Final[Speed] = 5 * KMH + 50
"""Fastest backward walk: 5.0 km/h is already 84 % of HRmax (Kim & Choi 2001); 5.9 is a run."""
JOG_SPEED: Final[Speed] = 8 * KMH
"""Fastest backward jog, only where a site unlocked it [CHOICE]."""
INCLINE: Final[Incline] = 10 * PERCENT
"""Steepest slope of the laboratory studies; downhill is never allowed."""
BACKWARD_TIME: Final[Ms] = 30 * MINUTE
"""Longest backward time in one session of the trials."""
JUMP: Final[Speed] = 1 * KMH
"""Largest change of setpoint between two segments [CHOICE]."""
SITE_SPEED: Final[Speed] = 4 * KMH
"""A site's cap for adults unless its configuration lowers it."""
SITE_INCLINE: Final[Incline] = 5 * PERCENT


class Layer(StrEnum):
    """Who sets a limit, in the order in which they speak."""

    HARD = "hard"
    SITE = "site"
    MACHINE = "machine"
    WALKER = "walker"
    PROFILE = "profile"


class Bound(Struct, frozen=True):
    """One layer's word on a limit."""

    value: int
    layer: Layer
    reason: str


class Limit(Struct, frozen=True):
    """An upper limit with its history: `chain` holds every bound that ever bit, loosest first."""

    chain: tuple[Bound, ...]

    @property
    def value(self) -> int:
        """The limit in force, in its quantity's unit."""
        return self.chain[-1].value

    @property
    def layer(self) -> Layer:
        """The layer that set the limit in force."""
        return self.chain[-1].layer

    @property
    def reason(self) -> str:
        """Why the limit in force is what it is."""
        return self.chain[-1].reason

    def tighten(self, value: int | None, layer: Layer, reason: str) -> Limit:
        """This limit lowered to `value`; unchanged when `value` is None or not lower."""
        if value is None or value >= self.value:
            return self
        return Limit((*self.chain, Bound(value, layer, reason)))


def hard(value: int, reason: str) -> Limit:
    """A limit of this file, before any other layer spoke."""
    return Limit((Bound(value, Layer.HARD, reason),))


class Caps(Struct, frozen=True, kw_only=True):
    """What one layer wants to lower; None leaves a limit alone."""

    reason: str
    speed: Speed | None = None
    incline: Incline | None = None
    backward_time: Ms | None = None


class SiteRules(Struct, frozen=True, kw_only=True):
    """A site's limits and choices, from its configuration.

    `machine` is what the site allows on this one treadmill; it speaks in the machine layer. `jog`
    unlocks programs of level `locked`, and with them speeds up to JOG_SPEED.
    """

    caps: Caps = Caps(
        reason="the site's default for adults", speed=SITE_SPEED, incline=SITE_INCLINE
    )
    machine: Caps | None = None
    jog: bool = False
