"""What is measured, how often, and the program that both peers walk."""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Step(Struct, frozen=True):
    """A step of the bench's program. `speed` in 0.01 km/h."""

    seconds: int
    speed: int


STEP_S: Final = 10
"""The shortest step that a program may have; each boundary is a moment at which drift shows."""
LOW: Final = 100
HIGH: Final = 120
"""Two tenths apart: small enough for a ramp of two commands."""
STEPS: Final = (
    Step(STEP_S, LOW),
    *(Step(STEP_S, HIGH if index % 2 == 0 else LOW) for index in range(30)),
)


def program_yaml() -> str:
    """The same steps as a Backstride program: forward, so that nothing has to be confirmed between."""
    lines = [
        "name: Bench steps",
        "goal: measure",
        "level: beginner",
        "max speed: 2.0 km/h",
        "steps:",
    ]
    for index, step in enumerate(STEPS):
        last = index == len(STEPS) - 1
        word = "warmup" if index == 0 else "cooldown" if last else "work"
        lines += [f"  - {word}: {step.seconds} s", f"    speed: {step.speed / 100:.1f} km/h"]
        if index == 0:
            lines += ["    facing: forward"]
    return "\n".join(lines) + "\n"


class Plan(Struct, frozen=True, kw_only=True):
    """How much is measured.

    Attributes:
        fleets: numbers of treadmills.
        rounds: each has processes of its own, and both peers in turn.
        samples: of each latency, for each peer and number of treadmills.
        starts: further cold starts of each peer with one treadmill.
        sessions: seconds of the walk in which memory, processor time and drift are measured.
    """

    fleets: tuple[int, ...] = (1, 4, 16)
    rounds: int = 2
    samples: int = 500
    starts: int = 2
    sessions: tuple[int, ...] = (48, 34, 34)


QUICK: Final = Plan(fleets=(1,), rounds=1, samples=40, starts=0, sessions=(4,))
