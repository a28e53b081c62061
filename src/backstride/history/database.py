"""One SQLite file: opened, brought to the newest version, guarded by a lock.

Theory of operation
-------------------
- WAL: a reader never waits for the writer nor the writer for a reader, so that `backstride history`
  works beside the daemon.
- `synchronous = FULL`: each commit is one fsync of the log. With NORMAL a power cut would take back every
  commit since the last checkpoint, which is most of a session; with FULL it takes back nothing that was
  committed, and a commit each few seconds costs a flash card less than the journal does.
- `secure_delete`: what a walker had erased is overwritten and not only forgotten.
- `user_version` counts the migrations that the file went through. Those that it lacks run in one
  transaction: it is as it was or as it should be, whenever the power fails and whoever looks.

The file is its owner's alone (0600): it holds what people said about their bodies.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from backstride.domain.errors import BackstrideError
from backstride.history.migrations import MIGRATIONS, NEWEST

FILE: Final = "history.db"
"""The name of the file in the daemon's state directory."""
PATIENCE_S: Final = 5.0
"""A writer waits this long for another one: a checkpoint of a slow card."""


class HistoryError(BackstrideError):
    """The history cannot be read or written; the message says why, as SQLite does."""


class NothingYetError(HistoryError):
    """The file was made just now, and nothing is in it: its writer has not come so far."""


class Database:
    """One connection. Any thread may use it, one at a time.

    Args:
        path: the file; its directory must be there.
        writes: make the file if need be and bring it to the newest version; else it is only read.

    Raises:
        HistoryError: it cannot be opened, is no history, or is a newer Backstride's.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self._translated():
            self._connection = _connect(path, writes=writes)
            try:
                self._prepare(writes=writes)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close it; the last one out folds the log into the file."""
        with self._lock, self._translated():
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one look at one moment: what is written meanwhile is not seen.

        Raises:
            HistoryError: SQLite failed.
        """
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction: all of it is durable afterwards, or none of it happened.

        Raises:
            HistoryError: SQLite failed; nothing was written.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def fold(self) -> None:
        """Fold the log into the file and empty it, so that what was erased is nowhere any more.

        Readers may keep it from that; then the next one who folds does it.
        """
        with self._plain() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def vacuum(self) -> None:
        """Write the file anew without its holes."""
        with self._plain() as connection:
            connection.execute("VACUUM")
        self.fold()

    def copy(self, path: Path) -> None:
        """Copy the whole of one moment into a new file.

        Raises:
            HistoryError: the file is there already, or cannot be written.
        """
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            raise HistoryError(f"{path} cannot be made: {error.strerror}") from error
        with self._plain() as connection, closing(sqlite3.connect(path)) as target:
            connection.backup(target)

    @contextmanager
    def _plain(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            yield self._connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._plain() as connection:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A disk that is full has rolled back by itself, and has nothing left to undo.
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OverflowError) as error:
            raise HistoryError(f"the history {self.path} fails: {error}") from error

    def _prepare(self, *, writes: bool) -> None:
        connection = self._connection
        connection.execute("PRAGMA foreign_keys = ON")
        if writes:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            if _version(connection) < NEWEST:
                self._migrate()
        if (found := _version(connection)) != NEWEST:
            kind = HistoryError if found else NothingYetError
            raise kind(
                f"{self.path} has version {found} and this Backstride knows {NEWEST}:"
                + (" update Backstride" if found > NEWEST else " start the daemon once")
            )

    def _migrate(self) -> None:
        """Up to the newest version, from wherever it is once nobody else is at it."""
        with self.writing() as connection:
            for step in MIGRATIONS[_version(connection) :]:
                for statement in step.split(";"):
                    connection.execute(statement)
            # A newer Backstride may have been quicker.
            connection.execute(f"PRAGMA user_version = {max(_version(connection), NEWEST)}")


def _connect(path: Path, *, writes: bool) -> sqlite3.Connection:
    if writes:
        with suppress(OSError):  # SQLite says better what is wrong, and whether it is there already
            _make(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'rw' if writes else 'ro'}",
        uri=True,
        timeout=PATIENCE_S,
        isolation_level=None,  # transactions are ours, and explicit
        check_same_thread=False,  # the lock takes care
    )
    connection.row_factory = _name
    return connection


def _make(path: Path) -> None:
    """Make the file; root makes it for the owner of the directory, and SQLite its log for the file's."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        if os.geteuid() == 0:
            place = path.parent.stat()
            os.fchown(handle, place.st_uid, place.st_gid)
    finally:
        os.close(handle)


def _name(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    """A row by the names of its columns."""
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _version(connection: sqlite3.Connection) -> int:
    (row,) = connection.execute("PRAGMA user_version").fetchall()
    return int(row["user_version"])
