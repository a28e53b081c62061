"""What was durable survives: a writer that is killed at any moment, and a log that is torn at any byte."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from backstride.history.migrations import NEWEST
from backstride.history.store import INTERRUPTED, Store

VICTIM = Path(__file__).with_name("victim.py")
KILLS = int(os.environ.get("BACKSTRIDE_KILLS", "6"))
"""`BACKSTRIDE_KILLS=400 pytest tests/history/test_power.py` for the long run."""
CUTS = 25
SEED = int(os.environ.get("BACKSTRIDE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def damage_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return [row for (row,) in connection.execute("PRAGMA integrity_check")]


def halves_in(store):
    """Sessions whose head and parts do not speak of the same second."""
    for head in store.heads():
        record = store.load(head.id)
        seconds = list(range(head.length // 1_000 + 1))
        told = (
            [part.at // 1_000 for part in record.samples],
            [part.index for part in record.laps],
            [part.at // 1_000 for part in record.said],
            [part.text for part in record.said],
            head.alarms,
        )
        whole = (seconds, seconds, seconds, [f"cue {n}" for n in seconds], len(seconds))
        if told != whole:
            yield head, told


def live(path, life, chance):
    """Let a writer live for a random while; what it had said to be durable, by session."""
    with subprocess.Popen(
        [sys.executable, str(VICTIM), str(path), life], stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdout.readline() == "open\n"
        if chance.random() < 0.7:  # else the kill may fall into the opening: recovery, migrations
            victim.stdout.readline()
        # How long it lives is what this is about; nothing is waited for.
        time.sleep(chance.random() * 0.06)
        victim.kill()
        lines = victim.stdout.read().splitlines()
    done = [line.split() for line in lines if line[-1:].isdigit() and " " in line]
    return {session: int(second) for session, second in done}


@pytest.mark.timeout(60 + 5 * KILLS)
def test_a_killed_writer_leaves_everything_that_it_had_committed(tmp_path, record_property):
    chance = random.Random(SEED)
    durable, path, files = {}, tmp_path / "0.db", 1
    for number in range(KILLS):
        if chance.random() < 0.2:
            durable, path, files = {}, tmp_path / f"{number}.db", files + 1
        durable |= live(path, f"{number}", chance)
        assert damage_of(path) == ["ok"], f"seed {SEED}, kill {number}"
        with Store(path) as store:
            store.close_interrupted("garage")
            kept = {head.id: head for head in store.heads()}
            assert [] == list(halves_in(store)), f"seed {SEED}, kill {number}"
        lost = {s: n for s, n in durable.items() if s not in kept or kept[s].length < n * 1_000}
        assert {} == lost, f"seed {SEED}, kill {number}"
        assert all(head.outcome in {"completed", INTERRUPTED} for head in kept.values())
    sessions = f"{sum(s in kept for s in durable)} sessions in the last of {files} files"
    record_property("figure", f"history: {KILLS} kills survived, {sessions} (seed {SEED})")


def test_a_power_cut_at_any_byte_of_the_log_takes_back_no_commit_before_it(tmp_path, make):
    chance = random.Random(SEED)
    path, log = tmp_path / "history.db", tmp_path / "history.db-wal"
    commits = []
    with Store(path) as store:
        start = log.stat().st_size
        for second in range(60):
            store.write(
                make.head("1", length=second * 1_000, alarms=second),
                [make.sample(n) for n in range(second, second + 3)],
            )
            commits.append(log.stat().st_size)
        cut = tmp_path / "cut"
        cut.mkdir()
        for number in range(CUTS):
            end = chance.randrange(start, commits[-1] + 1)
            shutil.copy(path, cut / path.name)
            rubbish = chance.randbytes(chance.choice((0, 100, 5_000)))
            (cut / log.name).write_bytes(log.read_bytes()[:end] + rubbish)
            (cut / "history.db-shm").unlink(missing_ok=True)
            assert damage_of(cut / path.name) == ["ok"], f"seed {SEED}, cut {number} at {end}"
            shutil.copy(path, cut / path.name)
            (cut / log.name).write_bytes(log.read_bytes()[:end] + rubbish)
            with Store(cut / path.name) as found:
                whole = sum(size <= end for size in commits)
                alarms = [head.alarms for head in found.heads()]
                assert alarms == ([whole - 1] if whole else []), f"seed {SEED}, cut at {end}"
                record = found.load("1")
            assert len(record.samples if record else ()) == (whole + 2 if whole else 0)


def test_a_commit_is_on_the_disk_when_it_returns(store):
    """FULL: one fsync a commit. With NORMAL a power cut takes back what came since the checkpoint."""
    with store._database.reading() as connection:
        found = {
            name: next(iter(connection.execute(f"PRAGMA {name}").fetchone().values()))
            for name in (
                "synchronous",
                "journal_mode",
                "foreign_keys",
                "secure_delete",
                "user_version",
            )
        }
    assert {
        "synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1,
        "user_version": NEWEST,
    } == found  # fmt: skip
