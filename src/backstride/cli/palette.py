"""The colours of plans, plots and the live view, in one place: told apart also by colour-blind eyes.

Blue and orange differ for all common kinds of colour blindness; nothing is told by colour alone.
"""

from __future__ import annotations

from typing import Final

from backstride.domain.workout import Facing

FORWARD: Final = "#4c78a8"
BACKWARD: Final = "#f0933a"
BELT: Final = "#1b1f24"
"""The true belt in pictures on paper; a terminal shows it in its own foreground."""
INCLINE: Final = "#5a9e6f"
GRID: Final = "#d9dde3"
INK: Final = "#2b3138"
ALARM: Final = "#c8402f"

FACING: Final[dict[Facing, str]] = {Facing.FORWARD: FORWARD, Facing.BACKWARD: BACKWARD}
SHADE: Final[dict[Facing, str]] = {Facing.FORWARD: "#34536f", Facing.BACKWARD: "#8f5a26"}
"""The same, darker: a setpoint behind the line of a belt."""
ARROW: Final[dict[Facing, str]] = {Facing.FORWARD: "▲", Facing.BACKWARD: "▼"}
"""Beside the colour, for eyes and terminals without it."""
