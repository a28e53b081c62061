"""The bytes of a heart-rate strap: measurement, body location and battery, as integers.

Heart Rate Service 1.0, 3.1 and 3.2; Battery Service 1.0, 3.1; all integers little-endian. Flags of the
measurement: bit 0 16-bit rate, bits 1 and 2 contact (bit 2: it is told, bit 1: it is there), bit 3 energy,
bit 4 RR intervals; the others are reserved and ignored. Strict where FTMS is lenient: a strap only ever
lowers a speed, and a measurement whose length is not what its flags say is none. What arrives never raises:
it becomes a value or a `Rejected`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from backstride.ftms.rejections import Flaw, Rejected

_WIDE: Final = 1 << 0
_CONTACT: Final = 1 << 1
_TELLS_CONTACT: Final = 1 << 2
_ENERGY: Final = 1 << 3
_INTERVALS: Final = 1 << 4
LONGEST: Final = 247
"""Bytes of the longest notification that is looked at: an MTU beyond BlueZ's [CHOICE]."""
FULL: Final = 100
"""% of a full battery."""


class Measurement(Struct, frozen=True, kw_only=True):
    """One measurement (2A37): rate in 1/min, energy since the last reset in kJ, RR intervals in 1/1024 s.

    `contact` is None when the strap does not tell.
    """

    bpm: int
    contact: bool | None = None
    energy: int | None = None
    intervals: tuple[int, ...] = ()


class Place(StrEnum):
    """Where it is worn (2A38)."""

    OTHER = "other"
    CHEST = "chest"
    WRIST = "wrist"
    FINGER = "finger"
    HAND = "hand"
    EAR_LOBE = "ear lobe"
    FOOT = "foot"


def decode_measurement(frame: bytes) -> Measurement | Rejected:
    """Read one notification of 2A37."""
    if len(frame) < 2:
        return Rejected(Flaw.SHORT, frame)
    if len(frame) > LONGEST:
        return Rejected(Flaw.SENSELESS, frame)
    flags, at = frame[0], 1
    sizes = (2 if flags & _WIDE else 1, 2 if flags & _ENERGY else 0)
    left = len(frame) - at - sum(sizes)
    if left < 0:
        return Rejected(Flaw.CUT, frame)
    if left % 2 if flags & _INTERVALS else left:
        return Rejected(Flaw.SENSELESS, frame)
    bpm = _number(frame[at : at + sizes[0]])
    at += sizes[0]
    energy = _number(frame[at : at + sizes[1]]) if sizes[1] else None
    at += sizes[1]
    return Measurement(
        bpm=bpm,
        contact=bool(flags & _CONTACT) if flags & _TELLS_CONTACT else None,
        energy=energy,
        intervals=tuple(_number(frame[i : i + 2]) for i in range(at, len(frame), 2)),
    )


def decode_place(value: bytes) -> Place | None:
    """Read 2A38; None when it says nothing that is known."""
    places = tuple(Place)
    return places[value[0]] if len(value) == 1 and value[0] < len(places) else None


def decode_battery(value: bytes) -> int | None:
    """Read 2A19, %; None when it says nothing that can be."""
    return value[0] if len(value) == 1 and value[0] <= FULL else None


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "little")
