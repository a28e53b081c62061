"""What one proof came to: its figures and its bars."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

type Figure = int | float | str | list[str]


class Bar(Struct, frozen=True, kw_only=True):
    """A figure and what it may not fall below, or rise above."""

    what: str
    figure: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        """It is within its bar."""
        low = self.at_least is None or self.figure >= self.at_least
        high = self.at_most is None or self.figure <= self.at_most
        return low and high

    def sentence(self) -> str:
        """The figure and its bar, for people."""
        parts = [f"{self.what} {number(self.figure)}"]
        if self.at_least is not None:
            parts.append(f"at least {number(self.at_least)}")
        if self.at_most is not None:
            parts.append(f"at most {number(self.at_most)}")
        return ", ".join(parts)


class Section(Struct, frozen=True, kw_only=True):
    """One proof. Without `reason` it was run; then `claim` is what it allows to say."""

    name: str
    title: str
    command: str
    reason: str = ""
    claim: str = ""
    figures: dict[str, Figure] = {}
    bars: tuple[Bar, ...] = ()
    broken: tuple[str, ...] = ()
    """Why it failed, apart from bars: a command that died, a test by name."""
    seconds: float = 0

    @property
    def ran(self) -> bool:
        """It was run to its end, well or not."""
        return not self.reason

    @property
    def holds(self) -> bool:
        """It was run, and nothing is wrong."""
        return self.ran and not self.broken and all(bar.holds for bar in self.bars)

    @property
    def verdict(self) -> str:
        """One word or two."""
        if not self.ran:
            return "not run"
        return "holds" if self.holds else "FAILS"

    @classmethod
    def left_out(cls, name: str, title: str, command: str, reason: str) -> Self:
        """A section that claims nothing."""
        return cls(name=name, title=title, command=command, reason=reason)


def number(value: float) -> str:
    """As people read it: thousands apart, no needless decimals."""
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}"
