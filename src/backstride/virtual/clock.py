"""Event loops whose clock is not the wall's: a jumping one for tests, a fast one for the demo.

Theory of operation: asyncio asks two things about time: `loop.time()`, and a selector that sleeps until
the next timer. Replacing those two is enough; everything written with `asyncio.sleep`,
`asyncio.timeout` and `loop.call_at` then runs in the new time without knowing it.

- `run_virtual`: when nothing is ready, the selector moves the clock to the next timer instead of
  sleeping. A session of 20 minutes takes as long as its computations. Real file descriptors are still
  polled, and while a thread of `run_in_executor` works the clock stands still, so that the outcome
  does not depend on how fast the disk is.
- `run_accelerated`: real sockets and processes, with a clock that runs up to `factor` times as fast.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any

_NANOSECONDS = 1_000_000_000
_PATIENCE_S = 1.0
"""How long a loop without timers waits for a real file descriptor before it is called dead. [CHOICE]"""
_SLICE_S = 0.02
"""Longest sleep of an accelerated loop, and the most that it counts at once, of the wall's time. [CHOICE]"""


class DeadlockError(RuntimeError):
    """Virtual time cannot move: nothing is ready, no timer is set and no descriptor speaks.

    Some task waits for an event that nobody will send. The message lists the waiting tasks.
    """


class _JumpingSelector(selectors.BaseSelector):
    """Polls real descriptors, and moves a virtual clock where a real selector would sleep."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now_ns = 0
        self.threads_at_work = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return self._real.select(0)
        if self.threads_at_work:
            return self._real.select(None)
        if timeout is None:
            return self._await_descriptor()
        ready = self._real.select(0)
        if not ready:
            # At least 1 ns: a difference that rounds to nothing would never reach its timer.
            self.now_ns += max(1, round(timeout * _NANOSECONDS))
        return ready

    def _await_descriptor(self) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(_PATIENCE_S)
        if ready:
            return ready
        waiting = "; ".join(sorted(repr(task) for task in asyncio.all_tasks(_running())))
        raise DeadlockError(
            f"virtual time stands at {self.now_ns / _NANOSECONDS:.3f} s with no timer left: "
            f"a task waits for an event that nobody sends. Waiting: {waiting}"
        )


def _running() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that starts at 0 s and jumps to its next timer whenever it would sleep."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now_ns / _NANOSECONDS

    def run_in_executor[T](  # type: ignore[override]  # typeshed wants TypeVarTuple arguments
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run `func` in a thread; the virtual clock stands still until it returns."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.threads_at_work += 1
        future.add_done_callback(self._thread_is_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncio's signature
        """Wait for the threads; the virtual clock stands still, so `timeout` cannot pass."""
        self._jumping.threads_at_work += 1
        try:
            await super().shutdown_default_executor(timeout)
        finally:
            self._jumping.threads_at_work -= 1

    def _thread_is_done(self, _future: asyncio.Future[Any]) -> None:
        self._jumping.threads_at_work -= 1


class _PacedSelector(selectors.DefaultSelector):
    """Sleeps shorter than it is asked to, and moves a clock that never passes a timer that is due.

    It sleeps in short slices. When the whole machine stands still, as a virtual one does whose host has other
    work, what was to happen meanwhile is all late: no more than a slice of that is counted, so that no timer
    passes before what it waits for had its chance.
    """

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.now = time.monotonic()
        self.threads_at_work = 0
        self._factor = factor
        self._mark = self.now

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if timeout is None or self.threads_at_work:
            ready = super().select(None)
            self._mark = time.monotonic()
            return ready
        spent = time.monotonic() - self._mark
        ready = super().select(min(max(timeout / self._factor - spent, 0), _SLICE_S))
        arrived = time.monotonic()
        self.now += min((arrived - self._mark) * self._factor, timeout, _SLICE_S * self._factor)
        self._mark = arrived
        return ready


class AcceleratedLoop(asyncio.SelectorEventLoop):
    """Real sockets and processes on a clock that runs up to `factor` times as fast as the wall's.

    It waits for the code: when this process gets no processor, or a disk is slow, time stands still here
    instead of jumping over a second of the treadmill's.
    """

    def __init__(self, factor: float) -> None:
        self._paced = _PacedSelector(factor)
        super().__init__(self._paced)

    def time(self) -> float:
        """Seconds of the fast clock, starting at the wall's monotonic time."""
        return self._paced.now

    def run_in_executor[T](  # type: ignore[override]  # typeshed wants TypeVarTuple arguments
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run `func` in a thread; the fast clock stands still until it returns."""
        future = super().run_in_executor(executor, func, *args)
        self._paced.threads_at_work += 1
        future.add_done_callback(self._thread_is_done)
        return future

    def _thread_is_done(self, _future: asyncio.Future[Any]) -> None:
        self._paced.threads_at_work -= 1


def run_virtual[T](main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run `main` to its end in virtual time, starting at 0 s.

    Raises:
        DeadlockError: when virtual time cannot move any more.
    """
    with asyncio.Runner(debug=debug, loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def run_accelerated[T](
    main: Coroutine[Any, Any, T], factor: float, *, debug: bool | None = None
) -> T:
    """Run `main` with real I/O while `loop.time()` goes up to `factor` times as fast as the wall."""
    if not factor > 0:
        raise ValueError(f"the factor must be above 0, not {factor}")
    with asyncio.Runner(debug=debug, loop_factory=lambda: AcceleratedLoop(factor)) as runner:
        return runner.run(main)
