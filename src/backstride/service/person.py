"""The person beside the machine: what they are asked to do and to look at while it is commissioned."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from backstride.domain.judgement import Laps


class Deed(StrEnum):
    """What the person is asked to do; the value is the sentence."""

    READY = (
        "The belt is empty and nobody can step on it; the safety key is in, your hand beside it;"
        " no other app is connected. The belt will move, at most at 2.0 km/h. Ready?"
    )
    LEVEL_DECK = "Bring the deck to 0 % at the console."
    PRESS_START = "Press Start on the console."
    PRESS_FASTER = "Press + (speed) on the console, once."
    PRESS_STOP = "Press Stop on the console."
    ALLOW_START = "Backstride will now send Start, and the belt may move. Hand beside the key?"
    PULL_KEY = "Pull the safety key."
    INSERT_KEY = "Put the safety key back."
    OTHER_APP = "Connect another app to the treadmill and let it take control. Did it connect?"
    CLOSE_APP = "Close that app."
    PULL_KEY_NOW = "THE BELT DOES NOT STOP: PULL THE SAFETY KEY NOW."


class Person(Protocol):
    """Who stands beside the machine.

    Not guaranteed: that they answer soon, do what they say, or see well.
    """

    async def do(self, deed: Deed) -> bool:
        """Ask for a deed; True when it is done (or the answer is yes), False when it cannot be."""
        ...

    async def sees_motion(self) -> bool:
        """Ask whether the belt moves now."""
        ...

    async def count_laps(self) -> Laps | None:
        """Ask for a count of the belt's revolutions; None when that is skipped."""
        ...
