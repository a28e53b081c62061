"""A heart-rate strap in a world, and what may never come of what it says."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from backstride.domain.commands import SetSpeed, Start
from backstride.domain.events import CueHeard, HeartRate
from backstride.domain.session import Session, Transition
from backstride.domain.step import step
from backstride.domain.units import SECOND, Ms

if TYPE_CHECKING:
    from safety.swarm.world import World

PERIOD: Final[Ms] = SECOND
CALM: Final = 95
HIGH: Final = 190
"""Above the ceiling of everybody whose highest rate is below 224."""
MOODS: Final = ("high", "high", "high", "low", "absurd", "wild", "loose", "lost", "lost")
_NOTHING: Final = -1
"""The number of no cue: that it was heard means nothing."""


class Strap:
    """Beats once a second to whichever life of the service there is, in the mood of the day."""

    def __init__(self, world: World) -> None:
        self.mood = ""
        self._world = world
        self._rng = random.Random(world.plan.seed ^ 0xBEA7)  # noqa: S311  reproducible chance

    def beat(self) -> None:
        """Measure, and again in a second."""
        world, process = self._world, self._world.process
        world.later(PERIOD, self.beat)
        if self.mood == "lost" or process.life.over or process.task.done():
            return
        contact = self._rng.choice((None, True)) if self.mood != "loose" else False
        heard = HeartRate(at=world.now(), bpm=self._rate(), contact=contact)
        felt = heard.bpm if contact is not False else 0
        world.beats.append((world.machine_now(), felt))
        process.life.do(process.controller.sink, heard)

    def _rate(self) -> int:
        match self.mood:
            case "high":
                return HIGH
            case "low":
                return 40
            case "absurd":
                return self._rng.choice((0, 29, 231, 65_535))
            case "wild":
                return self._rng.randrange(30, 231)
            case _:
                return CALM


def hastened(before: Session, event: HeartRate, transition: Transition) -> str:
    """How a heartbeat made something faster than the same moment without it; empty: it did not."""
    without = step(before, CueHeard(at=event.at, cue=_NOTHING))
    told, usual = _pushes(before, transition), _pushes(before, without)
    return f"a heart of {event.bpm} brought {told} instead of {usual}" if told > usual else ""


def _pushes(before: Session, transition: Transition) -> tuple[bool, int]:
    """Whether the belt is started, and to which speed it is told to rise; 0: to none."""
    commands = [order.command for order in transition.orders]
    speeds = [
        command.target
        for command in commands
        if isinstance(command, SetSpeed) and command.target > before.drive.target
    ]
    return any(isinstance(command, Start) for command in commands), max(speeds, default=0)
