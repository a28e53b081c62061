"""What a machine says it can do (2ACC, 2AD4, 2AD5), checked for sense.

Read as integers: pyftms' `read_features` multiplies the ranges into floats and raises on a short
or padded value or a reserved bit. Its names of the bits are used, and it is the oracle in our tests.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

import msgspec
from msgspec import Struct
from pyftms.client.properties.features import (  # type: ignore[import-untyped]  # ships no types
    MachineFeatures,
    MachineSettings,
)

from backstride.domain.machine import InclineRange, SpeedRange
from backstride.domain.units import INCLINE_LIMIT
from backstride.ftms.rejections import Flaw, Rejected

_FEATURES: Final = struct.Struct("<II")
_SPEEDS: Final = struct.Struct("<HHH")
_INCLINES: Final = struct.Struct("<hhH")


class Features(Struct, frozen=True, kw_only=True):
    """The promises of 2ACC that Backstride looks at. A machine may promise more than it does."""

    reports_distance: bool = False
    reports_incline: bool = False
    reports_elapsed: bool = False
    reports_heart_rate: bool = False
    reports_steps: bool = False
    sets_speed: bool = False
    sets_incline: bool = False


def decode_features(frame: bytes) -> Features | Rejected:
    """Read 2ACC: two words of bits; reserved bits and padding are ignored."""
    if len(frame) < _FEATURES.size:
        return Rejected(Flaw.SHORT, frame)
    machine, target = _FEATURES.unpack_from(frame)
    return Features(
        reports_distance=bool(machine & MachineFeatures.DISTANCE),
        reports_incline=bool(machine & MachineFeatures.INCLINATION),
        reports_elapsed=bool(machine & MachineFeatures.ELAPSED_TIME),
        reports_heart_rate=bool(machine & MachineFeatures.HEART_RATE),
        reports_steps=bool(machine & MachineFeatures.STEP_COUNT),
        sets_speed=bool(target & MachineSettings.SPEED),
        sets_incline=bool(target & MachineSettings.INCLINE),
    )


def decode_speed_range(frame: bytes) -> SpeedRange | Rejected:
    """Read 2AD4. A range without room or step is refused.

    A range that begins at zero is read from its first step on: a speed of zero is not a speed
    but a stop, and stopping has a command of its own (FTMS 1.0, 4.16.2.9).
    """
    if len(frame) < _SPEEDS.size:
        return Rejected(Flaw.SHORT, frame)
    minimum, maximum, increment = _SPEEDS.unpack_from(frame)
    minimum = minimum or increment
    if not minimum < maximum or increment == 0:
        return Rejected(Flaw.SENSELESS, frame)
    return SpeedRange(minimum, maximum, increment)


def decode_incline_range(frame: bytes) -> InclineRange | Rejected:
    """Read 2AD5. A range without room or step, or steeper than any treadmill, is refused.

    Some machines report all zeros although their incline works (JTX): it is then not used,
    because a target outside the range drives other machines to their maximum.
    """
    if len(frame) < _INCLINES.size:
        return Rejected(Flaw.SHORT, frame)
    minimum, maximum, increment = _INCLINES.unpack_from(frame)
    if not minimum < maximum <= INCLINE_LIMIT or increment == 0:
        return Rejected(Flaw.SENSELESS, frame)
    return InclineRange(minimum, maximum, increment)


class Identity(Struct, frozen=True, kw_only=True):
    """The raw values by which a machine is recognised: what it is, and what it says it can do."""

    manufacturer: str = ""
    model: str = ""
    serial_number: str = ""
    features: bytes = b""
    speed_range: bytes = b""
    incline_range: bytes = b""

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits, the same on every connection to this machine."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]
