"""The kinds of values that a program's keys can have.

Each kind reads one text and describes itself as JSON Schema, from the same limits, so that an
editor and the reader agree. The schema may accept what the reader refuses (it knows no sums), never the
other way round.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from backstride.domain.errors import UnitError
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
from backstride.domain.workout import MACHINE_MINIMUM
from backstride.scripts.problems import suggest
from backstride.scripts.tree import Scalar

type Schema = dict[str, object]
"""A piece of JSON Schema 2020-12."""

MINIMUM_WORDS: Final = "machine minimum"
"""How a program says MACHINE_MINIMUM."""

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_NUMBER = re.compile(
    r"[-+]?(\.\d+|\d+(\.\d*)?)(e[-+]?\d+)?|[-+]?\.inf|\.nan|0o[0-7]+|0x[0-9a-f]+", re.IGNORECASE
)
_COMMA = re.compile(r"-?\d+,\d+\s*\S+")


class Complaint(Exception):  # noqa: N818  an answer within this package, not an error of it
    """A text is not of the wanted kind: what is wrong, what is accepted, and where in the text."""

    def __init__(self, what: str, accepted: str, offset: int = 0, text: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.accepted = accepted
        self.offset = offset
        self.text = text


class Kind[T](Protocol):
    """Reads a text, and describes itself."""

    def read(self, scalar: Scalar) -> T:
        """The value of a text.

        Raises:
            Complaint: it has none.
        """
        ...

    def schema(self) -> Schema:
        """The same as JSON Schema."""
        ...


class Words(Struct, frozen=True):
    """A text for people, of one line."""

    most: int
    example: str

    def read(self, scalar: Scalar) -> str:
        """The text without space around it."""
        text = scalar.text.strip()
        accepted = f"write for example `{self.example}`"
        if not text or (scalar.plain and _NULL.fullmatch(text)):
            raise Complaint("a text is missing", accepted)
        if scalar.plain and (_BOOLEAN.fullmatch(text) or _NUMBER.fullmatch(text)):
            raise Complaint("this is not a text", f'put it in quotes: "{text}"')
        if not text.isprintable():
            raise Complaint("the text must be one line without control characters", accepted)
        if len(text) > self.most:
            raise Complaint("the text is too long", f"at most {self.most} characters are accepted")
        return text

    def schema(self) -> Schema:
        """A string. The reader counts after stripping, so the schema does not count the space."""
        return {
            "type": "string",
            "pattern": rf"^\s*\S(.{{0,{self.most - 2}}}\S)?\s*$",
            "examples": [self.example],
        }


class Choice[E: StrEnum](Struct, frozen=True):
    """One of a few words. `also` are other words that people write for them."""

    options: tuple[E, ...]
    also: Mapping[str, str]

    def read(self, scalar: Scalar) -> E:
        """The option."""
        for option in self.options:
            if scalar.text == option.value:
                return option
        words = [option.value for option in self.options]
        near = suggest(scalar.text, words, dict(self.also))
        accepted = "write " + ", ".join(f"`{w}`" for w in words[:-1]) + f" or `{words[-1]}`"
        if near is not None:
            accepted = f"did you mean `{near}`?"
        raise Complaint("this word is not known here", accepted)

    def schema(self) -> Schema:
        """An enumeration."""
        return {"enum": [option.value for option in self.options]}


class Flag(Struct, frozen=True):
    """`true` or `false`."""

    def read(self, scalar: Scalar) -> bool:
        """The answer."""
        if not scalar.plain or scalar.text not in {"true", "false"}:
            raise Complaint("this is not an answer", "write `true` or `false`")
        return scalar.text == "true"

    def schema(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


class Count(Struct, frozen=True):
    """A whole number of times."""

    least: int
    most: int

    def read(self, scalar: Scalar) -> int:
        """The number."""
        accepted = f"write a whole number from {self.least} to {self.most}"
        if not scalar.plain or not re.fullmatch(r"[1-9]\d{0,5}", scalar.text, re.ASCII):
            raise Complaint("this is not a number of times", accepted)
        count = int(scalar.text)
        if not self.least <= count <= self.most:
            raise Complaint("this many times is not possible", accepted)
        return count

    def schema(self) -> Schema:
        """An integer."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Pace(Struct, frozen=True):
    """A speed above zero (0.01 km/h), or the machine's lowest where `minimum` allows it."""

    most: Speed
    minimum: bool
    example: str

    def read(self, scalar: Scalar) -> Speed:
        """The speed, MACHINE_MINIMUM for the words."""
        return self.read_text(scalar.text)

    def read_text(self, text: str) -> Speed:
        """The same for a part of a text."""
        accepted = f"write for example `{self.example}`"
        if self.minimum:
            accepted += f" or `{MINIMUM_WORDS}`"
            if text.strip() == MINIMUM_WORDS:
                return MACHINE_MINIMUM
            worded = not any(c.isdecimal() for c in text)
            if worded and suggest(text, [MINIMUM_WORDS], _MINIMUM_ALSO) is not None:
                raise Complaint("this is not a speed", f"did you mean `{MINIMUM_WORDS}`?")
        try:
            speed = parse_speed(text)
        except UnitError as error:
            raise Complaint(_why(text, "a speed", "speeds"), accepted) from error
        if speed == 0:
            raise Complaint("the belt stands only for a turn and at the end", accepted)
        if speed > self.most:
            most = f"at most {show_speed(self.most)} are accepted"
            raise Complaint("this is too fast for any program", most)
        return speed

    def schema(self) -> Schema:
        """A pattern; the words are listed first, so that editors offer them."""
        pattern = {"type": "string", "pattern": f"^{_SPEED}$", "examples": [self.example]}
        return {"anyOf": [{"const": MINIMUM_WORDS}, pattern]} if self.minimum else dict(pattern)


