"""Sessions come back as they were written, are found by what one asks for, and go when they are erased."""

from __future__ import annotations

import stat
from contextlib import closing

import pytest
from msgspec.structs import replace

from backstride.domain.record import Head, Lap, Record, Said, Sample, Trouble
from backstride.domain.workout import Effort, Facing, Level
from backstride.history.database import Database, HistoryError
from backstride.history.store import INTERRUPTED, Entry, Store

FULL_HEAD = Head(
    id="1", treadmill="garage", program="hill", program_name="Hill", level=Level.REGULAR, started=7,
    offset=-150, walker="null", length=61_000, outcome="completed", completed=True, walked=60_000,
    backward=40_000, distance=55, steps=120, top_speed=250, top_incline=15, work_speed=240, energy=431,
    heart_rate_mean=99, heart_rate_max=131, alarms=2, effort=13, pain=0,
)  # fmt: skip
FULL_SAMPLE = Sample(
    at=1_000, speed=250, setpoint=240, incline=-1, heart_rate=88, steps=3, distance=1, energy=9,
    facing=Facing.BACKWARD,
)  # fmt: skip
FULL_LAP = Lap(
    index=3,
    effort=Effort.WORK,
    facing=Facing.BACKWARD,
    start=5,
    end=9,
    speed=100,
    ramp_to=150,
    incline=5,
)


def test_a_record_comes_back_as_it_was_written(store):
    parts = (
        FULL_SAMPLE, Sample(at=2_000), FULL_LAP, replace(FULL_LAP, end=None),
        Said(at=5, kind="faster", text="først tærne, så hælen", heard=True), Said(at=6, kind="x", text=""),
        Trouble(at=9, cause="stale", action="hold", sentence="no telemetry"),
    )  # fmt: skip
    store.write(FULL_HEAD, [Entry(n, part) for n, part in enumerate(parts)])
    assert Record(
        head=FULL_HEAD, samples=parts[:2], laps=parts[2:4], said=parts[4:6], troubles=parts[6:]
    ) == store.load("1")


def test_every_field_of_a_record_has_its_column(path):
    kinds = {"session": Head, "sample": Sample, "lap": Lap, "said": Said, "trouble": Trouble}
    with closing(Database(path)) as database, database.reading() as connection:
        columns = {
            table: {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
            for table in kinds
        }
    fields = {table: set(kind.__struct_fields__) for table, kind in kinds.items()}
    keys = {"session": {"number"}, "sample": {"session"}}
    both = {"session", "number"}
    assert {table: fields[table] | keys.get(table, both) for table in kinds} == columns


def test_a_part_that_is_written_again_replaces_itself(store, make):
    store.write(make.head("1"), [make.sample(1), make.said])
    heard = Entry(0, replace(make.said.part, heard=True))
    store.write(make.head("1", length=9), [make.sample(1, speed=7), heard])
    record = store.load("1")
    assert (9, [7], [True]) == (
        record.head.length, [part.speed for part in record.samples], [part.heard for part in record.said]
    )  # fmt: skip


def test_what_is_not_there_is_none(store):
    assert (None, (), ()) == (store.load("1"), store.heads(), store.find("1"))
    assert (False, False) == (store.delete("1"), store.rate("1", effort=12))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["4", "3", "2", "1"]),
        ({"limit": 2}, ["4", "3"]),
        ({"limit": 0}, []),
        ({"walker": "ann"}, ["3", "1"]),
        ({"treadmill": "attic"}, ["4", "3"]),
        ({"walker": "ann", "treadmill": "attic"}, ["3"]),
        ({"since": 200}, ["4", "3", "2"]),
        ({"until": 300}, ["2", "1"]),
        ({"since": 200, "until": 300, "walker": "bo"}, ["2"]),
        ({"walker": "nobody"}, []),
    ],
)
def test_sessions_are_found_by_what_one_asks_for_the_newest_first(store, make, asked, found):
    for name, walker, treadmill in (
        ("1", "ann", "garage"), ("2", "bo", "garage"), ("3", "ann", "attic"), ("4", None, "attic")
    ):  # fmt: skip
        store.write(make.head(name, walker=walker, treadmill=treadmill, started=int(name) * 100))
    assert found == [head.id for head in store.heads(**asked)]


def test_a_session_is_found_by_the_beginning_of_its_id(store, make):
    for name in ("20261119-1", "20261120-1", "20261120-2"):
        store.write(make.head(name))
    assert ["20261120-2", "20261120-1"] == [head.id for head in store.find("20261120")]
    assert [] == [head.id for head in store.find("2027")]


def test_what_was_said_afterwards_is_kept_bit_by_bit(store, make):
    store.write(make.head("1"))
    assert store.rate("1", effort=13)
    assert store.rate("1", pain=0)
    store.write(make.head("1", length=5))
    (head,) = store.heads()
    assert (13, 0, 5) == (head.effort, head.pain, head.length)


