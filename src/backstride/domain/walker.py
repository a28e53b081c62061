"""Who walks: what a person told about themselves, and what follows from it for the limits.

Everything but the name is optional, and nothing here can loosen a limit: a walker's caps speak in the
walker's own layer of the envelope.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from backstride.domain.energy import Grams
from backstride.domain.limits import Caps
from backstride.domain.workout import Level


class Units(StrEnum):
    """In what a person reads and hears speeds and distances."""

    METRIC = "km/h"
    IMPERIAL = "mph"


class Walker(Struct, frozen=True, kw_only=True):
    """One person of a site. `id` is what commands and records name; `name` is for people.

    `max_heart_rate` in 1/min, None if it was never told: then no ceiling holds. `language` is a code such
    as "no"; None follows the site's. `caps` are this person's own, already tightened by what the readiness
    questions said.
    """

    id: str
    name: str
    level: Level = Level.BEGINNER
    weight: Grams | None = None
    max_heart_rate: int | None = None
    language: str | None = None
    units: Units | None = None
    caps: Caps | None = None
