"""Quantities as integers, and the only place where they meet text.

Inside Backstride a speed is an int in 0.01 km/h, an incline an int in 0.1 %, a time an int in ms.
These are the resolutions of the Fitness Machine Service (FTMS 1.0, 4.9 and 4.16), so a number goes
to the machine and back without rounding. A bare number in text is refused: 1.5 of what?
"""

from __future__ import annotations

import re
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from backstride.domain.errors import UnitError

type Speed = int
"""0.01 km/h."""
type Incline = int
"""0.1 % of grade; negative is downhill."""
type Ms = int
"""Milliseconds: an instant of a monotonic clock, or a length of time."""

KMH: Final[Speed] = 100
PERCENT: Final[Incline] = 10
SECOND: Final[Ms] = 1_000
MINUTE: Final[Ms] = 60_000

SPEED_LIMIT: Final[Speed] = 25_00
"""No text may mean more: beyond any treadmill, so it is a slip of the keyboard."""
INCLINE_LIMIT: Final[Incline] = 40 * PERCENT
DURATION_LIMIT: Final[Ms] = 24 * 60 * MINUTE

_QUANTITY = re.compile(r"\s*(?P<number>-?\d{1,6}(?:\.\d{1,6})?)\s*(?P<unit>[a-z/%]+)\s*", re.ASCII)
_CLOCK = re.compile(r"\s*(?P<minutes>\d{1,3}):(?P<seconds>[0-5]\d)\s*", re.ASCII)

_SPEED_UNITS: Final = {
    "km/h": Decimal(100),
    "mph": Decimal("160.9344"),  # the international mile, 1.609344 km
    "m/s": Decimal(360),
}
_INCLINE_UNITS: Final = {"%": Decimal(10)}
_DURATION_UNITS: Final = {
    "ms": Decimal(1),
    "s": Decimal(SECOND),
    "min": Decimal(MINUTE),
    "h": Decimal(60 * MINUTE),
}

_SPEED_EXAMPLE: Final = "`1.2 km/h` or `0.8 mph`"
_INCLINE_EXAMPLE: Final = "`1 %` or `2.5 %`"
_DURATION_EXAMPLE: Final = "`90 s`, `2 min` or `1:30`"


def _parse(text: str, units: dict[str, Decimal], example: str, limit: int) -> int:
    match = _QUANTITY.fullmatch(text)
    scale = units.get(match["unit"]) if match else None
    if match is None or scale is None:
        raise UnitError(text, example)
    value = int((Decimal(match["number"]) * scale).to_integral_value(ROUND_FLOOR))
    if abs(value) > limit:
        raise UnitError(text, example)
    return value


def parse_speed(text: str) -> Speed:
    """Read a speed with its unit; what falls between two steps of 0.01 km/h is rounded down.

    Raises:
        UnitError: no unit, an unknown unit, negative, or above 25 km/h.
    """
    value = _parse(text, _SPEED_UNITS, _SPEED_EXAMPLE, SPEED_LIMIT)
    if value < 0 or text.lstrip().startswith("-"):
        raise UnitError(text, _SPEED_EXAMPLE)
    return value


def parse_incline(text: str) -> Incline:
    """Read a grade in percent. A negative one is read: whoever limits it names the limit.

    Raises:
        UnitError: no unit, an unknown unit, or beyond 40 %.
    """
    return _parse(text, _INCLINE_UNITS, _INCLINE_EXAMPLE, INCLINE_LIMIT)


def parse_duration(text: str) -> Ms:
    """Read a length of time: `90 s`, `2 min`, `500 ms`, `1 h` or minutes and seconds as `1:30`.

    Raises:
        UnitError: no unit, an unknown unit, negative, or above a day.
    """
    if clock := _CLOCK.fullmatch(text):
        return int(clock["minutes"]) * MINUTE + int(clock["seconds"]) * SECOND
    value = _parse(text, _DURATION_UNITS, _DURATION_EXAMPLE, DURATION_LIMIT)
    if value < 0:
        raise UnitError(text, _DURATION_EXAMPLE)
    return value


def _decimal(value: int, places: int) -> str:
    sign, magnitude = ("-", -value) if value < 0 else ("", value)
    whole, rest = divmod(magnitude, 10**places)
    digits = f"{rest:0{places}}"
    # One decimal is how treadmills show speed; the second only where it says something.
    return f"{sign}{whole}.{digits[0]}{digits[1:].rstrip('0')}"


def show_speed(speed: Speed) -> str:
    """Write a speed for a person: `1.2 km/h`, `2.25 km/h`."""
    return f"{_decimal(speed, 2)} km/h"


def show_incline(incline: Incline) -> str:
    """Write a grade for a person: `2.5 %`."""
    return f"{_decimal(incline, 1)} %"


def show_duration(ms: Ms) -> str:
    """Write a length of time for a person, in whole seconds rounded down: `1:30`, `1:02:03`."""
    minutes, seconds = divmod(ms // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
