"""Reads a YAML 1.2 file into frozen records, and refuses everything it does not know.

Works on the composed node tree and not on loaded values: each scalar is still the text that a person
wrote (so `1.20` stays `1.20` and `no` is a word) and each node knows its line and column. The records'
annotations are the schema; quantities need their unit.
"""

import types
import typing
from collections.abc import Callable
from enum import IntFlag
from pathlib import Path
from typing import Any, NoReturn, TypeAliasType

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from backstride.domain.errors import BackstrideError, UnitError
from backstride.domain.units import (
    Incline,
    Ms,
    Speed,
    parse_duration,
    parse_incline,
    parse_speed,
)
from backstride.virtual.model import InclineRate, Octets, SpeedRate
from backstride.virtual.quirks import Choice

_LARGEST_FILE = 64 * 1024
"""Bytes; a machine needs 5 kB. [CHOICE]"""
_PER_SECOND = " per s"


class ProfileError(BackstrideError):
    """A file cannot be used.

    Attributes:
        path, line, column: where, counted from 1.
        problem: what is wrong and what would be accepted.
    """

    def __init__(self, path: str, line: int, column: int, problem: str) -> None:
        super().__init__(f"{path}:{line}:{column}: {problem}")
        self.path = path
        self.line = line
        self.column = column
        self.problem = problem


def load_record[T: msgspec.Struct](path: Path, kind: type[T]) -> T:
    """Read one file into one record.

    Raises:
        ProfileError: unreadable, not YAML, or not what `kind` says.
    """
    shown = str(path)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ProfileError(shown, 1, 1, f"larger than {_LARGEST_FILE} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(shown, 1, 1, f"cannot be read: {error}") from error
    return parse_record(text, kind, shown)


def parse_record[T: msgspec.Struct](text: str, kind: type[T], path: str = "<text>") -> T:
    """Read a text into one record; `path` is only for the messages."""
    reader = _Reader(path)
    node = reader.compose(text)
    return typing.cast("T", reader.read(node, kind))


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path

    def compose(self, text: str) -> Node:
        try:
            node = YAML(typ="safe", pure=True).compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise ProfileError(self._path, line, column, str(error.problem)) from error
        except (YAMLError, RecursionError) as error:
            raise ProfileError(self._path, 1, 1, f"not YAML: {error}") from error
        if node is None:
            raise ProfileError(self._path, 1, 1, "the file is empty")
        return typing.cast("Node", node)

    def fail(self, node: Node, problem: str) -> NoReturn:
        mark = node.start_mark
        raise ProfileError(self._path, mark.line + 1, mark.column + 1, problem)

    def read(self, node: Node, kind: Any) -> Any:
        """Read a node as a value of the annotated kind."""
        if isinstance(kind, types.UnionType):
            return self._read_optional(node, kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._read_struct(node, kind)
        if typing.get_origin(kind) is tuple:
            return self._read_list(node, typing.get_args(kind)[0])
        return self._read_scalar(node, kind)

    def _read_optional(self, node: Node, kind: types.UnionType) -> Any:
        if isinstance(node, ScalarNode) and node.value == "none":
            return None
        (inner,) = (arm for arm in kind.__args__ if arm is not types.NoneType)
        return self.read(node, inner)

    def _read_struct(self, node: Node, kind: type[msgspec.Struct]) -> msgspec.Struct:
        hints = typing.get_type_hints(kind)
        fields = {
            field.name.replace("_", " "): field
            for field in msgspec.structs.fields(kind)
            if field.name != "key"
        }
        accepted = ", ".join(fields)
        if not isinstance(node, MappingNode):
            self.fail(node, f"here belongs a mapping with the keys {accepted}")
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            field = fields.get(str(key_node.value))
            if field is None:
                self.fail(key_node, f"unknown key `{key_node.value}`; accepted are {accepted}")
            if field.name in values:
                self.fail(key_node, f"`{key_node.value}` is written twice")
            values[field.name] = self.read(value_node, hints[field.name])
        missing = [
            name for name, field in fields.items() if field.required and field.name not in values
        ]
        if missing:
            self.fail(node, f"missing: {', '.join(missing)}")
        return kind(**values)

    def _read_list(self, node: Node, kind: Any) -> tuple[Any, ...]:
        if isinstance(node, SequenceNode):
            return tuple(self.read(item, kind) for item in node.value)
        # One item may stand without brackets.
        return (self.read(node, kind),)

    def _read_scalar(self, node: Node, kind: Any) -> Any:
        if not isinstance(node, ScalarNode):
            self.fail(node, f"here belongs {_describe(kind)}, not a list or a mapping")
        text = str(node.value)
        try:
            return _parse_scalar(text, kind)
        except UnitError as error:
            self.fail(node, str(error))
        except ValueError:
            self.fail(node, f"{text!r} is not understood; here belongs {_describe(kind)}")


def _parse_rate(text: str, parse: Callable[[str], int]) -> int:
    if not text.endswith(_PER_SECOND):
        raise ValueError(text)
    rate = parse(text.removesuffix(_PER_SECOND))
    if rate < 1:
        raise ValueError(text)
    return rate


_SCALARS: dict[Any, tuple[Callable[[str], Any], str]] = {
    Speed: (parse_speed, "a speed such as `1.2 km/h`"),
    Incline: (parse_incline, "an incline such as `2.5 %`"),
    Ms: (parse_duration, "a duration such as `500 ms`"),
    SpeedRate: (lambda text: _parse_rate(text, parse_speed), "a rate such as `0.33 km/h per s`"),
    InclineRate: (lambda text: _parse_rate(text, parse_incline), "a rate such as `0.5 % per s`"),
    Octets: (bytes.fromhex, "bytes such as `64 00 58 02`"),
    str: (str, "a text"),
    int: (int, "a whole number"),
    bool: (lambda text: {"true": True, "false": False}[text], "`true` or `false`"),
}


def _parse_scalar(text: str, kind: Any) -> Any:
    if isinstance(kind, TypeAliasType) or kind in _SCALARS:
        try:
            return _SCALARS[kind][0](text)
        except KeyError as error:
            raise ValueError(text) from error
    for member in kind:
        if _words(member) == text:
            return member
    raise ValueError(text)


def _words(member: Choice | IntFlag) -> str:
    return str(member.name).lower().replace("_", " ")


def _describe(kind: Any) -> str:
    if kind in _SCALARS:
        return _SCALARS[kind][1]
    return "one of " + ", ".join(f"`{_words(member)}`" for member in kind)
