"""What is recorded goes to the disk on a thread: in few commits, and whatever the disk does.

Theory of operation
-------------------
`put` returns at once and never raises. What it was given waits, merged by session, until the thread
commits all of it in one transaction for each session: PAUSE_S after the last commit, or at once where a
session ended. So a moving belt costs one fsync in ten seconds, and a resting one none.

A history that is locked, full, broken or read-only keeps what waits for it: it is tried again each
RETRY_S, said once in the log, and said again when it works. Meanwhile parts are kept up to MOST (hours of one
treadmill) and then the oldest are dropped and counted; heads, which sum up a session, never are. The
thread is a daemon thread: a disk that hangs for good keeps no process from ending.

Others may use the thread's store, too: `ask` runs something with it, between two commits.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

import structlog

from backstride.domain.errors import BackstrideError
from backstride.domain.record import Head
from backstride.history.database import HistoryError
from backstride.history.store import Entry, Store

_LOG: Final = structlog.get_logger("backstride.history")

PAUSE_S: Final = 10.0
"""Between two commits: what a power cut may take of a session's record. The journal loses less, and its
fsyncs, the claim's and these stay below one a second together [CHOICE]."""
RETRY_S: Final = 10.0
"""Between two tries of a history that failed."""
MOST: Final = 50_000
"""So many parts wait for a disk: ten hours of one treadmill, 10 MB."""
QUESTIONS: Final = 100
"""So many questions wait."""


class BusyError(BackstrideError):
    """Too many questions wait for the history already, or it was closed."""


class _Batch:
    """What waits of one session."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.entries: deque[Entry] = deque()


class Writer:
    """The thread that writes one history.

    Args:
        open_store: opens it; called on the thread, again after a failure.
        pause_s: seconds between two commits.
        retry_s: seconds between two tries after a failure.
    """

    def __init__(
        self, open_store: Callable[[], Store], *, pause_s: float = PAUSE_S, retry_s: float = RETRY_S
    ) -> None:
        self._open = open_store
        self._pause_s = pause_s
        self._retry_s = retry_s
        self._changed = threading.Condition()
        self._batches: dict[str, _Batch] = {}
        self._questions: deque[Callable[[Store | None, HistoryError | None], None]] = deque()
        self._urgent = False
        self._closed = False
        self._store: Store | None = None
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self.dropped = 0
        """Parts that were lost because the disk did not take them for hours."""
        self.commits = 0
        """Transactions that are durable."""
        self.failed: str | None = None
        """Why nothing is written now; None while it is."""

    def start(self) -> None:
        """Start the thread; the history is opened there."""
        self._thread.start()

    def put(self, head: Head, entries: Sequence[Entry] = ()) -> None:
        """Take a session's newest head and parts. A head with an outcome goes to the disk at once."""
        with self._changed:
            batch = self._batches.setdefault(head.id, _Batch(head))
            batch.head = head
            batch.entries.extend(entries)
            if sum(len(each.entries) for each in self._batches.values()) > MOST:
                self.dropped += 1
                max(self._batches.values(), key=lambda each: len(each.entries)).entries.popleft()
            self._urgent = self._urgent or head.outcome is not None
            self._changed.notify()

    def ask[Answer](self, question: Callable[[Store], Answer]) -> Future[Answer]:
        """Run something with the store on its thread, after what waits was written.

        The future carries what it returned, or its exception; HistoryError where there is no store.
        """
        answer: Future[Answer] = Future()

        def run(store: Store | None, trouble: HistoryError | None) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            if store is None:
                answer.set_exception(trouble)
                return
            try:
                answer.set_result(question(store))
            except Exception as problem:  # noqa: BLE001  the one who asked gets it
                answer.set_exception(problem)

        with self._changed:
            if self._closed or len(self._questions) >= QUESTIONS:
                answer.set_exception(BusyError("the history is busy; try again in a moment"))
                return answer
            self._questions.append(run)
            self._changed.notify()
        return answer

    def close(self, wait_s: float = PAUSE_S) -> bool:
        """Write what waits and end the thread; False where the disk needs longer than `wait_s`."""
        with self._changed:
            self._closed = self._urgent = True
            self._changed.notify()
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    # -- in the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        last = False
        while not last:
            # The first time at once: whatever is to be done with an opened history does not wait.
            self._work()
            with self._changed:
                self._changed.wait_for(lambda: self._batches or self._questions or self._closed)
                self._rest()
                self._urgent, last = False, self._closed
        self._work()
        if self._store is not None:
            self._store.close()

    def _rest(self) -> None:
        """Let some time pass between two commits, unless something must not wait: a person, or the end."""
        pause = self._pause_s if self.failed is None else self._retry_s
        end = time.monotonic() + pause
        while not (self._closed or self._questions or (self._urgent and self.failed is None)):
            left = end - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                return

    def _work(self) -> None:
        with self._changed:
            batches, self._batches = self._batches, {}
            questions, self._questions = self._questions, deque()
        trouble = None
        try:
            if self._store is None:
                self._store = self._open()
            for name, batch in list(batches.items()):
                self._store.write(batch.head, batch.entries)
                self.commits += 1
                del batches[name]
            self._note(None)
        except HistoryError as problem:
            trouble = problem
            self._note(problem)
            self._put_back(batches)
        for question in questions:
            question(self._store, trouble)

    def _put_back(self, batches: dict[str, _Batch]) -> None:
        """What was not written waits again, before what came since."""
        with self._changed:
            for name, batch in batches.items():
                newer = self._batches.get(name)
                if newer is not None:
                    batch.head = newer.head
                    batch.entries.extend(newer.entries)
                self._batches[name] = batch

    def _note(self, problem: HistoryError | None) -> None:
        """Say once that the history fails, and once that it works again."""
        if problem is not None and self.failed is None:
            _LOG.error("history not written; it is tried again", reason=str(problem))
        elif problem is None and self.failed is not None:
            _LOG.warning("history is written again", dropped=self.dropped)
        self.failed = None if problem is None else str(problem)
