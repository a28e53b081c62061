"""The control point: one procedure at a time, three ways to end, and Stop before everything.

Theory of operation
-------------------
A procedure is a write and, later, an answer `80 op result` that comes as an indication or, from some
machines, as a notification. Three things can be said of one that was asked for:

- CONFIRMED: the machine answered success. It says nothing of the belt.
- REJECTED: the machine answered no, or the bytes never left this host. Nothing happened.
- UNKNOWN: no answer in time, the link broke, or an answer that may belong to an earlier command.

Ordinary procedures wait for each other. Stop waits for nothing: it is written at once, and again every
50 ms while the machine says that a procedure is in progress (ATT 0xFE: not queued, FTMS 1.0, 4.16.2).
Whatever waited when Stop came is not sent any more; it was meant for a moving belt. A Stop cannot be
cancelled by whoever asked for it.

Silence: after 3 s an answer is given up and the next procedure may be tried, because the machine
itself refuses it when it is not ready. After 30 s without any answer the link is dead by the
specification: nothing but Stop is tried, then the link is dropped. A request for control that is
never answered does not count (Omega Z), as long as its write was taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from backstride.domain.commands import Command, RequestControl, Stop
from backstride.domain.envelope import Permit
from backstride.domain.events import Outcome, Verdict
from backstride.domain.units import SECOND
from backstride.ftms.codec import encode
from backstride.ftms.errors import EncodingError
from backstride.ftms.exchange import (
    LINK_BROKE,
    NOT_SENT,
    REFUSED,
    BusyError,
    Ending,
    Exchange,
    SilenceError,
    Write,
)
from backstride.ftms.rejections import Tally
from backstride.ftms.waits import Waits
from backstride.ports import Clock

BROKEN_WRITES: Final = 3
"""So many writes in a row that fail on a link that is still there: it is given up [CHOICE]."""


class ControlPoint:
    """The control point of one connection.

    `write` sends bytes; `lost` is called once, with a reason, when the machine has been silent for
    so long that the link must be dropped. The owner calls `answer` for each indication or
    notification and `close` when the link is gone.
    """

    def __init__(
        self,
        *,
        epoch: int,
        write: Write,
        clock: Clock,
        waits: Waits,
        tally: Tally,
        lost: Callable[[str], None],
    ) -> None:
        self._epoch = epoch
        self._clock = clock
        self._waits = waits
        self._lost = lost
        self._exchange = Exchange(
            write=write, clock=clock, waits=waits, tally=tally, alive=self._alive
        )
        self._closed: str | None = None
        self._dead = False
        self._broken = 0
        self._doom: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self._stops = 0
        self._stopping: set[asyncio.Task[Ending]] = set()
        self._trying: asyncio.Task[Ending] | None = None

    async def execute(self, permit: Permit) -> Outcome:
        """Send one command and say how it ended. Raises nothing but a cancellation."""
        verdict, detail = await self._execute(permit)
        return Outcome(
            at=self._clock.now(),
            epoch=permit.epoch,
            ticket=permit.ticket,
            verdict=verdict,
            detail=detail,
        )

    def answer(self, frame: bytes) -> None:
        """Take an indication or notification of the control point."""
        self._exchange.answer(frame)

    def close(self, reason: str) -> None:
        """The link is gone: nothing more is sent or answered."""
        if self._closed is None:
            self._closed = reason
            self._alive()
            self._exchange.close(reason)

    async def _execute(self, permit: Permit) -> Ending:
        ending = await self._send(permit)
        self._mind_the_link(ending)
        return ending

    def _mind_the_link(self, ending: Ending) -> None:
        """A link that is up and takes no writes will take no Stop either: a new one may."""
        broken = ending[1].startswith(LINK_BROKE) and self._closed is None
        self._broken = self._broken + 1 if broken else 0
        if self._broken == BROKEN_WRITES:
            self._lost(f"the link took none of {BROKEN_WRITES} commands")

    async def _send(self, permit: Permit) -> Ending:
        if permit.epoch != self._epoch:
            return _not_sent("it was permitted on another connection")
        try:
            frame = encode(permit.command)
        except EncodingError as error:
            return _not_sent(str(error))
        if isinstance(permit.command, Stop):
            return await asyncio.shield(self._stop(frame))
        stops = self._stops
        async with self._turn:
            while self._stopping and self._closed is None:
                await asyncio.wait(self._stopping)
            refusal = self._refusal(permit, stops)
            if refusal is not None:
                return _not_sent(refusal)
            return await self._ordinary(permit.command, frame)

    # -- ordinary commands ---------------------------------------------------------------------

    def _refusal(self, permit: Permit, stops: int) -> str | None:
        """Why an ordinary command whose turn has come must not be sent any more."""
        if self._closed is not None:
            return self._closed
        if self._dead:
            return "the machine no longer answers; the link will be dropped"
        if stops != self._stops and not isinstance(permit.command, RequestControl):
            return "a Stop came first"
        if permit.deadline is not None and self._clock.now() > permit.deadline:
            return "its deadline has passed"
        if self._exchange.blocked:
            return "the machine has not taken the command before"
        return None

    async def _ordinary(self, command: Command, frame: bytes) -> Ending:
        try:
            return await self._exchange.transact(frame)
        except BusyError:
            return Verdict.REJECTED, REFUSED + "another procedure is in progress"
        except SilenceError as silence:
            if silence.untaken or not isinstance(command, RequestControl):
                self._await_doom()
            return self._unanswered(silence)

    # -- Stop ----------------------------------------------------------------------------------

    def _stop(self, frame: bytes) -> asyncio.Task[Ending]:
        """The Stop that is being tried, or a new one when the machine has taken the last."""
        if self._trying is None:
            self._stops += 1
            loop = asyncio.get_running_loop()
            # Eager: the bytes leave now, before anything else has its turn.
            task = asyncio.Task(self._try_stop(frame), loop=loop, eager_start=True)
            if task.done():
                return task
            self._trying = task
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)
        return self._trying

    async def _try_stop(self, frame: bytes) -> Ending:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._waits.transaction / SECOND
        try:
            while self._closed is None and loop.time() < until:
                try:
                    return await self._exchange.transact(frame, taken=self._stop_taken)
                except BusyError:
                    await self._exchange.pause()
        except SilenceError as silence:
            self._await_doom()
            return self._unanswered(silence)
        finally:
            self._stop_taken()
        if self._closed is not None:
            return _not_sent(self._closed)
        self._die()
        return Verdict.REJECTED, REFUSED + "another procedure is in progress and does not end"

    def _stop_taken(self) -> None:
        """From here on, another Stop is a repetition that its author wants to be sent."""
        if self._trying is asyncio.current_task():
            self._trying = None

    # -- silence -------------------------------------------------------------------------------

    def _unanswered(self, silence: SilenceError) -> Ending:
        return Verdict.UNKNOWN, f"{silence} within {self._waits.answer} ms"

    def _alive(self) -> None:
        if self._doom is not None:
            self._doom.cancel()
            self._doom = None

    def _await_doom(self) -> None:
        if self._doom is None and self._closed is None:
            rest = max(self._waits.transaction - self._waits.answer, 0) / SECOND
            self._doom = asyncio.get_running_loop().call_later(rest, self._die)

    def _die(self) -> None:
        if self._dead or self._closed is not None:
            return
        self._dead = True
        # A Stop that is under way gets its time; the link is useless for anything else.
        patience = self._waits.answer / SECOND if self._stopping else 0
        reason = f"the control point did not answer for {self._waits.transaction // SECOND} s"
        asyncio.get_running_loop().call_later(patience, self._lost, reason)


def _not_sent(why: str) -> Ending:
    return Verdict.REJECTED, NOT_SENT + why
