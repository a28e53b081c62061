"""What the machine shows of itself: readings with its lies, cut into notifications of its shape."""

from collections.abc import Callable

from backstride.domain.units import Incline, Speed
from backstride.virtual.drive import Drive
from backstride.virtual.frames import Layout, Reading
from backstride.virtual.log import Phase
from backstride.virtual.model import MachineModel
from backstride.virtual.quirks import Counters, Field, Idle, Shape, Shown, Unit

_MPH_NUMERATOR = 1_609_344
_MPH_DENOMINATOR = 1_000_000
"""One international mile is 1.609344 km."""
_MILLIMETRES_PER_STEP = 600
"""A short walking step. [CHOICE]"""
_MILLIMETRES_PER_KILOCALORIE = 17_000
"""About 60 kcal/km of walking at 70 kg: machines show a number of this size. [CHOICE]"""
_SHORT_FRAME = 1
"""Bytes of the first frame of a machine that sends a short one. [CHOICE]"""


def to_machine_unit(true_speed: Speed, unit: Unit) -> Speed:
    """The number that a machine of this unit uses for a true speed in 0.01 km/h, rounded to nearest."""
    if unit is Unit.KMH:
        return true_speed
    return (true_speed * _MPH_DENOMINATOR * 2 + _MPH_NUMERATOR) // (2 * _MPH_NUMERATOR)


def from_machine_unit(number: Speed, unit: Unit) -> Speed:
    """The true speed in 0.01 km/h that a machine of this unit drives for a written number."""
    if unit is Unit.KMH:
        return number
    return (number * _MPH_NUMERATOR * 2 + _MPH_DENOMINATOR) // (2 * _MPH_DENOMINATOR)


class Reporter:
    """Turns the state of a drive into Treadmill Data frames."""

    def __init__(self, model: MachineModel, drive: Drive) -> None:
        self._model = model
        self._drive = drive
        self._layouts = _make_layouts(model)
        self._resets = model.telemetry.counters is Counters.RESET_WITH_ZERO
        self._turn = 0
        self._zero_shown = model.telemetry.idle is not Idle.ZEROS
        self._first_frame = model.telemetry.short_frame_first
        self.silenced = False
        """Set by a console stop on a machine that then sends no final zero."""

    def next_frames(self) -> list[bytes]:
        """The notifications of one telemetry tick; none when the machine keeps silent."""
        if self._is_silent():
            return []
        reading = self.read()
        self._zero_shown = self._drive.phase is Phase.REST
        if self._model.telemetry.shape is Shape.ALTERNATE:
            self._turn = (self._turn + 1) % len(self._layouts)
            frames = [self._layouts[self._turn - 1].encode(reading)]
        else:
            frames = [layout.encode(reading) for layout in self._layouts]
        if self._first_frame:
            self._first_frame = False
            return [frames[0][:_SHORT_FRAME]]
        return frames

    def wake(self) -> None:
        """The machine was started: it speaks again."""
        self.silenced = False
        self._zero_shown = False

    def _is_silent(self) -> bool:
        if self._model.telemetry.idle is Idle.ZEROS:
            return False
        if self.silenced:
            return True
        return self._drive.phase is Phase.REST and self._zero_shown

    def read(self) -> Reading:
        """What the console shows now."""
        drive = self._drive
        shown = self.shown_speed()
        speed = to_machine_unit(shown, self._model.speed.shown_in)
        moving_ms, millimetres = drive.moving_ms, drive.walked_mm
        if not shown and not drive.paused and self._resets:
            moving_ms = millimetres = 0
        return Reading(
            speed=speed,
            average_speed=millimetres * 360 // moving_ms if moving_ms else 0,
            distance=millimetres // 1000,
            incline=self.shown_incline(),
            kilocalories=millimetres // _MILLIMETRES_PER_KILOCALORIE,
            elapsed=moving_ms // 1000,
            steps=millimetres // _MILLIMETRES_PER_STEP,
            # 0.01 km/h is 1/600 km/min; pace is in 0.1 km/min.
            pace=speed // 600,
            unknown_as_7fff=self._model.telemetry.unknown_as_7fff,
        )

    def shown_speed(self) -> Speed:
        """The speed that the machine claims, in true km/h."""
        drive = self._drive
        if drive.phase is Phase.RUNNING and self._model.speed.shown is Shown.TARGET:
            return drive.target
        step = self._model.speed.shown_step
        return (drive.belt.value + step // 2) // step * step

    def shown_incline(self) -> Incline:
        """The incline that the machine claims."""
        control = self._model.incline
        if control is None:
            return 0
        if control.stuck_at is not None:
            return int.from_bytes(control.stuck_at, "little", signed=True)
        return self._drive.deck.target if control.shown is Shown.TARGET else self._drive.deck.value


def _make_layouts(model: MachineModel) -> tuple[Layout, ...]:
    telemetry = model.telemetry
    longest = telemetry.longest_frame
    empty = telemetry.bit_13_without_bytes
    every = telemetry.fields
    first = telemetry.first_part
    rest = tuple(field for field in every if field not in first)

    def layout(fields: tuple[Field, ...], *, speed: bool = True) -> Layout:
        return Layout(fields, speed=speed, empty_bit_13=empty, longest=longest)

    make: dict[Shape, Callable[[], tuple[Layout, ...]]] = {
        Shape.WHOLE: lambda: (layout(every),),
        Shape.SPLIT: lambda: (layout(first, speed=False), layout(rest)),
        Shape.ALTERNATE: lambda: (layout(first), layout(rest)),
        Shape.STEPS_APART: lambda: (
            layout(tuple(field for field in every if field is not Field.STEPS)),
            layout((Field.STEPS,), speed=False),
        ),
    }
    return make[telemetry.shape]()
