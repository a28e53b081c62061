"""A process that records sessions as fast as it can until it is killed; run by test_power.py.

It says `open` before it opens the history, and `<session> <second>` once that much of it is durable.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from backstride.domain.record import Head, Lap, Said, Sample
from backstride.domain.workout import Effort, Facing, Level
from backstride.history.store import Entry, Store
from backstride.history.writer import Writer

LENGTH = 25
"""Seconds of a session."""


def open_store(path):
    """Open the history with so small a log that kills fall into checkpoints, too."""
    store = Store(path)
    store._database._connection.execute("PRAGMA wal_autocheckpoint = 30")
    return store


def parts(second):
    """What one second adds: each kind of part is there once for each second."""
    yield Entry(second, Sample(at=second * 1_000, speed=second, facing=Facing.BACKWARD))
    yield Entry(
        second, Lap(index=second, effort=Effort.WORK, facing=Facing.BACKWARD, start=second * 1_000)
    )
    yield Entry(second, Said(at=second * 1_000, kind="steady", text=f"cue {second}"))


def main():
    path, life = Path(sys.argv[1]), sys.argv[2]
    sys.stdout.write("open\n")
    sys.stdout.flush()
    writer = Writer(lambda: open_store(path), pause_s=0)
    writer.start()
    for session in count():
        for second in range(LENGTH):
            head = Head(
                id=f"{life}-{session}", treadmill="garage", program="p", program_name="P",
                level=Level.BEGINNER, started=session, length=second * 1_000, alarms=second + 1,
                outcome="completed" if second == LENGTH - 1 else None,
            )  # fmt: skip
            writer.put(head, list(parts(second)))
            writer.ask(lambda _: None).result(20)
            assert writer.failed is None, writer.failed
            sys.stdout.write(f"{head.id} {second}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
