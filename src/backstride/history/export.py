"""A session as a file: in which formats, under which name."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from backstride.domain.errors import BackstrideError
from backstride.domain.record import Head, Record
from backstride.history.plain import began
from backstride.history.private import write_privately
from backstride.history.table import to_csv, to_json
from backstride.history.tcx import to_tcx


class Format(StrEnum):
    """What a session can be written as."""

    FIT = "fit"
    TCX = "tcx"
    CSV = "csv"
    JSON = "json"


def _to_fit(record: Record) -> bytes:
    # 200 modules: nothing that a daemon at rest should hold in memory.
    from backstride.history.fit import to_fit  # noqa: PLC0415

    return to_fit(record)


_WRITERS: Final[dict[Format, Callable[[Record], bytes]]] = {
    Format.FIT: _to_fit,
    Format.TCX: to_tcx,
    Format.CSV: to_csv,
    Format.JSON: to_json,
}


class ExportError(BackstrideError):
    """A session could not be written; the message says why and where."""


def encode(record: Record, form: Format) -> bytes:
    """The session in this format."""
    return _WRITERS[form](record)


def file_name(head: Head, form: Format) -> str:
    """A name that sorts by time and says what was walked: `2026-11-20-1830-first-steps.fit`.

    The time is that of the place; the part of the id at the end keeps two sessions of a minute apart.
    """
    program = re.sub(r"[^a-z0-9-]+", "-", head.program.lower()).strip("-") or "session"
    mark = re.sub(r"[^A-Za-z0-9]+", "", head.id)[-6:]
    return f"{began(head):%Y-%m-%d-%H%M}-{program}-{mark}.{form}"


def save(record: Record, form: Format, directory: Path) -> Path:
    """Write the session into a directory, whole or not at all; an older file of it is replaced.

    Only the owner reads it.

    Raises:
        ExportError: the directory cannot be made or written.
    """
    path = directory / file_name(record.head, form)
    try:
        write_privately(path, encode(record, form))
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}") from error
    return path
