"""One notification of treadmill data (2ACD, FTMS 1.0, 4.9) as integers.

Why our own decoder: pyftms' model turns speeds into floats, raises on cut frames, surplus bytes and
reserved bits, takes pace for one byte on every machine, and drops what it read before a fault. The field
shows all of these. It stays the oracle in our tests for frames that both can read.

A frame is two bytes of flags, then one field group per flag in a fixed order. Bit 0 is "More Data" and
inverted: clear means that the speed is here and the record ends. Three things are only decided by the
frame's length: whether pace is one byte or two, whether bit 13 (reserved) brings three bytes of
steps or nothing, and whether the frame was cut by a machine that cannot count to its MTU.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Struct

from backstride.domain.units import Incline, Speed
from backstride.ftms.rejections import Flaw, Rejected

MORE_DATA: Final = 1 << 0
_PACE: Final = 1 << 5 | 1 << 6
_STEPS: Final = 1 << 13
_KNOWN: Final = (1 << 14) - 1
_FLAGS_SIZE: Final = 2


class Frame(Struct, frozen=True, kw_only=True):
    """What one notification carries, in the units of the wire; None is "not there".

    Units: speeds 0.01 km/h, distance m, incline 0.1 %, ramp angle 0.1 degree, elevation 0.1 m, pace
    0.1 km/min, energy kcal, heart rate 1/min, metabolic equivalent 0.1, times s, force N, power W.
    """

    more: bool
    cut: bool = False
    speed: Speed | None = None
    average_speed: Speed | None = None
    distance: int | None = None
    incline: Incline | None = None
    ramp: int | None = None
    climbed: int | None = None
    descended: int | None = None
    pace: int | None = None
    average_pace: int | None = None
    energy: int | None = None
    energy_hour: int | None = None
    energy_minute: int | None = None
    heart_rate: int | None = None
    met: int | None = None
    elapsed: int | None = None
    remaining: int | None = None
    force: int | None = None
    power: int | None = None
    steps: int | None = None


class _Field(Struct, frozen=True):
    name: str
    size: int
    signed: bool = False
    sized_pace: bool = False


_GROUPS: Final[tuple[tuple[int, tuple[_Field, ...]], ...]] = (
    (0, (_Field("speed", 2),)),
    (1, (_Field("average_speed", 2),)),
    (2, (_Field("distance", 3),)),
    (3, (_Field("incline", 2, signed=True), _Field("ramp", 2, signed=True))),
    (4, (_Field("climbed", 2), _Field("descended", 2))),
    (5, (_Field("pace", 1, sized_pace=True),)),
    (6, (_Field("average_pace", 1, sized_pace=True),)),
    (7, (_Field("energy", 2), _Field("energy_hour", 2), _Field("energy_minute", 1))),
    (8, (_Field("heart_rate", 1),)),
    (9, (_Field("met", 1),)),
    (10, (_Field("elapsed", 2),)),
    (11, (_Field("remaining", 2),)),
    (12, (_Field("force", 2, signed=True), _Field("power", 2, signed=True))),
    (13, (_Field("steps", 3),)),
)
"""Bit and fields, in the order in which they follow each other (FTMS 1.0, table 4.8)."""

_MISSING_SIGNED: Final = {2: 0x7FFF}
_MISSING_UNSIGNED: Final = {1: {0xFF}, 2: {0xFFFF, 0x7FFF}, 3: {0xFF_FFFF}}
"""Values that say "not available"; 7FFF in unsigned fields is a habit of Life Fitness."""


def _value(raw: bytes, field: _Field) -> int | None:
    value = int.from_bytes(raw, "little", signed=field.signed)
    if field.signed:
        return None if value == _MISSING_SIGNED[len(raw)] else value
    return None if value in _MISSING_UNSIGNED[len(raw)] else value


@lru_cache(maxsize=64)  # machines use one to three sets of flags; random ones must not pile up
def _fields(flags: int, pace_size: int) -> tuple[_Field, ...]:
    fields: list[_Field] = []
    for bit, group in _GROUPS:
        if (flags ^ MORE_DATA) >> bit & 1:
            fields.extend(
                _Field(f.name, pace_size, sized_pace=True) if f.sized_pace else f for f in group
            )
    return tuple(fields)


def _layout(flags: int, length: int) -> tuple[_Field, ...]:
    """The reading of `flags` that explains `length` bytes; the specification's when none does."""
    specified = _fields(flags, 1)
    if sum(f.size for f in specified) == length:
        return specified
    bare = flags & ~_STEPS
    candidates = [(bare, 1)] if flags & _STEPS else []
    if flags & _PACE:
        candidates += [(flags, 2), (bare, 2)]
    for candidate in candidates:
        layout = _fields(*candidate)
        if sum(f.size for f in layout) == length:
            return layout
    return specified


def decode(frame: bytes) -> Frame | Rejected:
    """Read one notification. A cut frame gives what came before the cut, marked `cut`.

    A frame is rejected when it is shorter than its flags, or promises a speed and has none.
    """
    if len(frame) < _FLAGS_SIZE:
        return Rejected(Flaw.SHORT, frame)
    flags = int.from_bytes(frame[:_FLAGS_SIZE], "little") & _KNOWN
    length = len(frame) - _FLAGS_SIZE
    if flags == _STEPS and length == 3:
        # Too short for a speed and steps: a T12B sends its steps alone, after a complete record.
        flags |= MORE_DATA
    values: dict[str, int | None] = {}
    offset, cut = _FLAGS_SIZE, False
    for field in _layout(flags, length):
        raw = frame[offset : offset + field.size]
        if len(raw) < field.size:
            cut = field.name != "steps" or bool(raw)
            break
        values[field.name] = _value(raw, field)
        offset += field.size
    more = bool(flags & MORE_DATA)
    if (cut and not values) or (not more and "speed" not in values):
        return Rejected(Flaw.SHORT, frame)
    return Frame(more=more, cut=cut, **values)