def test_a_head_that_says_it_changes_what_was_said(store, make):
    store.write(make.head("1", effort=9))
    store.write(make.head("1", effort=13))
    assert [13] == [head.effort for head in store.heads()]


def test_a_session_whose_daemon_died_is_closed_at_the_next_start(store, make):
    store.write(make.head("1", outcome="completed"))
    store.write(make.head("2", length=7))
    store.write(make.head("3", treadmill="attic"))
    assert (1, 0) == (store.close_interrupted("garage"), store.close_interrupted("garage"))
    outcomes = {head.id: (head.outcome, head.length) for head in store.heads()}
    assert {"1": ("completed", 0), "2": (INTERRUPTED, 7), "3": (None, 0)} == outcomes


def test_a_deleted_session_takes_its_parts_with_it(path, make):
    with Store(path) as store:
        store.write(make.head("1"), [make.sample(1), make.lap, make.said, make.trouble])
        store.write(make.head("2"), [make.sample(1)])
        assert store.delete("1")
        assert (None, 1) == (store.load("1"), len(store.load("2").samples))
        with store._database.reading() as connection:
            counts = [
                len(connection.execute(f"SELECT 1 FROM {table}").fetchall())
                for table in ("session", "sample", "lap", "said", "trouble")
            ]
    assert [1, 1, 0, 0, 0] == counts


def test_a_reader_sees_what_the_writer_committed_and_never_waits(path, make):
    with Store(path) as writer, Store(path, writes=False) as reader:
        writer.write(make.head("1"))
        with writer._database.writing() as connection:
            connection.execute("DELETE FROM session")
            assert ["1"] == [head.id for head in reader.heads()]
        assert () == reader.heads()


def test_who_only_reads_makes_no_file_and_writes_none(path, make):
    with pytest.raises(HistoryError, match="unable to open"):
        Store(path, writes=False)
    assert not path.exists()
    with Store(path):
        pass
    with Store(path, writes=False) as reader, pytest.raises(HistoryError, match="readonly"):
        reader.write(make.head("1"))


def test_the_file_is_its_owners_alone(path, store, make):
    store.write(make.head("1"))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert {"history.db": 0o600, "history.db-wal": 0o600, "history.db-shm": 0o600} == modes


def test_a_backup_is_a_history_of_one_moment(tmp_path, store, make):
    store.write(make.head("1"), [make.sample(n) for n in range(500)])
    copy = tmp_path / "backup.db"
    store.backup(copy)
    store.write(make.head("2"))
    with Store(copy) as found:
        assert ["1"] == [head.id for head in found.heads()]
        assert store.load("1") == found.load("1")
    assert 0o600 == stat.S_IMODE(copy.stat().st_mode)


def test_a_backup_overwrites_nothing(tmp_path, store):
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    with pytest.raises(HistoryError, match="File exists"):
        store.backup(precious)
    assert "years of work" == precious.read_text()


def test_vacuum_gives_back_the_room_of_what_was_deleted(path, store, make):
    for number in range(20):
        store.write(make.head(str(number)), [make.sample(n) for n in range(400)])
    store.vacuum()
    full = path.stat().st_size
    for number in range(19):
        store.delete(str(number))
    store.vacuum()
    assert path.stat().st_size < full // 4
    assert 400 == len(store.load("19").samples)


def test_what_the_file_cannot_mean_is_told(store, make):
    store.write(make.head("1"), [make.sample(1)])
    with store._database.writing() as connection:
        connection.execute("UPDATE sample SET facing = 'sideways'")
    with pytest.raises(HistoryError, match="sideways"):
        store.load("1")


def test_the_list_and_one_session_are_found_without_looking_at_everything(store):
    """A million samples later this is what keeps them quick: no scan, no sorting."""
    queries = (
        "SELECT * FROM session ORDER BY started DESC, number DESC LIMIT 10",
        "SELECT * FROM session WHERE walker = 'a' ORDER BY started DESC, number DESC LIMIT 10",
        "SELECT * FROM session WHERE treadmill = 'a' AND started >= 5 ORDER BY started DESC, number DESC",
        "SELECT * FROM session WHERE id = 'a'",
        "SELECT * FROM sample WHERE session = 1 ORDER BY at",
        "SELECT * FROM said WHERE session = 1 ORDER BY number",
        "UPDATE session SET outcome = 'x' WHERE treadmill = 'a' AND outcome IS NULL",
    )
    with store._database.reading() as connection:
        plans = {
            query: " ".join(
                row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")
            )
            for query in queries
        }
    assert {} == {
        q: p for q, p in plans.items() if "TEMP B-TREE" in p or ("SCAN" in p and "INDEX" not in p)
    }
