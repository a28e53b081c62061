"""The control point's side of the machine: what a written procedure is worth, and what it sets off.

`Procedures.judge` decides; it changes nothing but who is in control. The machine carries the verdict
out at the times that its delays say. Codes and rules: Fitness Machine Service 1.0, 4.16.
"""

from collections.abc import Callable
from enum import IntEnum

from msgspec import Struct

from backstride.domain.units import Ms
from backstride.virtual.drive import Drive
from backstride.virtual.log import PAUSE, STOP, Op, Phase
from backstride.virtual.model import Delay, MachineModel
from backstride.virtual.quirks import (
    Honesty,
    OffStep,
    OutOfRange,
    Permission,
    RemoteStart,
    SpeedAtRest,
    SpeedEarly,
    StartAgain,
    StopAgain,
    Takeover,
)
from backstride.virtual.telemetry import from_machine_unit, to_machine_unit


class Result(IntEnum):
    """Result codes of the control point."""

    SUCCESS = 0x01
    NOT_SUPPORTED = 0x02
    INVALID_PARAMETER = 0x03
    FAILED = 0x04
    NOT_PERMITTED = 0x05


class Effect(IntEnum):
    """What a procedure does to the machine."""

    NONE = 0
    START = 1
    STOP = 2
    PAUSE = 3
    RESTART = 4
    SPEED = 5
    INCLINE = 6
    RESET = 7
    DROP_LINK = 8


class Verdict(Struct, frozen=True):
    """What becomes of a write: the answer, and the effect with its value (true speed or incline)."""

    result: int | None
    delay: Delay
    effect: Effect = Effect.NONE
    value: int = 0


_NOTHING_DONE = (Result.SUCCESS, Effect.NONE, 0)
type _Ruling = tuple[Result, Effect, int]


