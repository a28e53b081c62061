"""Who walks: what a person told about themselves, and what follows from it for the limits.

Everything but the name is optional, and nothing here can loosen a limit: a walker's caps speak in the
walker's own layer of the envelope, beside those that the treadmill's configuration has for everybody.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.energy import Grams
from backstride.domain.limits import Caps
from backstride.domain.readiness import Clearance, Readiness
from backstride.domain.units import KMH
from backstride.domain.workout import Level

CAUTIOUS: Final = Caps(reason="the cautious limits", speed=2 * KMH, incline=0)
"""Every elderly faller walked backward below 0.6 m/s = 2.16 km/h (Fritz 2013); level ground [CHOICE]."""
LIGHTEST: Final[Grams] = 20_000
HEAVIEST: Final[Grams] = 300_000
SLOWEST_HEART: Final = 100
FASTEST_HEART: Final = 230
"""What somebody could mean as a weight or as a maximum heart rate; beyond it is a slip [CHOICE]."""


class Units(StrEnum):
    """In what a person reads and hears speeds and distances."""

    METRIC = "km/h"
    IMPERIAL = "mph"


class Walker(Struct, frozen=True, kw_only=True):
    """One person of a site. `id` is what commands and records name; `name` is for people.

    `max_heart_rate` in 1/min, None if it was never told: then no ceiling holds. `language` is a code such
    as "no"; None follows the site's. `caps` are this person's own. `readiness` stays with the store: what
    a session knows of a person is `prepare()`d.
    """

    id: str
    name: str
    level: Level = Level.BEGINNER
    weight: Grams | None = None
    max_heart_rate: int | None = None
    language: str | None = None
    units: Units | None = None
    caps: Caps | None = None
    readiness: Readiness | None = None

    @property
    def layers(self) -> tuple[Caps, ...]:
        """What this person's layer of the envelope says, each with its reason."""
        own = () if self.caps is None else (self.caps,)
        return (*own, CAUTIOUS) if self.level is Level.CAUTIOUS else own


def _rank(level: Level) -> int:
    """Levels are written in their order; cautious programs are for beginners too, and the other way round."""
    return max(list(Level).index(level), 1)


def may_walk(walker: Walker, level: Level) -> bool:
    """Whether programs of this level are for this person."""
    return _rank(level) <= _rank(walker.level)


def prepare(walker: Walker, clearance: Clearance, earned: Level) -> Walker:
    """The person as a session may know them: no answers, and the level that is in force.

    `earned` is the level that the history shows. Whoever is cautious, by choice or by an answer, stays so.
    LOCKED is only ever earned: whatever a store holds, the jog has criteria.
    """
    stored = Level.ADVANCED if walker.level is Level.LOCKED else walker.level
    if stored is Level.CAUTIOUS or clearance is not Clearance.READY:
        level = Level.CAUTIOUS
    else:
        level = max(stored, earned, key=_rank)
    return replace(walker, level=level, readiness=None)


def problems(walker: Walker) -> tuple[str, ...]:
    """What cannot be meant, as sentences; empty: the walker can be stored."""
    found: list[str] = []
    if not walker.name.strip() or len(walker.name) > 60 or not walker.name.isprintable():
        found.append("a name has 1 to 60 letters")
    if walker.level is Level.LOCKED:
        found.append("the jog is unlocked by its criteria, not by a level")
    if walker.weight is not None and not LIGHTEST <= walker.weight <= HEAVIEST:
        found.append("a weight is between 20 and 300 kg")
    rate = walker.max_heart_rate
    if rate is not None and not SLOWEST_HEART <= rate <= FASTEST_HEART:
        found.append("a maximum heart rate is between 100 and 230")
    caps = walker.caps
    if caps is not None:
        if caps.speed is not None and caps.speed <= 0:
            found.append("a speed limit is above 0 km/h")
        if caps.incline is not None and caps.incline < 0:
            found.append("an incline limit is not below 0 %")
        if caps.backward_time is not None and caps.backward_time <= 0:
            found.append("a limit of the time backward is above 0")
    return tuple(found)
