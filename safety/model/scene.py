"""Scenes: a treadmill with its manners, a short program, a grain of time, and which bad luck may happen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Final

from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.domain.session import Options, Session
from backstride.domain.workout import Effort, Facing, Level, Program, Step, Turn

TIMINGS: Final[dict[str, dict[str, int]]] = {
    "shipped": {},
    "brisk": {
        # Long memories cut short: every deadline still comes after those it must come after.
        "RESTART_WATCH": 5_000,
        "OUTAGE_MEMORY": 6_000,
        "OUTAGE_SLOW": 4_000,
        "STOP_PATIENCE": 12_000,
        "STOP_SILENCE": 4_000,
        "STOP_VALID": 6_000,
        "PROBE_WAIT": 12_000,
        "CONSOLE_TIME": 12_000,
        "START_TIME": 10_000,
        "SETTLE": 6_000,
        "SPIN_UP": 6_000,
        "SLOPE_SETTLE": 12_000,
        "SLOWEST": 14_000,
        "REACTION": 2_000,
        "AGAIN": 3_000,
        "CUE_TIME": 3_000,
        "FROZEN_HOLD": 3_000,
        "FROZEN_SLOW": 5_000,
        "METRE": 36_000,
    },
    "patient": {
        # What waits waits longer, what watches watches less: deadlines fall in another order.
        "RESTART_WATCH": 8_000,
        "OUTAGE_MEMORY": 4_000,
        "OUTAGE_SLOW": 8_000,
        "STOP_PATIENCE": 9_000,
        "STOP_SILENCE": 6_000,
        "STOP_VALID": 3_000,
        "STOP_AGAIN": 1_500,
        "PROBE_WAIT": 20_000,
        "PROBE_TIME": 7_000,
        "CONSOLE_TIME": 8_000,
        "START_TIME": 14_000,
        "SETTLE": 12_000,
        "SPIN_UP": 3_000,
        "SLOPE_SETTLE": 20_000,
        "SLOWEST": 20_000,
        "ANSWER_TIME": 7_000,
        "RETRY": 2_000,
        "PACE": 3_000,
        "REACTION": 1_000,
        "AGAIN": 6_000,
        "CUE_TIME": 6_000,
        "GRACE": 7_000,
        "METRE": 36_000,
    },
}
"""Sets of the domain's constants, in ms: the order in which deadlines fall must not carry the proof."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One machine under one kind of bad luck. Times in ms, speeds in 0.01 km/h."""

    name: str
    about: str = ""
    dt: int = 1_000
    budget: int = 1
    groups: frozenset[str] = frozenset()
    timing: str = "brisk"
    # the treadmill
    floor: int = 50
    top: int = 200
    increment: int = 50
    gain: int = 50
    brake: int = 50
    delay: int = 0
    start_speed: int = 0
    mph: bool = False
    toggles: bool = False
    remembers: bool = False
    shows_target: bool = False
    counts: bool = False
    tilts: bool = False
    console: bool = False
    # the program
    low: int = 50
    high: int = 100
    cap: int = 100
    part: int = 12_000
    turn: bool = True
    unsupervised: bool = False

    def machine(self, fingerprint: str = "ours") -> Machine:
        """The machine as its radio describes it."""
        return Machine(
            address="00:11:22:33:44:55",
            name=self.name,
            fingerprint=fingerprint,
            speed=SpeedRange(self.floor, self.top, self.increment),
            incline=InclineRange(0, 100, 10) if self.tilts else None,
            belt_start=BeltStart.CONSOLE if self.console else BeltStart.REMOTE,
            reports_incline=self.tilts,
            reports_elapsed=self.counts,
        )

    def program(self) -> Program:
        """Low, high, perhaps a turn, and a cool-down."""
        steep = 10 if self.tilts else 0
        work = Step(effort=Effort.WORK, duration=self.part, speed=self.high, incline=steep)
        cool = Step(effort=Effort.COOLDOWN, duration=self.part // 3, speed=self.low)
        warm = Step(effort=Effort.WARMUP, duration=self.part // 2, speed=self.low)
        turn = (Turn(to=Facing.BACKWARD),) if self.turn else ()
        return Program(
            id="model",
            name="Model",
            goal="the check",
            level=Level.BEGINNER,
            facing=Facing.FORWARD,
            max_speed=self.cap,
            max_incline=steep,
            unsupervised=self.unsupervised,
            steps=(warm, work, *turn, cool),
        )

    def session(self) -> Session:
        """A session that has chosen the program, before any connection."""
        options = Options(
            confirm_window=3 * self.dt, countdown=2 * self.dt, patience=max(4_000, 4 * self.dt)
        )
        return Session(selected=self.program(), options=options)

    def but(self, **changes: object) -> Scene:
        """This scene with something else."""
        return replace(self, **changes)  # type: ignore[arg-type]


def domain() -> list[ModuleType]:
    """The product's core, module by module."""
    return [m for name, m in sorted(sys.modules.items()) if name.startswith("backstride.domain.")]


@contextmanager
def timing(name: str) -> Iterator[None]:
    """Run with another set of the domain's constants, wherever they were imported to."""
    changed: list[tuple[ModuleType, str, object]] = []
    known = set()
    try:
        for module in domain():
            for constant, value in TIMINGS[name].items():
                if constant in vars(module):
                    known.add(constant)
                    changed.append((module, constant, getattr(module, constant)))
                    setattr(module, constant, value)
        missing = sorted(set(TIMINGS[name]) - known)
        if missing:
            raise LookupError(f"the domain has no constants named {missing}")
        yield
    finally:
        for module, constant, value in changed:
            setattr(module, constant, value)


EVERYTHING: Final = frozenset(
    {"people", "link", "air", "answers", "broker", "console", "clock", "life", "cues"}
)
"""All kinds of bad luck; `deck` needs a machine that tilts."""

_FINE: Final = Scene(name="plain", groups=EVERYTHING)
QUICK: Final[tuple[Scene, ...]] = (
    _FINE.but(name="plain", about="an honest machine, everything once"),
)
