"""What can go with a command that is sent."""

from __future__ import annotations

from typing import TypedDict


class Values(TypedDict, total=False):
    """What goes with a command, as `CommandNote` has it; `speed` in km/h."""

    speed: float | None
    on: bool | None
    effort: int | None
    pain: int | None
    walker: str | None
    pin: str | None
