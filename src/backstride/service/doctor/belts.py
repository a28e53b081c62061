"""Belts that may move with no daemon to stop them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from backstride.service.config import Config, state_directory
from backstride.service.doctor.findings import (
    SUDO,
    Finding,
    Place,
    Subject,
    in_thread,
    note,
    problem,
)
from backstride.service.local import is_hidden
from backstride.service.owed import find_left

_REMEDY: Final = (
    "look at it, and pull the safety key if it moves; or: sudo -u backstride backstride rescue"
)


async def check_belts(place: Place, config: Config) -> list[Finding]:
    """Was a belt left moving by a daemon that is no more?"""
    return await in_thread(lambda: _look({state_directory(config, place.environ), place.state}))


def _look(states: set[Path]) -> list[Finding]:
    what = "its belt may be moving: the daemon that moved it is gone, and no other has it"
    left = sorted({name for state in states for name in find_left(state)})
    found = [problem(Subject.TREADMILLS, f"{name}: {what}", _REMEDY) for name in left]
    if any(is_hidden(state / "any") for state in states):
        hidden = "whether a belt was left moving is for root to see"
        found.append(note(Subject.TREADMILLS, hidden, SUDO))
    return found