class Span(Struct, frozen=True):
    """From one speed to another (0.01 km/h)."""

    start: Speed
    end: Speed


class Ramp(Struct, frozen=True):
    """An even change from one speed to another: `1.0 km/h to 2.0 km/h`."""

    pace: Pace
    example: str

    def read(self, scalar: Scalar) -> Span:
        """Both speeds."""
        accepted = f"write for example `{self.example}`"
        parts = re.split(r"\bto\b", scalar.text)
        if len(parts) != 2:
            raise Complaint("this is not a ramp", accepted)
        first, second = parts
        start = self._part(first, 0)
        end = self._part(second, len(first) + len("to"))
        if start == end:
            raise Complaint("a ramp ends where it began", "write `speed` for a steady speed")
        return Span(start, end)

    def _part(self, text: str, offset: int) -> Speed:
        try:
            return self.pace.read_text(text)
        except Complaint as complaint:
            lead = len(text) - len(text.lstrip())
            at = offset + lead
            raise Complaint(complaint.what, complaint.accepted, at, text.strip()) from complaint

    def schema(self) -> Schema:
        """A pattern."""
        end = rf"(\s*{MINIMUM_WORDS}\s*|{_SPEED})"
        pattern = f"^{end}to{end}$"
        return {"type": "string", "pattern": pattern, "examples": [self.example]}


class Slope(Struct, frozen=True):
    """A grade from level to uphill (0.1 %)."""

    most: Incline
    example: str

    def read(self, scalar: Scalar) -> Incline:
        """The grade."""
        try:
            incline = parse_incline(scalar.text)
        except UnitError as error:
            accepted = f"write for example `{self.example}`"
            raise Complaint(_why(scalar.text, "an incline", "inclines"), accepted) from error
        if incline < 0 or scalar.text.lstrip().startswith("-"):
            raise Complaint("nobody walks backward downhill", "write `0 %` or more")
        if incline > self.most:
            most = f"at most {show_incline(self.most)} are accepted"
            raise Complaint("this is too steep for any program", most)
        return incline

    def schema(self) -> Schema:
        """A pattern."""
        return {"type": "string", "pattern": f"^{_INCLINE}$", "examples": [self.example]}


class Length(Struct, frozen=True):
    """A length of time (ms)."""

    least: Ms
    most: Ms
    example: str

    def read(self, scalar: Scalar) -> Ms:
        """The time."""
        try:
            duration = parse_duration(scalar.text)
        except UnitError as error:
            accepted = f"write for example `{self.example}`"
            raise Complaint(_why(scalar.text, "a duration", "durations"), accepted) from error
        span = f"write {show_duration(self.least)} to {show_duration(self.most)}"
        if duration < self.least:
            raise Complaint("this is too short", span)
        if duration > self.most:
            raise Complaint("this is too long", span)
        return duration

    def schema(self) -> Schema:
        """A pattern."""
        return {"type": "string", "pattern": f"^{_DURATION}$", "examples": [self.example]}


_NUMERAL: Final = r"\d{1,6}(\.\d{1,6})?"
_SPEED: Final = rf"\s*{_NUMERAL}\s*(km/h|mph|m/s)\s*"
_INCLINE: Final = rf"\s*{_NUMERAL}\s*%\s*"
_DURATION: Final = rf"\s*({_NUMERAL}\s*(ms|s|min|h)|\d{{1,3}}:[0-5]\d)\s*"

_MINIMUM_ALSO: Final = {
    "minimum": MINIMUM_WORDS,
    "min": MINIMUM_WORDS,
    "lowest": MINIMUM_WORDS,
    "machine min": MINIMUM_WORDS,
}


def _why(text: str, one: str, many: str) -> str:
    """Why a text is not a quantity: the usual slips by name."""
    bare = text.strip()
    if not bare or _NULL.fullmatch(bare):
        return f"{one} is missing"
    if bare.casefold().lstrip("-+.").startswith(("nan", "inf")):
        return f"{one} must be a number"
    if _NUMBER.fullmatch(bare):
        return f"a number without its unit is not {one}"
    if _COMMA.fullmatch(bare):
        return f"{many} are written with a point"
    if bare.startswith("-"):
        return f"{one} cannot be negative"
    return f"this is not {one}"
