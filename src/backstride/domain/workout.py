"""Programs as written, and workouts as walked.

A *program* is what a coach writes: steps, repeats and turns, with `machine minimum` where the
machine decides. A *workout* is the same made flat for one machine: a list of segments on a time
line, from which `setpoint()` reads what is wanted at a moment.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from typing import Final, assert_never

from msgspec import Struct

from backstride.domain.units import Incline, Ms, Speed

MACHINE_MINIMUM: Final[Speed] = 0
"""In a program: the lowest speed of whatever machine it runs on."""


class Facing(StrEnum):
    """Which way the walker looks: the belt always runs the same way."""

    FORWARD = "forward"
    BACKWARD = "backward"


class Effort(StrEnum):
    """What a step is for, in the words of workout files."""

    WARMUP = "warmup"
    WORK = "work"
    RECOVER = "recover"
    COOLDOWN = "cooldown"


class Level(StrEnum):
    """For whom a program is written; `LOCKED` needs a coach to unlock it."""

    BEGINNER = "beginner"
    CAUTIOUS = "cautious"
    REGULAR = "regular"
    ADVANCED = "advanced"
    LOCKED = "locked"


class Step(Struct, frozen=True, kw_only=True, tag="step"):
    """A length of time at one speed, or on a ramp from `speed` to `ramp_to`.

    `speed` may be MACHINE_MINIMUM. `line` is where the program's file says so, for messages.
    """

    effort: Effort
    duration: Ms
    speed: Speed
    ramp_to: Speed | None = None
    incline: Incline = 0
    cue: str | None = None
    line: int = 0


class Turn(Struct, frozen=True, kw_only=True, tag="turn"):
    """Stop the belt, let the walker turn, start again."""

    to: Facing
    line: int = 0


class Repeat(Struct, frozen=True, kw_only=True, tag="repeat"):
    """The same steps several times."""

    times: int
    steps: tuple[Step | Turn | Repeat, ...]
    line: int = 0


class Program(Struct, frozen=True, kw_only=True):
    """An interval script as its author wrote it.

    `max_speed` and `max_incline` are the author's own limits and tighten the envelope.
    `unsupervised` lets it run on without a broker; `check_in` asks for a sign of life that often.
    """

    id: str
    name: str
    goal: str
    level: Level
    facing: Facing
    max_speed: Speed
    steps: tuple[Step | Turn | Repeat, ...]
    max_incline: Incline = 0
    unsupervised: bool = False
    check_in: Ms | None = None


class Segment(Struct, frozen=True, kw_only=True):
    """One flat piece of a workout on its time line; `turn` says the walker turns before it."""

    index: int
    start: Ms
    duration: Ms
    effort: Effort
    facing: Facing
    speed: Speed
    ramp_to: Speed
    incline: Incline
    turn: bool = False
    cue: str | None = None

    @property
    def end(self) -> Ms:
        """The first moment that is no longer in it."""
        return self.start + self.duration


class Setpoint(Struct, frozen=True):
    """What is wanted at a moment."""

    segment: Segment
    speed: Speed
    incline: Incline


class Workout(Struct, frozen=True):
    """A program made flat for one machine. Never empty."""

    segments: tuple[Segment, ...]

    @property
    def duration(self) -> Ms:
        """The whole script's time, without turns and countdowns."""
        return self.segments[-1].end

    @property
    def top_speed(self) -> Speed:
        """The highest setpoint."""
        return max(max(s.speed, s.ramp_to) for s in self.segments)

    @property
    def top_incline(self) -> Incline:
        """The highest incline."""
        return max(s.incline for s in self.segments)

    @property
    def backward_time(self) -> Ms:
        """How long the walker faces the rear."""
        return sum(s.duration for s in self.segments if s.facing is Facing.BACKWARD)

    def segment_at(self, moment: Ms) -> Segment:
        """The segment of a moment of the script; the last one for any moment past the end."""
        index = bisect_right(self.segments, moment, key=lambda s: s.start) - 1
        return self.segments[max(index, 0)]

    def following(self, segment: Segment) -> Segment | None:
        """The segment after this one, or None at the end."""
        after = segment.index + 1
        return self.segments[after] if after < len(self.segments) else None

    def cooldown(self) -> Segment | None:
        """Where the closing cool-down begins: the first of the cool-down segments at the end."""
        first: Segment | None = None
        for segment in reversed(self.segments):
            if segment.effort is not Effort.COOLDOWN:
                break
            first = segment
        return first


def setpoint(workout: Workout, moment: Ms) -> Setpoint:
    """What the workout wants at a moment of its time line (0.01 km/h, 0.1 %)."""
    segment = workout.segment_at(moment)
    into = min(max(moment - segment.start, 0), segment.duration)
    rise = segment.ramp_to - segment.speed
    speed = segment.speed + rise * into // segment.duration
    return Setpoint(segment, speed, segment.incline)


def flatten(program: Program, machine_minimum: Speed) -> Workout:
    """Lay the steps of a program on a time line for a machine with this lowest speed.

    A step marked MACHINE_MINIMUM gets `machine_minimum`; anything else is kept as written, so that
    a step the machine cannot run is refused by the envelope and not bent in silence.
    """
    segments: list[Segment] = []
    facing = program.facing
    turned = False

    def lay(steps: tuple[Step | Turn | Repeat, ...]) -> None:
        nonlocal facing, turned
        for step in steps:
            match step:
                case Turn(to=to):
                    turned = turned or to is not facing
                    facing = to
                case Repeat(times=times, steps=inner):
                    for _ in range(times):
                        lay(inner)
                case Step():
                    speed = step.speed or machine_minimum
                    ramp_to = speed if step.ramp_to is None else step.ramp_to or machine_minimum
                    segments.append(
                        Segment(
                            index=len(segments),
                            start=segments[-1].end if segments else 0,
                            duration=step.duration,
                            effort=step.effort,
                            facing=facing,
                            speed=speed,
                            ramp_to=ramp_to,
                            incline=step.incline,
                            turn=turned and bool(segments),
                            cue=step.cue,
                        )
                    )
                    turned = False
                case _:
                    assert_never(step)

    lay(program.steps)
    return Workout(tuple(segments))
