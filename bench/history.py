"""Years of sessions: how long the list and one session take with a million samples behind them.

`python -m bench.history [SAMPLES]` prints it, and exits non-zero when a figure is worse than its bar.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from msgspec import Struct

from backstride.domain.record import Head, Lap, Said, Sample
from backstride.domain.workout import Effort, Facing, Level
from backstride.history.store import Entry, Store
from backstride.history.week import add_up

MILLION = 1_000_000
LENGTH = 1_200
"""Samples of a session: twenty minutes."""
RUNS = 25
BATCH = 5
"""Seconds of a session in one commit, as the writer makes them."""


class Figure(Struct, frozen=True):
    """The median of some runs, in ms, and what it may be at most; None: it is only told."""

    name: str
    ms: float
    bar: float | None = None


def fill(store: Store, samples: int) -> None:
    """Write as many sessions as it takes, three a week."""
    for number in range(-(-samples // LENGTH)):
        started = 1_600_000_000_000 + number * 56 * 3_600_000
        head = Head(
            id=f"{number:06}", treadmill=f"treadmill-{number % 2}", walker=f"walker-{number % 3}",
            program="first-steps", program_name="First steps backward", level=Level.BEGINNER,
            started=started, length=LENGTH * 1_000, outcome="completed", completed=True,
            walked=LENGTH * 1_000, backward=600_000, distance=900, top_speed=250, effort=12,
        )  # fmt: skip
        store.write(head, list(entries(LENGTH)))


def entries(length: int) -> Iterator[Entry]:
    """What a session of so many seconds leaves."""
    for second in range(length):
        yield Entry(
            second,
            Sample(
                at=second * 1_000, speed=100 + second % 50, setpoint=150, incline=10,
                heart_rate=100 + second % 30, steps=second, distance=second // 2, energy=second,
                facing=Facing.BACKWARD,
            ),
        )  # fmt: skip
    for number in range(20):
        start = number * length * 50
        lap = Lap(
            index=number, effort=Effort.WORK, facing=Facing.BACKWARD, start=start, end=start + 50
        )
        yield Entry(number, lap)
    for number in range(100):
        yield Entry(number, Said(at=number * 10_000, kind="faster", text="faster", heard=True))


def take(name: str, work: Callable[[], object], bar: float | None = None) -> Figure:
    """The median time of a piece of work."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1_000)
    return Figure(name, statistics.median(times), bar)


def measure(path: Path, samples: int) -> list[Figure]:
    """Fill a history and ask it what people ask."""
    with Store(path) as store:
        fill(store, samples)
        heads = store.heads()
        middle = heads[len(heads) // 2]
        second = count(LENGTH)

        def commit() -> None:
            more = (Sample(at=next(second) * 1_000, speed=100) for _ in range(BATCH))
            store.write(middle, [Entry(part.at, part) for part in more])

        return [
            take("list: the newest 20", lambda: store.heads(limit=20), 50),
            take(
                "list: a walker's newest 20", lambda: store.heads(walker="walker-1", limit=20), 50
            ),
            take(f"list: all {len(heads)} sessions", store.heads, 50),
            take("weeks of all years", lambda: add_up(store.heads())),
            take(f"show: a session with {LENGTH} samples", lambda: store.load(middle.id), 200),
            take("open the file to read it", lambda: Store(path, writes=False).close()),
            take(f"commit {BATCH} s of a session (fsync)", commit),
        ]


def main(samples: int) -> int:
    """Print the figures; whether they are within their bars."""
    with tempfile.TemporaryDirectory(prefix="backstride-") as directory:
        path = Path(directory) / "history.db"
        figures = measure(path, samples)
        print(f"{samples} samples, {path.stat().st_size / 1e6:.0f} MB on the disk")
        for figure in figures:
            bar = "" if figure.bar is None else f"  (at most {figure.bar:.0f})"
            print(f"{figure.name:40} {figure.ms:8.2f} ms{bar}")
    return int(any(figure.bar is not None and figure.ms > figure.bar for figure in figures))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else MILLION))
