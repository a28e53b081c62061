"""A history of any age is brought to the newest version, and one from the future is left alone."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest

from backstride.domain.walker import Walker
from backstride.history.database import HistoryError
from backstride.history.migrations import MIGRATIONS, NEWEST
from backstride.history.store import Store

ANN = Walker(id="ann", name="Ann")
CONTENT = {
    1: """INSERT INTO walker VALUES ('ann', '{"id":"ann","name":"Ann"}', '{"a":1}');""",
    2: """INSERT INTO session (id, treadmill, program, program_name, level, started, offset, length,
            completed, walked, backward, top_speed, top_incline, work_speed, alarms)
          VALUES ('1', 'garage', 'p', 'P', 'beginner', 5, 0, 1000, 1, 1000, 0, 100, 0, 0, 0);
          INSERT INTO sample (session, at, speed, facing) VALUES (1, 0, 100, 'backward');""",
}
"""What a version can hold that the one before could not; each new version adds a line."""


@pytest.fixture
def old(path):
    """Make a history of an older version, with something in it."""

    def make(version):
        with closing(sqlite3.connect(path)) as connection:
            for number in range(version):
                connection.executescript(MIGRATIONS[number])
            connection.execute(f"PRAGMA user_version = {version}")
            for number in range(1, version + 1):
                connection.executescript(
                    CONTENT[number].replace("'{", "CAST('{").replace("}'", "}' AS BLOB)")
                )
            connection.commit()
        return path

    return make


def shape_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute("SELECT type, name, sql FROM sqlite_schema"))


def test_every_version_has_something_to_bring_along():
    assert list(range(1, NEWEST + 1)) == sorted(CONTENT)


@pytest.mark.parametrize("version", range(NEWEST + 1))
def test_a_history_of_any_version_opens_with_everything_in_it(old, version, tmp_path):
    path = old(version)
    with Store(path) as store:
        assert ((ANN,) if version >= 1 else ()) == store.walkers()
        assert (["1"] if version >= 2 else []) == [head.id for head in store.heads()]
        if version >= 2:
            assert [100] == [sample.speed for sample in store.load("1").samples]
        store.save_walker(Walker(id="bo", name="Bo"))
    with Store(tmp_path / "new.db"):
        pass
    assert shape_of(tmp_path / "new.db") == shape_of(path)


def test_who_only_reads_does_not_change_an_older_history(old):
    path = old(1)
    before = path.read_bytes()
    with pytest.raises(HistoryError, match=r"version 1 .* start the daemon once"):
        Store(path, writes=False)
    assert before == path.read_bytes()


@pytest.mark.parametrize("writes", [True, False])
def test_a_history_from_the_future_is_left_alone(path, writes):
    with Store(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
    with pytest.raises(HistoryError, match="update Backstride"):
        Store(path, writes=writes)


def test_a_migration_that_fails_leaves_the_version_before(old, monkeypatch):
    path = old(1)
    broken = (*MIGRATIONS[:1], "CREATE TABLE session (id TEXT); CREATE NONSENSE;")
    monkeypatch.setattr("backstride.history.database.MIGRATIONS", broken)
    with pytest.raises(HistoryError, match="NONSENSE"):
        Store(path)
    monkeypatch.undo()
    with Store(path) as store:
        assert ((ANN,), ()) == (store.walkers(), store.heads())


def test_several_who_open_a_new_history_at_once_all_get_it(path):
    gate, found = threading.Barrier(4), []

    def open_it():
        gate.wait(20)
        with Store(path) as store:
            found.append(store.heads())

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [()] * 4 == found
