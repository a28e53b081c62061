"""A foreign workout as it was read: blocks of time with a speed, and what could not be understood."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.domain.units import Incline, Ms, Speed
from backstride.domain.workout import Effort

LARGEST: Final = 1_000_000
"""Bytes of a file that are looked at; a workout of a day has less."""
MOST: Final = 2_000
"""Blocks with repeats written out; what is too long is cut later, with a note."""
REPEATS: Final = 100
"""In one repeat; a repeat of nothing inside a repeat of nothing must come to an end, too."""


class ImportFailedError(BackstrideError):
    """A file is no workout that can be walked; the message says why."""


class Block(Struct, frozen=True, kw_only=True):
    """A length of time at one speed, or from `speed` to `ramp_to`.

    `where` says which part of the file it was. The incline may be negative and the speeds anything: nothing
    here is a limit.
    """

    where: str
    effort: Effort
    duration: Ms
    speed: Speed
    ramp_to: Speed | None = None
    incline: Incline = 0
    cue: str | None = None

    @property
    def end(self) -> Speed:
        """The speed at its end."""
        return self.speed if self.ramp_to is None else self.ramp_to


class Foreign(Struct, frozen=True, kw_only=True):
    """A workout of another kind. `refused` has a sentence for each part that was left out."""

    name: str
    about: str
    blocks: tuple[Block, ...]
    refused: tuple[str, ...] = ()
