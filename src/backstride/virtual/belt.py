"""The physics of a treadmill: a belt and a deck that approach a target at a finite rate.

Theory of operation: both are a ramp, a value that moves in a straight line towards its target. A
straight line has a closed form, so `advance` costs the same for one millisecond and for an hour;
virtual time depends on that. Everything is an integer. Inside, a value is kept in thousandths of its
unit (speed 0.00001 km/h, incline 0.0001 %): then a rate of 1 unit per second is exactly 1 thousandth
per millisecond, and no step is ever rounded.

This is the truth of the virtual machine. What the machine says about it is `telemetry.py`'s affair.
"""

_PARTS = 1000
"""Thousandths of a unit: makes `unit per second` the same number as `part per millisecond`."""

_DOUBLE_PARTS_PER_METRE = 2 * 100 * _PARTS * 3_600
"""A speed of v parts held for t ms covers v * t / (100 * 1000 * 3600) m (km/h to m/ms is 1/3600);
doubled, because a ramp's mean speed is half the sum of its ends."""


class Ramp:
    """A value in whole units that moves towards `target` at `rate` units per second."""

    __slots__ = ("_now", "_rate", "_target", "_value")

    def __init__(self, value: int = 0, now_ms: int = 0) -> None:
        self._now = now_ms
        self._value = value * _PARTS
        self._target = self._value
        self._rate = 1

    @property
    def value(self) -> int:
        """The present value, rounded half up to a whole unit."""
        return (self._value + _PARTS // 2) // _PARTS

    @property
    def target(self) -> int:
        """Where the ramp goes, in whole units."""
        return self._target // _PARTS

    @property
    def is_settled(self) -> bool:
        """Whether the value has reached its target."""
        return self._value == self._target

    @property
    def is_zero(self) -> bool:
        """Whether the value is exactly zero now."""
        return self._value == 0

    def settles_at(self) -> int:
        """The first whole millisecond at which the target is reached (now, when it is already)."""
        gap = abs(self._target - self._value)
        return self._now + -(-gap // self._rate)

    def steer(self, target: int, rate: int) -> None:
        """From now on move towards `target` at `rate` units per second (at least 1)."""
        if rate < 1:
            raise ValueError(f"a ramp needs a rate of at least 1 unit per second, not {rate}")
        self._target = target * _PARTS
        self._rate = rate

    def advance(self, to_ms: int) -> None:
        """Move time forward to `to_ms`; a time in the past changes nothing."""
        elapsed = to_ms - self._now
        if elapsed <= 0:
            return
        self._now = to_ms
        self._value = self._reached(elapsed)

    def _reached(self, elapsed: int) -> int:
        gap = self._target - self._value
        reach = self._rate * elapsed
        if reach >= abs(gap):
            return self._target
        return self._value + (reach if gap > 0 else -reach)


class Belt(Ramp):
    """The belt: speed in 0.01 km/h, with the distance that it has really moved."""

    __slots__ = ("_travel", "top_speed")

    def __init__(self, now_ms: int = 0) -> None:
        super().__init__(0, now_ms)
        self._travel = 0
        self.top_speed = 0
        """The fastest the belt has ever been, 0.01 km/h: ramps are monotone, so ends suffice."""

    @property
    def millimetres(self) -> int:
        """True distance since power-on, in mm, rounded down."""
        return self._travel * 1000 // _DOUBLE_PARTS_PER_METRE

    def advance(self, to_ms: int) -> None:
        """Move time forward to `to_ms` and add the distance covered."""
        elapsed = to_ms - self._now
        if elapsed <= 0:
            return
        before = self._value
        if before == self._target:
            self._now = to_ms
            self._travel += 2 * before * elapsed
            return
        super().advance(to_ms)
        after = self._value
        if after == self._target:
            gap = abs(after - before)
            self._travel += (before + after) * gap // self._rate
            self._travel += 2 * after * elapsed - 2 * after * gap // self._rate
        else:
            self._travel += (before + after) * elapsed
        self.top_speed = max(self.top_speed, self.value)
