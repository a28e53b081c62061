"""A workout told to people: its rows for a table, and what is said before it is armed."""

from __future__ import annotations

from msgspec import Struct

from backstride.domain.units import (
    Incline,
    Ms,
    Speed,
    show_duration,
    show_incline,
    show_speed,
)
from backstride.domain.workout import MACHINE_MINIMUM, Effort, Facing, Program, Segment, Workout
from backstride.scripts.kinds import MINIMUM_WORDS


class Row(Struct, frozen=True, kw_only=True):
    """One step of a workout. `turn`: the belt stops and the walker turns before it."""

    index: int
    start: Ms
    duration: Ms
    effort: Effort
    facing: Facing
    speed: Speed
    ramp_to: Speed
    incline: Incline
    turn: bool
    cue: str | None

    @property
    def pace(self) -> str:
        """The speed for a person: `1.0 km/h`, or `1.0 km/h to 2.0 km/h` on a ramp."""
        first = _speed(self.speed)
        return first if self.ramp_to == self.speed else f"{first} to {_speed(self.ramp_to)}"


class Summary(Struct, frozen=True, kw_only=True):
    """What a walker is told before anything moves. Times are script time, without turns."""

    name: str
    goal: str
    duration: Ms
    backward: Ms
    top_speed: Speed
    top_incline: Incline
    turns: int

    @property
    def sentence(self) -> str:
        """The same in words: `Demo: 4:30, 1:30 of it backward, up to 1.5 km/h, level, 2 turns`."""
        slope = f"up to {show_incline(self.top_incline)} uphill" if self.top_incline else "level"
        turns = f"{self.turns} turn" if self.turns == 1 else f"{self.turns} turns"
        return (
            f"{self.name}: {show_duration(self.duration)},"
            f" {show_duration(self.backward)} of it backward,"
            f" up to {show_speed(self.top_speed)}, {slope}, {turns}"
        )


def outline(workout: Workout) -> tuple[Row, ...]:
    """The rows of a workout in the order of its time line."""
    return tuple(_row(segment) for segment in workout.segments)


def summarise(program: Program, workout: Workout) -> Summary:
    """What to tell the walker of this program, made flat as `workout`."""
    return Summary(
        name=program.name,
        goal=program.goal,
        duration=workout.duration,
        backward=workout.backward_time,
        top_speed=workout.top_speed,
        top_incline=workout.top_incline,
        turns=sum(segment.turn for segment in workout.segments),
    )


def _row(segment: Segment) -> Row:
    return Row(
        index=segment.index,
        start=segment.start,
        duration=segment.duration,
        effort=segment.effort,
        facing=segment.facing,
        speed=segment.speed,
        ramp_to=segment.ramp_to,
        incline=segment.incline,
        turn=segment.turn,
        cue=segment.cue,
    )


def _speed(speed: Speed) -> str:
    return MINIMUM_WORDS if speed == MACHINE_MINIMUM else show_speed(speed)
