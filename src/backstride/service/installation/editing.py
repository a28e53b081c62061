"""Changing single keys of a configuration, and nothing else in it: comments and order stay.

Theory of operation: a key that is there gets its new value on its line; one that stands there as an example
(`#address = ...`) becomes a key on that line; else the line comes after the last key of its table. What TOML
allows beyond that (a table in one line, dotted keys) is not understood here, and need not be: the result is
read again and must differ from the old values by the one key, or the change is refused.
"""

from __future__ import annotations

import copy
import re
import tomllib
from typing import Any, Final

from backstride.domain.errors import BackstrideError

type Value = str | int | bool

_HEADER: Final = re.compile(r"\s*\[")
_REMARK: Final = re.compile(
    r"""\s*[a-z_]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'#]+)(\s*\#.*)"""
)
"""A comment behind a value in one line."""
_EXAMPLE_HEADER: Final = re.compile(r"#\s*\[\[?[a-z_.]+\]")


class EditError(BackstrideError):
    """A file is written in a way that is not understood here; a person can change it."""


def set_key(text: str, table: str, key: str, value: Value, number: int = 0) -> str:
    """Set `key` in `[table]`, or in the `[[table]]` of this number (from 0), which may be new.

    Raises:
        EditError: that cannot be done without changing something else.
    """
    line = f"{key} = {_literal(value)}"
    lines = text.splitlines()
    found = _find_table(lines, table, number)
    if found is None:
        header = f"[[{table}]]" if _is_array(table) else f"[{table}]"
        lines += ["", header, line]
    else:
        _put(lines, found, key, line)
    changed = "\n".join(lines) + "\n"
    wanted = _parse(text)
    _place(wanted, table, number)[key] = value
    if _parse(changed) != wanted:
        raise EditError(f"`{key}` of [{table}] cannot be set here; write it by hand: {line}")
    return changed


def add_table(text: str, table: str) -> str:
    """Add an empty `[table]`, if it is not there.

    Raises:
        EditError: that cannot be done without changing something else.
    """
    wanted = _parse(text)
    _place(wanted, table, 0)
    if wanted == read_values(text):
        return text
    changed = f"{text.rstrip()}\n\n[{table}]\n"
    if _parse(changed) != wanted:
        raise EditError(f"[{table}] cannot be added here; write it by hand")
    return changed


def drop_key(text: str, table: str, key: str, number: int = 0) -> str:
    """Turn a key into a comment; nothing happens where it is not.

    Raises:
        EditError: that cannot be done without changing something else.
    """
    wanted = _parse(text)
    if key not in _place(wanted, table, number):
        return text
    lines = text.splitlines()
    if (found := _find_table(lines, table, number)) is not None:
        for at in range(*found):
            if re.match(rf"\s*{re.escape(key)}\s*=", lines[at]):
                lines[at] = f"#{lines[at]}"
    changed = "\n".join(lines) + "\n"
    del _place(wanted, table, number)[key]
    if _parse(changed) != wanted:
        raise EditError(f"`{key}` of [{table}] cannot be removed here; do it by hand")
    return changed


def read_values(text: str) -> dict[str, Any]:
    """The plain values of a configuration, unchecked.

    Raises:
        EditError: it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EditError(f"is not TOML: {error}; mend it by hand first") from None


def _parse(text: str) -> dict[str, Any]:
    return copy.deepcopy(read_values(text))


def _is_array(table: str) -> bool:
    return table == "treadmill"


def _place(values: dict[str, Any], table: str, number: int) -> dict[str, Any]:
    """The table in the values; made where it is not."""
    if _is_array(table):
        tables: list[dict[str, Any]] = values.setdefault(table, [])
        while len(tables) <= number:
            tables.append({})
        return tables[number]
    for name in table.split("."):
        values = values.setdefault(name, {})
    return values


def _find_table(lines: list[str], table: str, number: int) -> tuple[int, int] | None:
    """The lines between a table's header and whatever comes next."""
    brackets = r"\[\[\s*{}\s*\]\]" if _is_array(table) else r"\[\s*{}\s*\]"
    header = re.compile(r"\s*" + brackets.format(re.escape(table)) + r"\s*(#.*)?")
    starts = [at for at, line in enumerate(lines) if header.fullmatch(line)]
    if len(starts) <= number:
        return None
    first = starts[number] + 1
    for at in range(first, len(lines)):
        if _HEADER.match(lines[at]) or _EXAMPLE_HEADER.match(lines[at]):
            return first, at
    return first, len(lines)


def _put(lines: list[str], extent: tuple[int, int], key: str, line: str) -> None:
    """Write the line where the key is, where its example is, or after the last key."""
    for pattern in (rf"\s*{re.escape(key)}\s*=", rf"#\s*{re.escape(key)}\s*="):
        for at in range(*extent):
            if re.match(pattern, lines[at]):
                remark = _REMARK.match(lines[at])
                lines[at] = line + (remark[1] if remark else "")
                return
    first, last = extent
    keys = [at for at in range(first, last) if re.match(r"#?\s*[a-z_]+\s*=", lines[at])]
    lines.insert(keys[-1] + 1 if keys else first, line)


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
