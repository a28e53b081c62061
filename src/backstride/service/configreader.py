"""Reading one TOML file strictly: every problem with its file, line and key, all of them at once.

A section is a table of *readers*, one a key. A reader takes the value as TOML gave it and returns what
the program works with, or raises `WrongValueError` with what would be accepted. A key without a reader is
refused: a misspelt limit that is silently ignored would be no limit.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, override

from msgspec import Struct

from backstride.domain.errors import BackstrideError, UnitError
from backstride.domain.units import (
    Incline,
    Ms,
    Speed,
    parse_duration,
    parse_incline,
    parse_speed,
    show_duration,
    show_incline,
    show_speed,
)

LARGEST_FILE: Final = 256 * 1024
"""Bytes; a gym of 100 treadmills needs 30 kB [CHOICE]."""
SHOWN: Final = 60
"""Characters of an offending value that are quoted."""

_HINTS: Final = {  # by how tomllib's message begins
    "Cannot dec": "a table may stand in the file once: put its lines together",
    "Cannot ove": "a name may stand in its table once",
}
_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\s-]+?)\s*\]\]?")
_KEY: Final = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


class Problem(Struct, frozen=True):
    """One finding. `line` is 0 when it is not known; `key` is empty for the file as a whole."""

    file: str
    line: int
    key: str
    what: str

    @override
    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.what}" if self.key else f"{where}: {self.what}"


class ConfigError(BackstrideError):
    """A configuration cannot be used. The message has one line for each problem.

    Attributes:
        problems: every finding, in the order of the file; never empty.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class WrongValueError(Exception):
    """A value is not what its key takes; the text says what would be accepted."""


type Reader = Callable[[object], Any]


class Findings:
    """The problems of one file, and the lines of its keys."""

    def __init__(self, file: str, text: str = "") -> None:
        self.file = file
        self._lines = find_lines(text)
        self._found: list[Problem] = []

    def add(self, key: str, what: str) -> None:
        """Note a problem with a key such as `site.max_speed` or `treadmill[2].id`."""
        line = self._lines.get(key, 0)
        parent = key
        while not line and "." in parent:
            parent = parent.rpartition(".")[0]
            line = self._lines.get(parent, 0)
        self._found.append(Problem(self.file, line, key, what))

    def check(self) -> None:
        """Return if nothing was found.

        Raises:
            ConfigError: with everything that was found.
        """
        if self._found:
            raise ConfigError(tuple(sorted(self._found, key=lambda problem: problem.line)))


def parse_file(path: Path) -> tuple[dict[str, Any], Findings]:
    """Read a TOML file into plain values, and an empty list of findings about it.

    Raises:
        ConfigError: unreadable, too large or not TOML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _whole(path, f"cannot be read ({error.strerror})") from None
    if len(data) > LARGEST_FILE:
        raise _whole(path, f"is larger than {LARGEST_FILE} bytes; this is no configuration")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _whole(path, "is not UTF-8 text") from None
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        hint = _HINTS.get(str(error)[:10], 'text needs quotes, for example "4.0 km/h"')
        raise _whole(path, f"is not TOML: {error}; {hint}") from None
    return values, Findings(str(path), text)


def _whole(path: Path, what: str) -> ConfigError:
    return ConfigError((Problem(str(path), 0, "", what),))


def find_lines(text: str) -> dict[str, int]:
    """Find the lines of keys written in the ordinary way, for messages; others are just missing."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = re.sub(r"\s", "", header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, 0) + 1
                table = f"{table}[{counts[table]}]"
            else:
                first, dot, rest = table.partition(".")
                table = f"{first}[{counts[first]}]{dot}{rest}" if first in counts else table
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(f"{table}.{key[1]}" if table else key[1], number)
    return lines


