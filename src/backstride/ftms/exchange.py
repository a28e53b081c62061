"""One write to the control point and the answer to it, kept apart from all other answers.

An answer names its op code and nothing else, so that is what correlates. After a set-speed without an
answer, the next answer to a set-speed may be the late one: it confirms neither. Starting, stopping and
requesting control are the same request each time, so there any answer will do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from bleak.exc import BleakGATTProtocolError, BleakGATTProtocolErrorCode
from msgspec import Struct

from backstride.domain.events import Verdict
from backstride.domain.units import SECOND, Ms
from backstride.ftms.codec import Answer, decode_answer
from backstride.ftms.rejections import Flaw, Rejected, Tally
from backstride.ftms.waits import Waits
from backstride.ports import Clock

type Write = Callable[[bytes], Awaitable[None]]
"""Writes to the control point; returns when the machine has taken the bytes."""
type Ending = tuple[Verdict, str]
"""How a procedure ended, and the detail for whoever reads the journal."""

# Beginnings of the detail.
NOT_SENT: Final = "not sent: "
REFUSED: Final = "refused: "
LINK_BROKE: Final = "the link broke: "


class BusyError(Exception):
    """ATT 0xFE: the machine runs another procedure and has not queued this one."""


class SilenceError(Exception):
    """No answer in time; `untaken`: not even to the write itself."""

    def __init__(self, *, untaken: bool) -> None:
        super().__init__("no answer to the write" if untaken else "no answer to the procedure")
        self.untaken = untaken


class _GivenUp(Struct, frozen=True):
    """A procedure whose answer may still come."""

    frame: bytes
    until: Ms


class Exchange:
    """Writes and answers of one connection. `alive` is called for each answer that was asked for."""

    def __init__(
        self, *, write: Write, clock: Clock, waits: Waits, tally: Tally, alive: Callable[[], None]
    ) -> None:
        self._write = write
        self._clock = clock
        self._waits = waits
        self._tally = tally
        self._alive = alive
        self._waiting: dict[int, list[asyncio.Future[Answer]]] = {}
        self._writes: set[asyncio.Task[None]] = set()
        self._given_up: dict[int, _GivenUp] = {}
        self._answered: int | None = None
        self._freed = asyncio.Event()

    async def pause(self) -> None:
        """Wait until the machine may take another procedure: its next answer, or a moment."""
        self._freed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._waits.busy / SECOND):
                await self._freed.wait()

    @property
    def blocked(self) -> bool:
        """True while the machine has not taken a write."""
        return bool(self._writes)

    async def transact(self, frame: bytes, taken: Callable[[], None] | None = None) -> Ending:
        """Write and wait for the answer. `taken` is called when only the answer is missing.

        Raises:
            BusyError: the machine runs another procedure.
            SilenceError: no answer in time.
        """
        op = frame[0]
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.setdefault(op, []).append(answer)
        until = loop.time() + self._waits.answer / SECOND
        # Eager: the bytes leave in the turn in which the command was decided, not one or two later.
        write = asyncio.Task(self._write_once(frame), loop=loop, eager_start=True)
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
            raise SilenceError(untaken=not write.done())
        except asyncio.CancelledError:
            self._give_up(frame)
            raise
        finally:
            self._forget(op, answer)

    def answer(self, frame: bytes) -> None:
        """Take what the control point says: an answer to whoever waits for it, or a flaw."""
        self._freed.set()
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

    def close(self, reason: str) -> None:
        """The link is gone: whatever waits for an answer will not get one."""
        for futures in list(self._waiting.values()):
            for future in futures:
                if not future.done():
                    future.set_exception(ConnectionError(reason))
        for write in list(self._writes):
            write.cancel()

    async def _write_once(self, frame: bytes) -> None:
        try:
            await self._write(frame)
        except BleakGATTProtocolError as error:
            if error.code == BleakGATTProtocolErrorCode.PROCEDURE_ALREADY_IN_PROGRESS:
                raise BusyError from error
            raise

    def _write_ended(self, write: asyncio.Task[None]) -> None:
        self._writes.discard(write)
        if not write.cancelled():
            write.exception()  # seen, so that asyncio does not report it as never retrieved

    def _give_up(self, frame: bytes) -> None:
        until = self._clock.now() + self._waits.transaction
        self._given_up[frame[0]] = _GivenUp(frame, until)

    def _forget(self, op: int, answer: asyncio.Future[Answer]) -> None:
        waiting = self._waiting.get(op, [])
        if answer in waiting:
            waiting.remove(answer)
        if not waiting:
            self._waiting.pop(op, None)
        if not answer.cancel():
            answer.exception()  # seen, as above

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

    def _unasked(self, reply: Answer) -> Flaw:
        if self._given_up.pop(reply.op, None) is not None:
            self._alive()
            return Flaw.LATE
        return Flaw.REPEATED if reply.op == self._answered else Flaw.MISMATCHED


async def _first(*waits: asyncio.Future[Answer] | asyncio.Task[None], until: float) -> None:
    """Wait for one of them, but not beyond `until` on the loop's clock."""
    rest = max(until - asyncio.get_running_loop().time(), 0)
    await asyncio.wait(waits, timeout=rest, return_when=asyncio.FIRST_COMPLETED)


def _fault(write: asyncio.Task[None]) -> BaseException | None:
    return asyncio.CancelledError() if write.cancelled() else write.exception()


def _ending_of(fault: BaseException) -> Ending:
    """What a write that failed means: only a refusal by the machine itself is without effect.

    Raises:
        BusyError: the machine runs another procedure.
    """
    words = str(fault) or type(fault).__name__
    match fault:
        case BusyError():
            raise fault
        case BleakGATTProtocolError(code=BleakGATTProtocolErrorCode.UNLIKELY_ERROR):
            return Verdict.UNKNOWN, f"the machine does not say what it did: {words}"
        case BleakGATTProtocolError():
            return Verdict.REJECTED, REFUSED + words
        case _:
            return Verdict.UNKNOWN, LINK_BROKE + words
