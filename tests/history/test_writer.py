"""What is put is written: in few commits, in the end, and after whatever the disk did in between."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import wait

import pytest

from backstride.domain.walker import Walker
from backstride.history import writer as module
from backstride.history.database import HistoryError
from backstride.history.store import Store
from backstride.history.writer import BusyError, Writer

LIMIT_S = 20


@pytest.fixture
def write(path):
    """A writer of the test's own; closed in the end."""
    made = []

    def build(**times):
        made.append(Writer(lambda: Store(path), **times))
        made[-1].start()
        return made[-1]

    yield build
    for writer in made:
        assert writer.close(LIMIT_S)


def test_what_waits_is_one_commit(write, path, make):
    writer = write(pause_s=60)
    for second in range(100):
        writer.put(make.head("1", length=second * 1_000), [make.sample(second)])
    assert writer.close(LIMIT_S)
    with Store(path) as store:
        record = store.load("1")
    assert (1, 99_000, 100) == (writer.commits, record.head.length, len(record.samples))


def test_the_end_of_a_session_does_not_wait(write, make):
    writer = write(pause_s=3_600)
    writer.put(make.head("1"), [make.sample(0)])
    writer.put(make.head("1", outcome="completed"), [make.sample(1)])
    (head,) = writer.ask(Store.heads).result(LIMIT_S)
    assert "completed" == head.outcome


def test_a_session_under_way_is_there_after_the_pause(write, path, make):
    writer = write(pause_s=0.01)
    opened = writer.ask(Store.heads).result(LIMIT_S)
    writer.put(make.head("1"), [make.sample(0)])
    while not (found := writer.ask(Store.heads).result(LIMIT_S)):
        pass
    assert ((), "1") == (opened, found[0].id)


def test_a_locked_history_is_written_when_it_is_free_again(write, path, make, monkeypatch):
    monkeypatch.setattr("backstride.history.database.PATIENCE_S", 0.05)
    writer = write(pause_s=0, retry_s=0.05)
    writer.ask(Store.heads).result(LIMIT_S)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.put(make.head("1", outcome="completed"), [make.sample(0)])
    with pytest.raises(HistoryError, match="locked"):
        writer.ask(lambda store: store.rate("1", pain=1)).result(LIMIT_S)
    assert "locked" in writer.failed
    writer.put(make.head("1", outcome="completed", length=5), [make.sample(1)])
    other.execute("ROLLBACK")
    other.close()
    assert writer.close(LIMIT_S)
    with Store(path) as store:
        record = store.load("1")
    assert (None, 5, 2) == (writer.failed, record.head.length, len(record.samples))


def test_a_file_that_is_no_history_costs_the_history_and_nothing_else(write, path, make):
    path.write_bytes(b"no database at all" * 500)
    writer = write(pause_s=0, retry_s=3_600)
    writer.put(make.head("1", outcome="completed"), [make.sample(0)])
    with pytest.raises(HistoryError, match="not a database"):
        writer.ask(Store.heads).result(LIMIT_S)
    assert "not a database" in writer.failed
    assert writer.close(LIMIT_S)
    assert path.read_bytes().startswith(b"no database at all")


def test_a_directory_that_is_not_there_may_come_later(tmp_path, make):
    home = tmp_path / "later"
    writer = Writer(lambda: Store(home / "history.db"), pause_s=0, retry_s=0.05)
    writer.start()
    writer.put(make.head("1", outcome="completed"))
    with pytest.raises(HistoryError, match="unable to open"):
        writer.ask(Store.heads).result(LIMIT_S)
    home.mkdir()
    assert writer.close(LIMIT_S)
    with Store(home / "history.db") as store:
        assert ["1"] == [head.id for head in store.heads()]


def test_a_disk_that_takes_nothing_costs_no_more_memory_than_agreed(path, make, monkeypatch):
    monkeypatch.setattr(module, "MOST", 10)
    writer = Writer(lambda: Store(path))  # never started: nothing is taken
    for second in range(25):
        writer.put(make.head("1", length=second), [make.sample(second)])
    assert 15 == writer.dropped
    writer.start()
    assert writer.close(LIMIT_S)
    with Store(path) as store:
        record = store.load("1")
    assert [second * 1_000 for second in range(15, 25)] == [part.at for part in record.samples]
    assert 24 == record.head.length


def test_too_many_questions_are_refused_and_the_others_answered(path, monkeypatch):
    monkeypatch.setattr(module, "QUESTIONS", 2)
    writer = Writer(lambda: Store(path))
    answers = [writer.ask(Store.heads) for _ in range(3)]
    with pytest.raises(BusyError):
        answers[2].result(LIMIT_S)
    writer.start()
    assert [(), ()] == [answer.result(LIMIT_S) for answer in answers[:2]]
    assert writer.close(LIMIT_S)
    with pytest.raises(BusyError):
        writer.ask(Store.heads).result(LIMIT_S)


def test_a_question_that_fails_fails_for_the_one_who_asked(write):
    writer = write()
    bad = writer.ask(lambda store: store.heads()[7])
    good = writer.ask(Store.walkers)
    wait([bad, good], LIMIT_S)
    assert (IndexError, ()) == (type(bad.exception()), good.result())


def test_putting_waits_for_nobody(path, make):
    blocked = threading.Event()

    def open_later():
        blocked.wait(LIMIT_S)
        return Store(path)

    writer = Writer(open_later)
    writer.start()
    writer.put(make.head("1"), [make.sample(0)])
    assert not writer.close(0.01)
    blocked.set()
    assert writer.close(LIMIT_S)
    assert 1 == writer.commits


def test_a_full_disk_costs_nothing_once_there_is_room_again(write, path, make):
    writer = write(pause_s=0, retry_s=0.05)
    pages = writer.ask(lambda store: limit_pages(store, 1)).result(LIMIT_S)
    writer.put(make.head("1", outcome="completed"), [make.sample(n) for n in range(5_000)])
    with pytest.raises(HistoryError, match="full"):
        writer.ask(lambda store: store.save_walker(Walker(id="a" * 9_000, name="A"))).result(
            LIMIT_S
        )
    assert "full" in writer.failed
    assert () == writer.ask(Store.heads).result(LIMIT_S)
    writer.ask(lambda store: limit_pages(store, pages + 1_000)).result(LIMIT_S)
    assert writer.close(LIMIT_S)
    with Store(path) as store:
        assert (None, 5_000) == (writer.failed, len(store.load("1").samples))


def limit_pages(store, most):
    """Let the file grow no further, as a full disk would; the least that can be set is what it has."""
    row = store._database._connection.execute(f"PRAGMA max_page_count = {most}").fetchone()
    return row["max_page_count"]
