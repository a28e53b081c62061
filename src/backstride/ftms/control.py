"""The control point: one procedure at a time, three ways to end, and Stop before everything.

Theory of operation
-------------------
A procedure is a write and, later, an answer `80 op result` that comes as an indication or, from some
machines, as a notification. Three things can be said of one that was asked for:

- CONFIRMED: the machine answered success. It says nothing of the belt.
- REJECTED: the machine answered no, or the bytes never left this host. Nothing happened.
- UNKNOWN: no answer in time, the link broke, or an answer that may belong to an earlier command.

An answer names its op code and nothing else, so that is what correlates. After a set-speed without an
answer, the next answer to a set-speed may be the late one: it confirms neither. Starting, stopping and
requesting control are the same request each time, so there any answer will do.

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
from collections.abc import Awaitable, Callable
from typing import Final

from bleak.exc import BleakGATTProtocolError, BleakGATTProtocolErrorCode
from msgspec import Struct

from backstride.domain.commands import Command, RequestControl, Stop
from backstride.domain.envelope import Permit
from backstride.domain.events import Outcome, Verdict
from backstride.domain.units import SECOND, Ms
from backstride.ftms.codec import (
    Answer,
    decode_answer,
    encode,
)
from backstride.ftms.errors import EncodingError
from backstride.ftms.rejections import Flaw, Rejected, Tally
from backstride.ftms.waits import Waits
from backstride.ports import Clock

type Write = Callable[[bytes], Awaitable[None]]
"""Writes to the control point; returns when the machine has taken the bytes."""
type Ending = tuple[Verdict, str]

# Beginnings of `Outcome.detail`, for whoever reads the journal.
NOT_SENT: Final = "not sent: "
REFUSED: Final = "refused: "
NO_ANSWER: Final = "no answer"
LINK_BROKE: Final = "the link broke: "


class _Busy(Exception):  # noqa: N818  it is an answer, not an error
    """ATT 0xFE: the machine runs another procedure and has not queued this one."""


class _GivenUp(Struct, frozen=True):
    """A procedure whose answer may still come."""

    frame: bytes
    until: Ms


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
        self._write = write
        self._clock = clock
        self._waits = waits
        self._tally = tally
        self._lost = lost
        self._closed: str | None = None
        self._dead = False
        self._turn = asyncio.Lock()
        self._waiting: dict[int, list[asyncio.Future[Answer]]] = {}
        self._writes: set[asyncio.Task[None]] = set()
        self._given_up: dict[int, _GivenUp] = {}
        self._answered: int | None = None
        self._doom: asyncio.TimerHandle | None = None
        self._stops = 0
        self._stopping: set[asyncio.Task[Ending]] = set()
        self._trying: asyncio.Task[Ending] | None = None

    # -- commands ------------------------------------------------------------------------------

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

    async def _execute(self, permit: Permit) -> Ending:
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
        if self._writes:
            return "the machine has not taken the command before"
        return None

    async def _ordinary(self, command: Command, frame: bytes) -> Ending:
        try:
            return await self._transact(frame)
        except _Busy:
            return Verdict.REJECTED, REFUSED + "another procedure is in progress"
        except TimeoutError:
            untaken = bool(self._writes)
            if untaken or not isinstance(command, RequestControl):
                self._await_doom()
            what = "to the write" if untaken else "to the procedure"
            return Verdict.UNKNOWN, f"{NO_ANSWER} {what} within {self._waits.answer} ms"

    def _stop(self, frame: bytes) -> asyncio.Task[Ending]:
        """The Stop that is being tried, or a new one when the machine has taken the last."""
        if self._trying is None:
            self._stops += 1
            task = asyncio.create_task(self._try_stop(frame))
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
                    return await self._transact(frame, taken=self._stop_taken)
                except _Busy:
                    await asyncio.sleep(self._waits.busy / SECOND)
        except TimeoutError:
            self._await_doom()
            return Verdict.UNKNOWN, f"{NO_ANSWER} to the Stop within {self._waits.answer} ms"
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

    # -- one procedure -------------------------------------------------------------------------

    async def _transact(self, frame: bytes, taken: Callable[[], None] | None = None) -> Ending:
        """Write and wait for the answer.

        Raises:
            _Busy: the machine runs another procedure.
            TimeoutError: no answer in time.
        """
        op = frame[0]
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.setdefault(op, []).append(answer)
        until = loop.time() + self._waits.answer / SECOND
        write = asyncio.create_task(self._write_once(frame))
        self._writes.add(write)
        write.add_done_callback(self._write_ended)
        try:
            await _first(write, answer, until=until)
            if not answer.done() and write.done():
                if fault := _fault(write):
                    return _ending_of(fault)
                if taken is not None:
                    taken()
                await _first(answer, until=until)
            if answer.done():
                return self._ending(frame, answer)
            self._give_up(frame)
            raise TimeoutError
        except asyncio.CancelledError:
            self._give_up(frame)
            raise
        finally:
            self._forget(op, answer)

    def _give_up(self, frame: bytes) -> None:
        until = self._clock.now() + self._waits.transaction
        self._given_up[frame[0]] = _GivenUp(frame, until)

    async def _write_once(self, frame: bytes) -> None:
        try:
            await self._write(frame)
        except BleakGATTProtocolError as error:
            if error.code == BleakGATTProtocolErrorCode.PROCEDURE_ALREADY_IN_PROGRESS:
                raise _Busy from error
            raise

    def _write_ended(self, write: asyncio.Task[None]) -> None:
        self._writes.discard(write)
        if not write.cancelled():
            write.exception()  # seen: what nobody waited for is not reported as lost

    def _ending(self, frame: bytes, answer: asyncio.Future[Answer]) -> Ending:
        if fault := answer.exception():
            return _ending_of(fault)
        reply = answer.result()
        earlier = self._given_up.pop(frame[0], None)
        if earlier is not None and earlier.until > self._clock.now() and earlier.frame != frame:
            self._tally.add("answer", Flaw.AMBIGUOUS, frame)
            return Verdict.UNKNOWN, "the answer may belong to an earlier command"
        if reply.succeeded:
            return Verdict.CONFIRMED, "success"
        if reply.known:
            return Verdict.REJECTED, REFUSED + reply.meaning
        return Verdict.UNKNOWN, f"the machine answered {reply.meaning}, which means nothing"

    def _forget(self, op: int, answer: asyncio.Future[Answer]) -> None:
        waiting = self._waiting.get(op, [])
        if answer in waiting:
            waiting.remove(answer)
        if not waiting:
            self._waiting.pop(op, None)
        if not answer.cancel():
            answer.exception()  # seen, so that asyncio does not report it as never retrieved

    # -- answers -------------------------------------------------------------------------------

    def answer(self, frame: bytes) -> None:
        """Take what the control point says: an answer to whoever waits for it, or a flaw."""
        reply = decode_answer(frame)
        if isinstance(reply, Rejected):
            self._tally.add("answer", reply.flaw, frame)
            return
        waiting = self._waiting.pop(reply.op, [])
        if waiting:
            self._answered = reply.op
            self._alive()
            for future in waiting:
                if not future.done():
                    future.set_result(reply)
            return
        self._tally.add("answer", self._unasked(reply), frame)

    def _unasked(self, reply: Answer) -> Flaw:
        if self._given_up.pop(reply.op, None) is not None:
            self._alive()
            return Flaw.LATE
        return Flaw.REPEATED if reply.op == self._answered else Flaw.MISMATCHED

    # -- silence and the end -------------------------------------------------------------------

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
        loop = asyncio.get_running_loop()
        # A Stop that is under way gets its time; the link is useless for anything else.
        patience = self._waits.answer / SECOND if self._stopping else 0
        loop.call_later(
            patience,
            self._lost,
            f"the control point did not answer for {self._waits.transaction // SECOND} s",
        )

    def close(self, reason: str) -> None:
        """The link is gone: whatever waits for an answer will not get one."""
        if self._closed is not None:
            return
        self._closed = reason
        self._alive()
        for futures in list(self._waiting.values()):
            for future in futures:
                if not future.done():
                    future.set_exception(ConnectionError(reason))
        for write in list(self._writes):
            write.cancel()


async def _first(*waits: asyncio.Future[Answer] | asyncio.Task[None], until: float) -> None:
    """Wait for one of them, but not beyond `until` on the loop's clock."""
    rest = max(until - asyncio.get_running_loop().time(), 0)
    await asyncio.wait(waits, timeout=rest, return_when=asyncio.FIRST_COMPLETED)


def _not_sent(why: str) -> Ending:
    return Verdict.REJECTED, NOT_SENT + why


def _fault(write: asyncio.Task[None]) -> BaseException | None:
    return asyncio.CancelledError() if write.cancelled() else write.exception()


def _ending_of(fault: BaseException) -> Ending:
    """What a write that failed means: only a refusal by the machine itself is without effect.

    Raises:
        _Busy: the machine runs another procedure.
    """
    words = str(fault) or type(fault).__name__
    match fault:
        case _Busy():
            raise fault
        case BleakGATTProtocolError(code=BleakGATTProtocolErrorCode.UNLIKELY_ERROR):
            return Verdict.UNKNOWN, f"the machine does not say what it did: {words}"
        case BleakGATTProtocolError():
            return Verdict.REJECTED, REFUSED + words
        case _:
            return Verdict.UNKNOWN, LINK_BROKE + words
