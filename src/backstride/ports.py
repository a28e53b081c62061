"""What the service needs of the world, and what the world does not promise.

The adapters (`ftms`, `mqtt`) implement these; the service knows nothing else of them. Everything that an
adapter learns arrives as an event through a `Sink`, in the order in which it was learnt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from backstride.domain.envelope import Permit
from backstride.domain.events import Event, Outcome
from backstride.domain.notices import Answer
from backstride.domain.units import Ms

type Sink = Callable[[Event], None]
"""Takes an event now. Never blocks, never raises; called on the loop's own thread."""


class Clock(Protocol):
    """One monotonic clock for everything in the process.

    Not guaranteed: any relation to the time of day; progress while the host is suspended.
    """

    def now(self) -> Ms:
        """The present instant in ms since an arbitrary start."""
        ...


class Treadmill(Protocol):
    """One treadmill over the air.

    Guaranteed: `LinkUp` comes after indications and notifications are enabled; epochs only
    grow; a permit of another epoch or past its deadline is not sent and its outcome is REJECTED;
    at most one procedure runs at a time, and Stop goes ahead of whatever waits.
    Not guaranteed: that telemetry comes at all, is true or is fresh; that a confirmed command has an
    effect; that an UNKNOWN one has none; that the belt stops when the link breaks.
    """

    async def run(self, sink: Sink) -> None:
        """Find the machine, keep the connection and report everything, until cancelled."""
        ...

    async def execute(self, permit: Permit) -> Outcome:
        """Send one command and say how it ended. Never raises for anything the radio does."""
        ...


class Publication(Struct, frozen=True):
    """One message for the broker. `topic` is below the treadmill's own prefix, such as `state`.

    Retained messages are latest-value: only the newest of each topic is sent after an outage.
    The others are kept in a bounded queue and dropped oldest first, which is counted.
    `cue` is the number of a cue; its delivery is reported as `CueHeard`.
    """

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1
    expiry: int | None = None
    cue: int | None = None


class Bus(Protocol):
    """The broker, for one treadmill.

    Guaranteed: `publish` and `answer` return at once; a `Request` reaches the sink only if it passed
    the rules for commands (the others are answered and counted by the adapter); `BusUp`/`BusDown`
    alternate.
    Not guaranteed: that anybody listens; that a command's author still waits for the answer.
    """

    async def run(self, sink: Sink) -> None:
        """Keep the connection, take commands, report the broker's coming and going."""
        ...

    def publish(self, publication: Publication) -> None:
        """Hand over a message; it is sent when the broker is there."""
        ...

    def answer(self, answer: Answer) -> None:
        """Answer the request with this id, to wherever its author asked for the answer."""
        ...


class Journal(Protocol):
    """The durable record of events from which a session can be replayed.

    Guaranteed: `append` and `own` return at once; what was written before a power cut is
    readable up to the last complete record.
    Not guaranteed: that the newest records survive a power cut, but for those made durable by
    `secure`.
    """

    def append(self, event: Event) -> None:
        """Add an event. When the disk cannot keep up the oldest unwritten ones are dropped, counted."""
        ...

    async def secure(self) -> None:
        """Return when everything appended so far is on the disk (fsync)."""
        ...
