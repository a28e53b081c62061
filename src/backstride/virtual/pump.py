"""Drives a machine with the running event loop's clock: the one place where both meet.

Theory of operation: after everything that happens to the machine, and whenever it is due, `kick` lets it
run up to the loop's present time, hands its frames to the radio, and sets one timer for the next due
moment. Only `loop.time()` and `loop.call_at` are used, so virtual and accelerated loops work alike.
"""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Protocol

from backstride.domain.units import Ms
from backstride.virtual.gadget import Gadget
from backstride.virtual.gatt import Uuid
from backstride.virtual.outbox import Output


class Source(Protocol):
    """Where frames come from: a machine, or the faults around it."""

    def advance(self, now_ms: Ms) -> list[Output]:
        """Everything that leaves up to `now_ms`, in order."""
        ...

    def next_due(self) -> Ms | None:
        """When to ask again."""
        ...


class Pump[G: Gadget]:
    """One gadget in the running loop's time. `deliver` sends a frame or drops a link, at once."""

    def __init__(
        self,
        machine: G,
        deliver: Callable[[Output], None],
        source: Source | None = None,
    ) -> None:
        self.machine = machine
        self._source: Source = machine if source is None else source
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due: Ms | None = None
        self._kicking = False
        self._closed = False
        # A timer set while a client writes would else belong to that client's task.
        self._context = contextvars.copy_context()
        self.ahead: Ms = 0
        """How far the machine's clock is ahead of the loop's: a host that sleeps stops only its own."""

    def now_ms(self) -> Ms:
        """The machine's clock in ms; rounded, for a timer may fire a hair early."""
        return round(self._loop.time() * 1000) + self.ahead

    def kick(self) -> None:
        """Bring the machine up to now, deliver what it sent, and set the timer for what is next."""
        if self._closed or self._kicking:
            return
        self._kicking = True
        try:
            while outputs := self._source.advance(self.now_ms()):
                for output in outputs:
                    self._deliver(output)
        finally:
            self._kicking = False
        self._set_timer()

    def _set_timer(self) -> None:
        due = self._source.next_due()
        if due == self._timer_due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = None
        if due is not None:
            at = (due - self.ahead) / 1000
            self._timer = self._loop.call_at(at, self._on_timer, context=self._context)

    def _on_timer(self) -> None:
        self._timer = None
        self._timer_due = None
        self.kick()

    def oversleep(self, lasting: Ms) -> None:
        """The host was asleep this long, and the machine was not: bring it up to its own time."""
        self.ahead += lasting
        self._timer_due = None
        self.kick()

    def act(self, action: Callable[[G, Ms], None]) -> None:
        """Do something to the machine now: `pump.act(lambda m, now: m.console.press_stop(now))`."""
        action(self.machine, self.now_ms())
        self.kick()

    def connect(self, client: str) -> None:
        """A client connects; raises `ConnectionRefusedByMachineError`."""
        self.machine.connect(client, self.now_ms())
        self.kick()

    def disconnect(self, client: str) -> None:
        """A link is gone."""
        self.machine.disconnect(client, self.now_ms())
        self.kick()

    def subscribe(self, client: str, uuid: Uuid, *, on: bool) -> None:
        """A client writes a configuration descriptor."""
        change = self.machine.subscribe if on else self.machine.unsubscribe
        change(client, uuid, self.now_ms())
        self.kick()

    def read(self, uuid: Uuid) -> bytes:
        """A client reads; raises `AttError`."""
        return self.machine.read(uuid, self.now_ms())

    def write(self, client: str, uuid: Uuid, data: bytes, *, response: bool) -> None:
        """A client writes; raises `AttError`."""
        try:
            self.machine.write(uuid, data, self.now_ms(), client, response=response)
        finally:
            self.kick()

    def close(self) -> None:
        """Stop the clock of this machine; nothing leaves it any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