class Procedures:
    """Judges the writes to the control point of one machine."""

    def __init__(self, model: MachineModel, drive: Drive) -> None:
        self._model = model
        self._rules = model.control_point
        self._drive = drive
        self.controller: str | None = None
        self._requests: dict[str, int] = {}
        self._awake = False
        self.on_takeover: Callable[[Ms, str], None] = _ignore
        """Called with the time and the client that loses control to another one."""

    def forget(self, client: str) -> None:
        """The client is gone, and its permission with it."""
        self._requests.pop(client, None)
        if self.controller == client:
            self.controller = None

    def judge(self, at: Ms, client: str, data: bytes) -> Verdict:
        """Decide about a write of at least one byte."""
        delays = self._rules.delays
        opcode = data[0]
        if opcode == Op.REQUEST_CONTROL:
            return Verdict(self._request_control(at, client), delays.other)
        delay = {
            Op.SPEED: delays.speed,
            Op.INCLINE: delays.incline,
            Op.STOP_OR_PAUSE: delays.stop,
            Op.START: delays.start if self._drive.phase is Phase.REST else delays.start_again,
        }.get(opcode, delays.other)
        needs_control = self._rules.permission is not Permission.NOT_NEEDED
        if needs_control and self.controller != client:
            return Verdict(Result.NOT_PERMITTED, delay)
        result, effect, value = self._rule(opcode, data)
        untrue = self._rules.honesty is Honesty.SUCCESS_TO_EVERYTHING
        if untrue and result is not Result.SUCCESS:
            result, effect = Result.SUCCESS, Effect.NONE
        return Verdict(result, delay, effect, value)

    def _request_control(self, at: Ms, client: str) -> Result | None:
        if self.controller not in (None, client):
            if self._rules.takeover is Takeover.REFUSE:
                return Result.FAILED
            self.on_takeover(at, str(self.controller))
        self._requests[client] = self._requests.get(client, 0) + 1
        if self._rules.permission is not Permission.NEEDED_TWICE or self._requests[client] > 1:
            self.controller = client
        return None if self._rules.permission is Permission.UNANSWERED else Result.SUCCESS

    def _rule(self, opcode: int, data: bytes) -> _Ruling:
        match opcode:
            case Op.SPEED if len(data) == 3:
                return self._rule_speed(int.from_bytes(data[1:], "little"))
            case Op.INCLINE if len(data) == 3:
                return self._rule_incline(int.from_bytes(data[1:], "little", signed=True))
            case Op.START if len(data) == 1:
                return self._rule_start()
            case Op.STOP_OR_PAUSE if data in (STOP, PAUSE):
                return self._rule_stop(pause=data == PAUSE)
            case Op.RESET if len(data) == 1:
                return Result.SUCCESS, Effect.RESET, 0
            case Op.SPEED | Op.INCLINE | Op.START | Op.STOP_OR_PAUSE | Op.RESET:
                return Result.INVALID_PARAMETER, Effect.NONE, 0
            case _:
                return Result.NOT_SUPPORTED, Effect.NONE, 0

    def _rule_speed(self, written: int) -> _Ruling:
        control = self._model.speed
        low = to_machine_unit(control.minimum, control.written_in)
        high = to_machine_unit(control.maximum, control.written_in)
        step = max(1, to_machine_unit(control.step, control.written_in))
        fitted = _fit(written, low, high, control.out_of_range)
        if fitted is None:
            return Result.INVALID_PARAMETER, Effect.NONE, 0
        if beyond := (fitted - low) % step:
            if control.off_step is OffStep.REFUSE:
                return Result.INVALID_PARAMETER, Effect.NONE, 0
            if control.off_step is OffStep.ROUND_DOWN:
                fitted -= beyond
        return self._rule_fitting_speed(from_machine_unit(fitted, control.written_in))

    def _rule_fitting_speed(self, speed: int) -> _Ruling:
        drive = self._drive
        if drive.phase in (Phase.REST, Phase.STOPPING):
            match self._rules.speed_at_rest:
                case SpeedAtRest.FAILS:
                    return Result.FAILED, Effect.NONE, 0
                case SpeedAtRest.IGNORED:
                    return _NOTHING_DONE
                case SpeedAtRest.REMEMBERED:
                    return Result.SUCCESS, Effect.SPEED, speed
        if drive.is_spinning_up and self._rules.speed_early is SpeedEarly.CONTROL_NOT_PERMITTED:
            return Result.NOT_PERMITTED, Effect.NONE, 0
        if drive.is_spinning_up and self._rules.speed_early is SpeedEarly.LINK_DIES:
            return Result.SUCCESS, Effect.DROP_LINK, 0
        if not self._model.speed.has_effect:
            return _NOTHING_DONE
        return Result.SUCCESS, Effect.SPEED, speed

    def _rule_incline(self, written: int) -> _Ruling:
        control = self._model.incline
        if control is None:
            return Result.NOT_SUPPORTED, Effect.NONE, 0
        fitted = _fit(written, control.minimum, control.maximum, control.out_of_range)
        if fitted is None:
            return Result.INVALID_PARAMETER, Effect.NONE, 0
        if not control.has_effect:
            return _NOTHING_DONE
        return Result.SUCCESS, Effect.INCLINE, fitted

    def _rule_start(self) -> _Ruling:
        if not self._drive.key_in or self._rules.start is RemoteStart.REFUSED:
            return Result.FAILED, Effect.NONE, 0
        if self._drive.phase is Phase.REST:
            if self._rules.start is RemoteStart.WAKES_FIRST and not self._awake:
                self._awake = True
                return _NOTHING_DONE
            return Result.SUCCESS, Effect.START, 0
        match self._rules.start_again:
            case StartAgain.FAILS:
                return Result.FAILED, Effect.NONE, 0
            case StartAgain.SUCCEEDS:
                return _NOTHING_DONE
            case StartAgain.STOPS:
                return Result.SUCCESS, Effect.STOP, 0

    def _rule_stop(self, *, pause: bool) -> _Ruling:
        restarts = self._rules.stop_again is StopAgain.RESTARTS
        if self._drive.phase is Phase.STOPPING and restarts:
            return Result.SUCCESS, Effect.RESTART, 0
        if self._drive.phase in (Phase.REST, Phase.STOPPING):
            return _NOTHING_DONE
        return Result.SUCCESS, Effect.PAUSE if pause else Effect.STOP, 0


def _fit(written: int, low: int, high: int, rule: OutOfRange) -> int | None:
    """The value that the machine makes of a written one, or None to refuse it."""
    if low <= written <= high:
        return written
    match rule:
        case OutOfRange.REFUSE:
            return None
        case OutOfRange.CLAMP:
            return min(max(written, low), high)
        case OutOfRange.MAXIMUM:
            return high


def _ignore(_at: Ms, _client: str) -> None:
    """Stand in until the machine listens."""
