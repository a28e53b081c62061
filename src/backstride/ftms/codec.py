"""The bytes of the control point and of the status characteristics, as integers and commands.

Theory of operation
-------------------
Five commands exist and no others can be written: there is no Reset and no Pause here. Everything is
encoded from integers, because a float on the way costs a step of the machine: pyftms 0.4.15 sends
266 of the 2,501 speeds from 0.00 to 25.00 km/h 0.01 too low. Its models are floats and raise on
anything unexpected, so they serve as the oracle in our tests, not here.

Before the bytes, the integer's range is checked once more: whatever went wrong above, no negative
incline and no speed beyond a treadmill leaves this module. What arrives never raises: it becomes a value
or a `Rejected`.
"""

from __future__ import annotations

from typing import Final, assert_never

from msgspec import Struct

from backstride.domain.commands import Command, RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.events import Status
from backstride.domain.units import (
    PERCENT,
    SPEED_LIMIT,
    Incline,
    show_incline,
    show_speed,
)
from backstride.ftms.errors import EncodingError
from backstride.ftms.rejections import Flaw, Rejected

REQUEST_CONTROL: Final = 0x00
SET_SPEED: Final = 0x02
SET_INCLINE: Final = 0x03
START: Final = 0x07
STOP_OR_PAUSE: Final = 0x08
_STOP: Final = 0x01
_ANSWER: Final = 0x80

SUCCESS: Final = 0x01
_RESULTS: Final = {
    SUCCESS: "success",
    0x02: "not supported",
    0x03: "invalid parameter",
    0x04: "failed",
    0x05: "control not permitted",
}
"""FTMS 1.0, table 4.24."""

ENCODABLE_INCLINE: Final[Incline] = 15 * PERCENT
"""No walking treadmill is steeper; the envelope's own limit is far below."""


def encode(command: Command) -> bytes:
    """The bytes that ask for `command` (FTMS 1.0, 4.16.1).

    Raises:
        EncodingError: a target is not an integer or outside 0..25.00 km/h or 0..15.0 %.
    """
    match command:
        case RequestControl():
            return bytes([REQUEST_CONTROL])
        case SetSpeed(target=target):
            if type(target) is not int or not 0 <= target <= SPEED_LIMIT:
                raise EncodingError(
                    f"a target speed of {target!r} is not sent;"
                    f" send an integer from 0 to {show_speed(SPEED_LIMIT)} in 0.01 km/h"
                )
            return bytes([SET_SPEED]) + target.to_bytes(2, "little")
        case SetIncline(target=target):
            if type(target) is not int or not 0 <= target <= ENCODABLE_INCLINE:
                raise EncodingError(
                    f"a target incline of {target!r} is not sent;"
                    f" send an integer from 0 to {show_incline(ENCODABLE_INCLINE)} in 0.1 %"
                )
            return bytes([SET_INCLINE]) + target.to_bytes(2, "little", signed=True)
        case Start():
            return bytes([START])
        case Stop():
            return bytes([STOP_OR_PAUSE, _STOP])
        case _:
            assert_never(command)


class Answer(Struct, frozen=True):
    """What the control point answered: the op code it speaks of, and the result code."""

    op: int
    result: int

    @property
    def succeeded(self) -> bool:
        """True when the machine accepted the procedure."""
        return self.result == SUCCESS

    @property
    def known(self) -> bool:
        """True when FTMS 1.0 defines the result (table 4.24)."""
        return self.result in _RESULTS

    @property
    def meaning(self) -> str:
        """The result in words: `failed`, `control not permitted`, `result 0x2a`."""
        return _RESULTS.get(self.result, f"result {self.result:#04x}")


def decode_answer(frame: bytes) -> Answer | Rejected:
    """Read `80 op result`; parameters and padding behind it are ignored."""
    if len(frame) < 3:
        return Rejected(Flaw.SHORT, frame)
    if frame[0] != _ANSWER:
        return Rejected(Flaw.UNKNOWN, frame)
    return Answer(frame[1], frame[2])


class StatusReport(Struct, frozen=True):
    """One machine status; `value` is the target for TARGET_SPEED and TARGET_INCLINE."""

    status: Status
    value: int | None = None


_PLAIN_STATUS: Final = {
    0x01: Status.RESET,
    0x03: Status.SAFETY_KEY,
    0x04: Status.STARTED_BY_USER,
    0xFF: Status.CONTROL_LOST,
}
_STOPPED_OR_PAUSED: Final = {
    0x01: Status.STOPPED_BY_USER,
    0x02: Status.PAUSED_BY_USER,
}
_TARGET_SPEED: Final = 0x05
_TARGET_INCLINE: Final = 0x06


def decode_status(frame: bytes) -> StatusReport | Rejected:
    """Read a machine status (2ADA, FTMS 1.0, 4.17); some machines pad it to three bytes."""
    if not frame:
        return Rejected(Flaw.SHORT, frame)
    code = frame[0]
    if plain := _PLAIN_STATUS.get(code):
        return StatusReport(plain)
    if code == 0x02:
        if len(frame) == 1:
            # It does not say which; a walker who stopped is the reading that lets go.
            return StatusReport(Status.STOPPED_BY_USER)
        stopped = _STOPPED_OR_PAUSED.get(frame[1])
        return StatusReport(stopped) if stopped else Rejected(Flaw.UNKNOWN, frame)
    if code in {_TARGET_SPEED, _TARGET_INCLINE}:
        if len(frame) < 3:
            return Rejected(Flaw.SHORT, frame)
        if code == _TARGET_SPEED:
            return StatusReport(Status.TARGET_SPEED, int.from_bytes(frame[1:3], "little"))
        value = int.from_bytes(frame[1:3], "little", signed=True)
        return StatusReport(Status.TARGET_INCLINE, value)
    return Rejected(Flaw.UNKNOWN, frame)


def decode_training(frame: bytes) -> int | Rejected:
    """Read a training status (2AD3, FTMS 1.0, 4.10): its code, vendors' own codes included."""
    if len(frame) < 2:
        return Rejected(Flaw.SHORT, frame)
    return frame[1]
