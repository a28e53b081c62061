"""A virtual loop on which a process can die: at once, without a `finally`, while the world goes on.

Theory of operation: a process (`Life`) is a value in the context in which its tasks and timers run. The
loop looks at it before each callback. When a life is over its callbacks are kept aside instead of run, so
nothing of it moves any more: no task is cancelled, no lock released, no file closed. `bury` lets them
run again, cancelled, after the session was judged, only so that Python can clean up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final

from backstride.domain.units import Ms
from backstride.virtual.clock import VirtualLoop

_NS_PER_MS: Final = 1_000_000
_LIFE: Final[ContextVar[Life | None]] = ContextVar("life", default=None)
BURIAL_S: Final = 120.0
"""Virtual seconds for the tasks of dead processes to end."""


class Life:
    """One process. `over` stops everything in it between two callbacks."""

    def __init__(self, loop: SimLoop) -> None:
        self.over = False
        self._loop = loop
        self._context = copy_context()
        self._context.run(_LIFE.set, self)
        self._kept: list[tuple[Context, Callable[..., object], tuple[Any, ...]]] = []

    def do[T](self, action: Callable[..., T], *args: Any) -> T | None:
        """Let something happen to this process, from outside: a frame, a signal. None when it is dead."""
        return None if self.over else self._context.copy().run(action, *args)

    def step(self, context: Context, callback: Callable[..., object], *args: Any) -> None:
        """Run one callback of this process, or keep it if there is nobody to run it."""
        if self.over:
            self._kept.append((context, callback, args))
        else:
            callback(*args)

    def bury(self) -> None:
        """Let the dead tasks go on, to be cancelled."""
        self.over = False
        kept, self._kept = self._kept, []
        for context, callback, args in kept:
            self._loop.call_soon(callback, *args, context=context)


class SimLoop(VirtualLoop):
    """Virtual time with lives, a host that can stall, and a disk that takes its time.

    `latency` is what each job of `run_in_executor` takes, in ms; there are no threads.
    """

    def __init__(self) -> None:
        super().__init__()
        self.latency: Ms = 0

    def stall(self, lasting: Ms) -> None:
        """Let time pass as if a callback had blocked: what was due meanwhile runs late."""
        self._jumping.now_ns += lasting * _NS_PER_MS

    def call_soon(  # type: ignore[override]  # typeshed wants TypeVarTuple arguments
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """See asyncio."""
        life = _LIFE.get() if context is None else context.get(_LIFE)
        if life is None:
            return super().call_soon(callback, *args, context=context)
        context = copy_context() if context is None else context
        return super().call_soon(life.step, context, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # the same
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        life = _LIFE.get() if context is None else context.get(_LIFE)
        if life is None:
            return super().call_at(when, callback, *args, context=context)
        context = copy_context() if context is None else context
        return super().call_at(when, life.step, context, callback, *args, context=context)

    def run_in_executor[T](  # type: ignore[override]  # typeshed wants TypeVarTuple arguments
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do the work after `latency`, in one piece, unless the process dies before."""
        del executor
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001  it belongs to whoever waits
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        if self.latency:
            self.call_later(self.latency / 1000, work)
        else:
            self.call_soon(work)
        return future


def play(story: Callable[[SimLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a story on a new loop to its end."""
    loop = SimLoop()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(story(loop))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
