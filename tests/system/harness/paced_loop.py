"""An event loop for whole systems: fast when nothing happens, patient when the code needs time."""

from __future__ import annotations

import asyncio
import selectors
import time


class _PacedSelector(selectors.DefaultSelector):
    """Sleeps shorter than it is asked to, and moves a clock that never passes a timer that is due."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.now = time.monotonic()
        self.threads_at_work = 0
        self._mark = time.monotonic()

    def select(self, timeout=None):
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if timeout is None or self.threads_at_work:
            ready = super().select(None)
            self._mark = time.monotonic()
            return ready
        spent = time.monotonic() - self._mark
        ready = super().select(max(timeout / self.factor - spent, 0))
        arrived = time.monotonic()
        self.now += min((arrived - self._mark) * self.factor, timeout)
        self._mark = arrived
        return ready


class PacedLoop(asyncio.SelectorEventLoop):
    """Real sockets and processes on a clock up to `factor` times as fast as the wall's.

    Unlike an accelerated clock it waits for the code: when this process gets no processor, or a disk is
    slow, time stands still here instead of jumping over a second of the treadmill's.
    """

    def __init__(self, factor):
        self._paced = _PacedSelector(factor)
        super().__init__(self._paced)

    def time(self):
        return self._paced.now

    def run_in_executor(self, executor, func, *args):
        future = super().run_in_executor(executor, func, *args)
        self._paced.threads_at_work += 1
        future.add_done_callback(self._thread_is_done)
        return future

    def _thread_is_done(self, _future):
        self._paced.threads_at_work -= 1
