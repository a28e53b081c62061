"""The bytes a treadmill sends, written from the specification for the machine's side alone.

The product's codec is another statement of the same formats (`backstride.ftms`); neither imports the
other on purpose, so a test that joins them checks both. Fitness Machine Service 1.0: treadmill data
4.9, training status 4.10, ranges 4.11 and 4.12, control point 4.16, machine status 4.17.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from backstride.domain.units import Incline, Speed
from backstride.virtual.quirks import Field

MORE_DATA = 1
"""Flag bit 0 of treadmill data; inverted: 0 means that speed is in this notification."""
UNKNOWN_16 = b"\xff\x7f"
"""7FFF: data not available in a signed field."""


class Reading(Struct):
    """What a machine shows at one moment. Unused fields stay 0."""

    speed: Speed = 0
    average_speed: Speed = 0
    distance: int = 0
    incline: Incline = 0
    kilocalories: int = 0
    elapsed: int = 0
    remaining: int = 0
    steps: int = 0
    heart_rate: int = 0
    pace: int = 0
    unknown_as_7fff: bool = False


def _u16(value: int) -> bytes:
    return min(max(value, 0), 0xFFFF).to_bytes(2, "little")


def _s16(value: int) -> bytes:
    return value.to_bytes(2, "little", signed=True)


def _u24(value: int) -> bytes:
    return min(max(value, 0), 0xFFFFFF).to_bytes(3, "little")


def _u8(value: int) -> bytes:
    return min(max(value, 0), 0xFF).to_bytes(1, "little")


_ENCODERS: dict[Field, Callable[[Reading], bytes]] = {
    Field.AVERAGE_SPEED: lambda r: UNKNOWN_16 if r.unknown_as_7fff else _u16(r.average_speed),
    Field.DISTANCE: lambda r: _u24(r.distance),
    Field.INCLINE: lambda r: _s16(r.incline) + UNKNOWN_16,
    Field.ELEVATION: lambda _: bytes(4),
    Field.PACE: lambda r: _u8(r.pace),
    Field.AVERAGE_PACE: lambda r: _u8(r.pace),
    Field.ENERGY: lambda r: (
        UNKNOWN_16 * 2 + b"\x7f" if r.unknown_as_7fff else _u16(r.kilocalories) + b"\xff\xff\xff"
    ),
    Field.HEART_RATE: lambda r: _u8(r.heart_rate),
    Field.METABOLIC: lambda _: bytes(1),
    Field.ELAPSED: lambda r: _u16(r.elapsed),
    Field.REMAINING: lambda r: _u16(r.remaining),
    Field.FORCE: lambda _: UNKNOWN_16 * 2,
    Field.STEPS: lambda r: _u24(r.steps),
}


class Layout:
    """One kind of notification: which fields it holds. Made once, used for every frame."""

    def __init__(
        self,
        fields: Iterable[Field],
        *,
        speed: bool = True,
        empty_bit_13: bool = False,
        longest: int | None = None,
    ) -> None:
        ordered = sorted(set(fields))
        flags = sum(ordered) | (0 if speed else MORE_DATA)
        if empty_bit_13:
            flags |= Field.STEPS
        self._head = _u16(flags)
        self._speed = speed
        self._encoders = tuple(_ENCODERS[field] for field in ordered)
        self._longest = longest

    def encode(self, reading: Reading) -> bytes:
        """The notification for `reading`, cut where the machine cuts it."""
        head = self._head + _u16(reading.speed) if self._speed else self._head
        frame = head + b"".join([encode(reading) for encode in self._encoders])
        return frame[: self._longest]


def encode_speed_range(minimum: Speed, maximum: Speed, step: Speed) -> bytes:
    """Supported Speed Range 2AD4."""
    return _u16(minimum) + _u16(maximum) + _u16(step)


def encode_incline_range(minimum: Incline, maximum: Incline, step: Incline) -> bytes:
    """Supported Inclination Range 2AD5."""
    return _s16(minimum) + _s16(maximum) + _u16(step)


def encode_answer(opcode: int, result: int) -> bytes:
    """Control point response: `80 opcode result`."""
    return bytes([0x80, opcode, result])


def encode_speed_status(speed: Speed) -> bytes:
    """Machine status 05: target speed changed."""
    return b"\x05" + _u16(speed)


def encode_incline_status(incline: Incline) -> bytes:
    """Machine status 06: target incline changed."""
    return b"\x06" + _s16(incline)


STATUS_RESET = b"\x01"
STATUS_STOPPED = b"\x02\x01"
STATUS_PAUSED = b"\x02\x02"
STATUS_SAFETY_KEY = b"\x03"
STATUS_STARTED = b"\x04"
STATUS_CONTROL_LOST = b"\xff"
