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
        "DOUBT_TIME": 9_000,
        "PULSE_AGE": 1_500,
        "HOLD_AFTER": 2_000,
        "EASE_AFTER": 4_000,
        "EASE_PACE": 2_000,
        "END_AFTER": 10_000,
        "CALM_TIME": 2_000,
        "LOST_AFTER": 4_000,
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
        "DOUBT_TIME": 14_000,
        "PULSE_AGE": 3_000,
        "HOLD_AFTER": 4_000,
        "EASE_AFTER": 5_000,
        "EASE_PACE": 3_000,
        "END_AFTER": 8_000,
        "CALM_TIME": 3_000,
        "LOST_AFTER": 3_000,
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
    commits: bool = False
    remembers: bool = False
    shows_target: bool = False
    counts: bool = False
    tilts: bool = False
    console: bool = False
    coy: bool = False
    # the program
    low: int = 50
    high: int = 100
    cap: int = 100
    part: int = 12_000
    turn: bool = True
    unsupervised: bool = False
    # the walker
    heart: bool = False

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
        highest = 180 if self.heart else None
        return Session(selected=self.program(), options=options, max_heart_rate=highest)

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
            for constant, ms in TIMINGS[name].items():
                if constant in vars(module):
                    known.add(constant)
                    changed.append((module, constant, getattr(module, constant)))
                    setattr(module, constant, ms)
        missing = sorted(set(TIMINGS[name]) - known)
        if missing:
            raise LookupError(f"the domain has no constants named {missing}")
        yield
    finally:
        for module, constant, value in changed:
            setattr(module, constant, value)


EVERYTHING: Final = frozenset(
    {"people", "link", "ghosts", "air", "answers", "broker", "console", "clock", "life", "cues"}
)
"""All kinds of bad luck; `deck` needs a machine that tilts."""

_ONE: Final = Scene(name="plain", about="an honest machine", groups=EVERYTHING)
_FINE_GRID: Final = _ONE.but(
    name="fine", about="0.1 km/h steps, half seconds", increment=10, dt=500, high=80, cap=80
)
MACHINES: Final[tuple[Scene, ...]] = (
    _ONE,
    _ONE.but(name="stairs", about="two raises", high=150, cap=150),
    _ONE.but(name="counts", about="tells the time, so that frozen frames show", counts=True),
    _ONE.but(name="tilts", about="sets an incline", tilts=True, groups=EVERYTHING | {"deck"}),
    _ONE.but(name="console", about="is started at its console", console=True),
    _ONE.but(name="slow start", about="moves 6 s after Start", delay=6_000),
    _ONE.but(name="coy", about="grants control, and means it at the second request", coy=True),
    _ONE.but(name="commits", about="a Stop does not cancel its start", delay=4_000, commits=True),
    _ONE.but(name="coasts", about="takes long to stop", brake=20, high=150, cap=150),
    _ONE.but(
        name="toggles", about="a second Stop while it coasts starts it", toggles=True, brake=20
    ),
    _ONE.but(name="remembers", about="starts at its last speed", remembers=True),
    _ONE.but(name="shows target", about="shows what it was told", shows_target=True),
    _ONE.but(name="fast start", about="starts above the cap", start_speed=150),
    _ONE.but(name="brisk start", about="starts above its minimum", start_speed=100),
    _ONE.but(name="mph", about="takes km/h for mph", mph=True, groups=frozenset({"people"})),
    _ONE.but(
        name="heart",
        about="a strap, and a ceiling for what it measures",
        heart=True,
        high=150,
        cap=150,
        groups=EVERYTHING | {"heart"},
    ),
    _ONE.but(name="alone", about="a program that runs without a broker", unsupervised=True),
)
"""One act of bad luck on each machine, at any moment of any run."""


def quick() -> tuple[Scene, ...]:
    """What `make test` searches: every machine, other timings, half seconds, and two acts on one."""
    return (
        *MACHINES,
        _ONE.but(name="patient", timing="patient"),
        _ONE.but(name="half", about="half seconds", dt=500),
        _FINE_GRID.but(budget=1),
        _ONE.but(
            name="twice",
            about="two acts",
            budget=2,
            groups=frozenset({"people", "answers", "link"}),
        ),
        _ONE.but(
            name="twice unseen",
            about="two acts that hide the belt, or move it",
            budget=2,
            groups=frozenset({"air", "console", "clock"}),
        ),
        _ONE.but(
            name="twice coy",
            about="two acts on a machine that must be asked twice",
            budget=2,
            coy=True,
            groups=frozenset({"people", "answers", "life"}),
        ),
    )


def full() -> tuple[Scene, ...]:
    """What `make model` searches: two acts of bad luck, three timings, and the 0.1 km/h grid."""
    scenes = [
        scene.but(timing=timing, budget=2 if timing == "brisk" else 1)
        for timing in TIMINGS
        for scene in MACHINES
    ]
    grids = [
        _FINE_GRID.but(timing=timing, high=high, cap=high, budget=1)
        for timing in TIMINGS
        for high in (80, 120)
    ]
    return (*scenes, *grids, _ONE.but(name="patient twice", timing="patient", budget=2))
