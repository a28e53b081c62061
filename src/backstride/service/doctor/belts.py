"""Belts that may move with no daemon to stop them."""

from __future__ import annotations

from typing import Final

from backstride.service.config import Config, state_directory
from backstride.service.doctor.findings import Finding, Place, Subject, in_thread, problem
from backstride.service.owed import find_left

_REMEDY: Final = (
    "look at it, and pull the safety key if it moves; then: sudo systemctl start backstride,"
    " or only to stop it: sudo -u backstride backstride rescue"
)


async def check_belts(place: Place, config: Config) -> list[Finding]:
    """Was a belt left moving by a daemon that is no more?"""
    directories = {state_directory(config, place.environ), place.state}
    left = await in_thread(lambda: {name for each in directories for name in find_left(each)})
    what = "its belt may be moving: the daemon that moved it is gone, and no other has it"
    return [problem(Subject.TREADMILLS, f"{name}: {what}", _REMEDY) for name in sorted(left)]
