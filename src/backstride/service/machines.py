"""A gym's machines as CSV: one row a treadmill, one column a key of `[[treadmill]]`.

The rules are the configuration's own: each cell is read by the reader of its key, and the rows are checked
against each other as the tables of a configuration are. Every problem is told at once, with row and column;
a row has the number that the spreadsheet shows.
"""

from __future__ import annotations

import csv
import json
from difflib import get_close_matches
from pathlib import Path
from typing import Final, override

from backstride.service.config import SECTIONS, read_treadmills
from backstride.service.configreader import LARGEST_FILE, ConfigError, Findings, Problem

COLUMNS: Final[tuple[str, ...]] = tuple(key for key in SECTIONS["treadmill"] if key != "walker")
"""What a column may be called; only `id` must be there."""
MOST_ROWS: Final = 2_000
"""[CHOICE] far more than a house with one broker has."""


class _Cells(Findings):
    """Findings about tables that were rows: told as row and column."""

    def __init__(self, file: str, rows: list[int]) -> None:
        super().__init__(file)
        self._rows = rows

    @override
    def add(self, key: str, what: str) -> None:
        where, _, column = key.partition(".")
        number = where.removeprefix("treadmill[").removesuffix("]")
        if number.isdecimal():
            where = f"row {self._rows[int(number) - 1]}"
        self._found.append(
            Problem(self.file, 0, f"{where}, column {column}" if column else where, what)
        )


def read_machines(path: Path) -> tuple[dict[str, str], ...]:
    """Read a table of machines: each row's cells by their keys, as they stand; empty cells are left out.

    Raises:
        ConfigError: unreadable, or a cell cannot be used; all problems at once.
    """
    header, *rows = _read_rows(path) or [(1, [])]
    names = [cell.strip().casefold().replace(" ", "_").replace("-", "_") for cell in header[1]]
    _check_header(path, header[1], names)
    tables: list[dict[str, str]] = []
    numbers: list[int] = []
    long: list[Problem] = []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(names):
            what = f"has {len(cells)} cells for {len(names)} columns; quote a cell with a separator in it"
            long.append(Problem(str(path), 0, f"row {number}", what))
        pairs = zip(names, cells, strict=False)
        tables.append({name: cell.strip() for name, cell in pairs if cell.strip()})
        numbers.append(number)
    findings = _Cells(str(path), numbers)
    if not tables:
        findings.add(
            "row 2", f"is missing; below the header each row is a treadmill: {', '.join(COLUMNS)}"
        )
    elif len(tables) > MOST_ROWS:
        findings.add(f"row {numbers[MOST_ROWS]}", f"is one too many; {MOST_ROWS} fit into one file")
    else:
        read_treadmills(tables, findings)
    if long:
        raise ConfigError(tuple(long))
    findings.check()
    return tuple(tables)


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows with their numbers."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _whole(path, f"cannot be read ({error.strerror})") from None
    if len(data) > LARGEST_FILE:
        raise _whole(path, f"is larger than {LARGEST_FILE} bytes; this is no table of machines")
    try:
        text = data.decode("utf-8-sig")  # spreadsheets begin with a mark
    except UnicodeDecodeError:
        raise _whole(path, "is not UTF-8 text; save it as `CSV UTF-8`") from None
    # Where a comma is the decimal sign, spreadsheets separate by semicolons.
    separator = max(",;\t", key=text.partition("\n")[0].count)
    try:
        # Numbered here: a quoted line break would make the reader's own count that of lines.
        return list(enumerate(csv.reader(text.splitlines(), delimiter=separator, strict=True), 1))
    except csv.Error as error:
        raise _whole(path, f"is not CSV ({error}); a quoted cell must end in its own row") from None


def _check_header(path: Path, written: list[str], names: list[str]) -> None:
    problems = []
    for column, (shown, name) in enumerate(zip(written, names, strict=True), 1):
        if name in COLUMNS and names.index(name) == column - 1:
            continue
        near = get_close_matches(name, COLUMNS, n=1, cutoff=0.6)
        if name in COLUMNS:
            what = "is there twice; each column stands once"
        elif near:
            what = f"is {shown!r}, which is not known; did you mean `{near[0]}`?"
        else:
            what = f"is {shown!r}, which is not known; there are {', '.join(COLUMNS)}"
        problems.append(Problem(str(path), 0, f"row 1, column {column}", what))
    if "id" not in names:
        what = (
            "has no column `id`; the first row names the columns, for example id,name,address,host"
        )
        problems.append(Problem(str(path), 0, "row 1", what))
    if problems:
        raise ConfigError(tuple(problems))


def _whole(path: Path, what: str) -> ConfigError:
    return ConfigError((Problem(str(path), 0, "", what),))


def write_tables(tables: tuple[dict[str, str], ...]) -> str:
    """Write rows as `[[treadmill]]` tables, as `read_config` reads them."""
    lines: list[str] = []
    for table in tables:
        lines.append("\n[[treadmill]]")
        # What JSON writes of printable text is a basic string of TOML.
        lines += [
            f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()
        ]
    return "\n".join(lines) + "\n"
