"""What a heart-rate strap has said, and where the rate stands against its ceiling. Pure.

A strap is a stranger that helps: it can hold a session or slow it down, and never speed it up. What it
says without contact to the skin, or beyond what hearts do, is unknown; silence is unknown, too, and neither
is zero.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.events import HeartRate
from backstride.domain.units import SECOND, Ms

SLOWEST_PULSE: Final = 30
"""1/min; less than this is no pulse of somebody who walks [CHOICE]."""
FASTEST_PULSE: Final = 230
"""1/min; more than this is a disturbed sensor [CHOICE]."""
PULSE_AGE: Final[Ms] = 5 * SECOND
"""A pulse older than this is unknown: straps and treadmills tell it once a second [CHOICE]."""


class Source(StrEnum):
    """Who measured a heart rate."""

    STRAP = "strap"
    TREADMILL = "treadmill"


class Heart(Struct, frozen=True, kw_only=True):
    """The newest word of the strap, and how the rate has been against the ceiling.

    `rate` (1/min) is None when what came `at` was no pulse; `contact` and `battery` (%) are None when the
    strap does not tell. The rate has been above the ceiling since `over_since`; once that holds the
    session, `held_by` says who measured it, and `calm_since` when it came down. `eased` says
    that the belt was slowed down for it.
    """

    rate: int | None = None
    contact: bool | None = None
    battery: int | None = None
    at: Ms | None = None
    over_since: Ms | None = None
    held_by: Source | None = None
    calm_since: Ms | None = None
    eased: bool = False


def hear(before: Heart, heard: HeartRate) -> Heart:
    """Fold one measurement of the strap."""
    rate = heard.bpm if heard.contact is not False and is_pulse(heard.bpm) else None
    battery = before.battery if heard.battery is None else heard.battery
    return replace(before, rate=rate, contact=heard.contact, battery=battery, at=heard.at)


def is_pulse(bpm: int) -> bool:
    """Whether hearts beat so."""
    return SLOWEST_PULSE <= bpm <= FASTEST_PULSE


def rest(heart: Heart) -> Heart:
    """Nothing is above a ceiling (any more)."""
    return replace(heart, over_since=None, held_by=None, calm_since=None, eased=False)
