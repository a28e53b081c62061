"""Sessions and walkers, kept: the one door to the history.

Theory of operation
-------------------
A session is written while it lasts: entries with their number, any number of times, in any order, each batch
in one transaction together with the head that sums them up. So whatever a power cut leaves is a session as
it was at one moment, and a batch that was in doubt may be written again. Its head has no outcome until
it ends; `close_interrupted` gives one to those whose daemon died.

Reads of one method see one moment. Everything raises `HistoryError` where SQLite fails, and blocks for as
long as the disk does: the daemon calls from a thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from msgspec import Struct

from backstride.domain.record import Head, Lap, Record, Said, Sample, Trouble
from backstride.domain.walker import Walker
from backstride.history.database import Database, HistoryError

INTERRUPTED: Final = "interrupted"
"""The outcome of a session whose daemon died in it: a power cut, a crash."""
NOTHING: Final = b"{}"
MANY: Final = 1_000_000_000
"""No limit."""


class Entry(Struct, frozen=True):
    """One part of a session, which replaces itself when it is written again.

    `number` tells the parts of a kind from each other; a sample is known by its own instant.
    """

    number: int
    part: Sample | Lap | Said | Trouble


class Store:
    """The history in one file. Any thread may use it.

    Args:
        path: the file; its directory must be there.
        writes: make the file if need be and bring it to the newest version; else it is only read.

    Raises:
        HistoryError: the file cannot be opened, or was written by a newer Backstride.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self._database = Database(path, writes=writes)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @property
    def changes(self) -> int:
        """Another number whenever somebody else has changed the file since this store was opened."""
        with self._database.reading() as connection:
            (row,) = connection.execute("PRAGMA data_version").fetchall()
        return int(row["data_version"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- sessions ------------------------------------------------------------------------------

    def heads(
        self,
        *,
        walker: str | None = None,
        treadmill: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> tuple[Head, ...]:
        """Sessions in one line each, the newest first. `since` (inclusive) and `until` in ms since 1970."""
        given = {
            "walker = ?": walker,
            "treadmill = ?": treadmill,
            "started >= ?": since,
            "started < ?": until,
        }
        asked = {words: value for words, value in given.items() if value is not None}
        where = f"WHERE {' AND '.join(asked)}" if asked else ""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT * FROM session {where} ORDER BY started DESC, number DESC LIMIT ?",  # noqa: S608  our own words
                (*asked.values(), MANY if limit is None else limit),
            ).fetchall()
        return tuple(_read(rows, Head))

    def find(self, name: str) -> tuple[Head, ...]:
        """The sessions whose id begins with `name`, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM session WHERE id >= ? AND id < ? ORDER BY started DESC, number DESC",
                (name, name + _LAST),
            ).fetchall()
        return tuple(_read(rows, Head))

    def load(self, session: str) -> Record | None:
        """Everything about one session; None where there is none of this id."""
        with self._database.reading() as connection:
            found = connection.execute("SELECT * FROM session WHERE id = ?", (session,)).fetchall()
            if not found:
                return None
            parts = {
                kind: connection.execute(
                    f"SELECT * FROM {table} WHERE session = ? ORDER BY {key}",  # noqa: S608  our own names
                    (found[0]["number"],),
                ).fetchall()
                for kind, (table, key) in _TABLES.items()
            }
        return Record(
            head=_read(found, Head)[0],
            samples=tuple(_read(parts[Sample], Sample)),
            laps=tuple(_read(parts[Lap], Lap)),
            said=tuple(_read(parts[Said], Said)),
            troubles=tuple(_read(parts[Trouble], Trouble)),
        )

    def write(self, head: Head, entries: Iterable[Entry] = ()) -> None:
        """Add to a session, and to the history if it is new; all of it is durable, or nothing was written.

        A head that says nothing of `effort` or `pain` leaves what a walker said of them alone.
        """
        with self._database.writing() as connection:
            connection.execute(_UPSERT, _values(head))
            (row,) = connection.execute("SELECT number FROM session WHERE id = ?", (head.id,))
            for entry in entries:
                table, key = _TABLES[type(entry.part)]
                values = {"session": row["number"], key: entry.number, **_values(entry.part)}
                connection.execute(_replace(table, tuple(values)), values)

    def rate(self, session: str, *, effort: int | None = None, pain: int | None = None) -> bool:
        """Keep what the walker said after a session; what is None stays. Tells whether it is there."""
        with self._database.writing() as connection:
            done = connection.execute(
                "UPDATE session SET effort = ifnull(?, effort), pain = ifnull(?, pain) WHERE id = ?",
                (effort, pain, session),
            )
        return done.rowcount > 0

    def close_interrupted(self, treadmill: str) -> int:
        """Give an outcome to the sessions of a treadmill whose daemon died in them; how many.

        Only for whoever holds the treadmill's lock: nobody else records it then.
        """
        with self._database.writing() as connection:
            done = connection.execute(
                "UPDATE session SET outcome = ? WHERE treadmill = ? AND outcome IS NULL",
                (INTERRUPTED, treadmill),
            )
        return done.rowcount

    def delete(self, session: str) -> bool:
        """Erase a session, and tell whether it was there."""
        with self._database.writing() as connection:
            done = connection.execute("DELETE FROM session WHERE id = ?", (session,))
        self._database.fold()
        return done.rowcount > 0

    # -- walkers -------------------------------------------------------------------------------

    def walkers(self) -> tuple[Walker, ...]:
        """Everybody of the site, by id."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT about FROM walker ORDER BY id").fetchall()
        return tuple(_walker(row["about"]) for row in rows)

    def walker(self, walker: str) -> Walker | None:
        """The walker with this id."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT about FROM walker WHERE id = ?", (walker,)).fetchall()
        return _walker(rows[0]["about"]) if rows else None

    def extra(self, walker: str) -> bytes:
        """What was kept beside a walker: JSON of its writer's own, `{}` for nothing or nobody."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT extra FROM walker WHERE id = ?", (walker,)).fetchall()
        return bytes(rows[0]["extra"]) if rows else NOTHING

    def save_walker(self, walker: Walker, extra: bytes | None = None) -> None:
        """Add a walker or change one; without `extra`, what was kept beside them stays."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO walker (id, about, extra) VALUES (?1, ?2, ifnull(?3, ?4))"
                " ON CONFLICT (id) DO UPDATE SET about = ?2, extra = ifnull(?3, extra)",
                (walker.id, msgspec.json.encode(walker), extra, NOTHING),
            )

    def erase_walker(self, walker: str) -> int | None:
        """Erase a walker and their sessions for good; how many these were, None where nobody had this id.

        A walker who is not in the table may still have sessions: they go, too.
        """
        with self._database.writing() as connection:
            known = connection.execute("DELETE FROM walker WHERE id = ?", (walker,)).rowcount
            done = connection.execute("DELETE FROM session WHERE walker = ?", (walker,)).rowcount
        self._database.fold()
        return done if known or done else None

    # -- the file ------------------------------------------------------------------------------

    def backup(self, path: Path) -> None:
        """Copy the history as it is at this moment into a new file; the daemon may go on writing.

        Raises:
            HistoryError: there is a file already, or the disk failed.
        """
        self._database.copy(path)

    def vacuum(self) -> None:
        """Give the room of what was deleted back to the disk."""
        self._database.vacuum()


_LAST: Final = "\U0010ffff"
"""Sorts behind whatever an id can go on with."""
_TABLES: Final[dict[type[Struct], tuple[str, str]]] = {
    Sample: ("sample", "at"),
    Lap: ("lap", "number"),
    Said: ("said", "number"),
    Trouble: ("trouble", "number"),
}
"""Where a part is kept, and the column that counts it within its session."""
_COLUMNS: Final = Head.__struct_fields__
_KEPT: Final = frozenset({"id", "walker"})
"""What a later head does not change."""
_SAID: Final = frozenset({"effort", "pain"})
"""What a later head changes only if it says something."""
_UPSERT: Final = (
    f"INSERT INTO session ({', '.join(_COLUMNS)})"  # noqa: S608  our own names
    f" VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(
        f"{name} = ifnull(excluded.{name}, {name})"
        if name in _SAID
        else f"{name} = excluded.{name}"
        for name in _COLUMNS
        if name not in _KEPT
    )
)


def _values(part: Struct) -> dict[str, Any]:
    """The fields of a part as SQLite takes them: an enum's value is text, a flag a number."""
    return {name: getattr(part, name) for name in part.__struct_fields__}


def _replace(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return (
        f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({', '.join(f':{c}' for c in columns)})"  # noqa: S608  our own names
    )


def _read[Part: Struct](rows: list[dict[str, Any]], kind: type[Part]) -> list[Part]:
    """Rows as the values that were written."""
    try:
        return [msgspec.convert(row, kind, strict=False) for row in rows]
    except msgspec.ValidationError as error:
        raise HistoryError(f"the history holds what it cannot mean: {error}") from error


def _walker(about: bytes) -> Walker:
    try:
        return msgspec.json.decode(about, type=Walker)
    except msgspec.DecodeError as error:
        raise HistoryError(f"the history holds a walker that cannot be read: {error}") from error