def read_section(
    values: object,
    readers: Mapping[str, Reader],
    findings: Findings,
    name: str,
    remedies: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Read one table. What is wrong is noted in `findings` and left out of the result.

    Args:
        values: the table as TOML gave it; None when the file has none.
        readers: the keys it may have.
        findings: takes the problems.
        name: of the section, for messages; empty for the top level.
        remedies: keys that people try and that are refused, with what to do instead.
    """
    if values is None:
        return {}
    if not isinstance(values, dict):
        findings.add(name, f"is {_show(values)}; write a table: [{name}]")
        return {}
    read: dict[str, Any] = {}
    for key, value in values.items():
        full = f"{name}.{key}" if name else key
        reader = readers.get(key)
        if reader is None:
            findings.add(full, _unknown(key, readers, remedies or {}))
            continue
        try:
            read[key] = reader(value)
        except WrongValueError as error:
            findings.add(full, str(error))
    return read


def _unknown(key: str, readers: Mapping[str, Reader], remedies: Mapping[str, str]) -> str:
    if key in remedies:
        return remedies[key]
    if near := get_close_matches(key.casefold().replace("-", "_"), readers, n=1, cutoff=0.6):
        return f"is not known; did you mean `{near[0]}`?"
    return f"is not known; there are {', '.join(readers)}"


def _show(value: object) -> str:
    told = str(value).lower() if isinstance(value, bool) else str(value)
    text = repr(value) if isinstance(value, str) else told
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def read_text(example: str) -> Reader:
    """A reader of one line of text that is not empty."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise WrongValueError(f'is {_show(value)}; write text, for example "{example}"')
        return value.strip()

    return read


def read_pattern(pattern: str, accepted: str) -> Reader:
    """A reader of text that must match as a whole."""
    compiled = re.compile(pattern, re.ASCII)

    def read(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise WrongValueError(f"is {_show(value)}; write {accepted}")
        return value

    return read


def read_path(value: object) -> str:
    """Read an absolute path: a daemon's working directory is an accident."""
    if not isinstance(value, str) or "\0" in value or not Path(value).expanduser().is_absolute():
        raise WrongValueError(
            f'is {_show(value)}; write an absolute path, for example "/etc/backstride/ca.pem"'
        )
    return str(Path(value).expanduser())


def read_flag(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise WrongValueError(f"is {_show(value)}; write true or false, without quotes")
    return value


def read_integer(low: int, high: int) -> Reader:
    """A reader of a whole number."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise WrongValueError(f"is {_show(value)}; write a number from {low} to {high}")
        return value

    return read


def read_choice[E: StrEnum](kind: type[E]) -> Callable[[object], E]:
    """A reader of one word of several."""

    def read(value: object) -> E:
        for member in kind:
            if value == member.value:
                return member
        words = ", ".join(f'"{member.value}"' for member in kind)
        raise WrongValueError(f"is {_show(value)}; write one of {words}")

    return read


def read_speed(limit: Speed) -> Reader:
    """A reader of a speed with its unit, above 0 and at most `limit`."""
    return _quantity(parse_speed, show_speed, 1, limit, "4.0 km/h")


def read_incline(limit: Incline) -> Reader:
    """A reader of an incline with its unit, from 0 to `limit`: never downhill."""
    return _quantity(parse_incline, show_incline, 0, limit, "3 %")


def read_duration(limit: Ms) -> Reader:
    """A reader of a length of time with its unit, above 0 and at most `limit`."""
    return _quantity(parse_duration, show_duration, 1, limit, "20 min")


def _quantity(
    parse: Callable[[str], int], show: Callable[[int], str], low: int, high: int, example: str
) -> Reader:
    def read(value: object) -> int:
        if not isinstance(value, str):
            raise WrongValueError(
                f'is {_show(value)}, a bare value; write it in quotes with its unit: "{example}"'
            )
        try:
            number = parse(value)
        except UnitError as error:
            accepted = error.accepted.replace("`", '"')
            raise WrongValueError(f"is {_show(value)}; write for example {accepted}") from None
        if not low <= number <= high:
            least = "more than 0" if low else "0"
            raise WrongValueError(f"is {_show(value)}; accepted is {least}, up to {show(high)}")
        return number

    return read
