"""What is wrong with a program's file, said so that its author can mend it.

Every finding has a place, the offending text and what would be accepted. All findings of a file are
told together: an author who mends one at a time loses patience before the last.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final, override

from msgspec import Struct

from backstride.domain.errors import BackstrideError

SHOWN: Final = 60
"""Characters of the offending text that are quoted: a line of a terminal holds no more."""
MOST: Final = 50
"""Findings told of one file: a longer list is not read."""


class Mark(Struct, frozen=True, order=True):
    """A place in a file as editors count: from 1, in characters."""

    line: int
    column: int


START: Final = Mark(1, 1)
"""The place of what is wrong with a file as a whole."""


class Problem(Struct, frozen=True):
    """One finding.

    Attributes:
        what: what is wrong, without the text.
        text: the offending text, shortened; empty where something is missing.
        accepted: what to write instead.
    """

    file: str
    at: Mark
    what: str
    text: str
    accepted: str

    @override
    def __str__(self) -> str:
        quoted = f": `{self.text}`" if self.text else ""
        return f"{self.file}:{self.at.line}:{self.at.column}: {self.what}{quoted}; {self.accepted}"


class ScriptError(BackstrideError):
    """A file is not a program. The message is one line for each problem.

    Attributes:
        file: the file as it was named by whoever asked.
        problems: every finding, in the order of the file; never empty.
        dropped: how many more were found and are not told.
    """

    def __init__(self, file: str, problems: tuple[Problem, ...], dropped: int = 0) -> None:
        lines = [str(problem) for problem in problems]
        if dropped:
            lines.append(f"{file}: and {dropped} more")
        super().__init__("\n".join(lines))
        self.file = file
        self.problems = problems
        self.dropped = dropped


class Findings:
    """The problems of one file while it is read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[tuple[Mark, str], Problem] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, at: Mark, what: str, text: str, accepted: str) -> None:
        """Note a problem; the same one at the same place (a repeated step) is noted once."""
        problem = Problem(self.file, at, what, shorten(text), accepted)
        self._found.setdefault((at, what), problem)

    def error(self) -> ScriptError:
        """All of them as one error."""
        found = sorted(self._found.values(), key=lambda problem: problem.at)
        return ScriptError(self.file, tuple(found[:MOST]), max(len(found) - MOST, 0))

    def fail(self, at: Mark, what: str, text: str, accepted: str) -> ScriptError:
        """Note a problem after which reading cannot go on."""
        self.add(at, what, text, accepted)
        return self.error()


def shorten(text: str) -> str:
    """A text in one line that a terminal can show: no control characters, not too long."""
    line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."


def suggest(word: str, known: list[str], also: dict[str, str] | None = None) -> str | None:
    """The known word that somebody who wrote `word` most likely meant.

    `also` maps other words of the field onto known ones.
    """
    plain = _plain(word)
    meant = {_plain(k): k for k in known}
    meant |= {_plain(k): v for k, v in (also or {}).items() if v in known}
    if plain in meant:
        return meant[plain]
    near = get_close_matches(plain[:SHOWN], list(meant), n=1, cutoff=0.7)
    return meant[near[0]] if near else None


def _plain(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum())
