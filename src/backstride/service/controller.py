"""The only loop: event in, step, permit, execute, journal, publish.

Theory of operation
-------------------
Adapters report events through `sink`. An event is folded at once, on the loop's thread, and everything
that follows from it happens before the next one is folded: the gate judges the orders, permits go to the
treadmill as tasks, the journal takes the event, notices and state go to the bus. Nothing in this path
waits. What must wait - a radio, a disk - runs in tasks of its own and comes back as an event.

One thing waits for the disk on purpose: a Start leaves only after the claim on the belt is on it, and
not at all when the disk does not take it: the next life would not know of the belt. A Stop waits for
nothing at all.

A defect - in the core, or in an adapter that should never raise - surfaces here as an exception. Then
nothing is folded any more, the controller sends one last Stop past everything but the gate, over the link
that is still there, and ends; the supervisor lets the process die, and the next life finds the claim.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol, assert_never

import structlog
from msgspec import Struct

from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import Permit, permit
from backstride.domain.events import Adopt, Event, Outcome, Shutdown, Tick, Verdict
from backstride.domain.notices import Refused
from backstride.domain.session import (
    Order,
    Phase,
    Session,
    Transition,
    situation,
)
from backstride.domain.step import step
from backstride.domain.units import SECOND, Ms
from backstride.domain.workout import Program
from backstride.ports import Bus, Clock, Treadmill
from backstride.service.claim import ClaimKeeper, Ledger
from backstride.service.clock import WallClock, suspended
from backstride.service.journal import VERSION as JOURNAL_VERSION
from backstride.service.journal import Opening
from backstride.service.logs import name_session, speak_for
from backstride.service.outlet import LIVELY, Outlet
from backstride.service.settings import Guidance
from backstride.service.training import Training
from backstride.service.view import View

TICK: Final[Ms] = 100
"""Time between two ticks while a session is under way."""
IDLE_TICK: Final[Ms] = 500
"""And while none is: nothing but a confirm window needs it."""
ALIVE: Final[Ms] = 2 * SECOND
"""A control loop that did not tick for this long is not alive: the watchdog is not fed for it."""
GIVE_UP: Final[Ms] = 25 * SECOND
"""A shutdown waits this long for the belt to be proven still: a ramp from 5.5 km/h and 9 s of coasting."""
LAST_WRITES: Final[Ms] = 5 * SECOND
"""And then this long for a slow disk."""
LAST_WORDS: Final[Ms] = 10 * SECOND
"""After a defect, time for the machine to take the last Stop."""
GAP_PAUSE: Final[Ms] = 10 * SECOND
"""After a disk failed, a new journal is tried this much later."""


class SessionJournal(Protocol):
    """Where a session's events go; `service.journal` has one on disk and one in memory."""

    @property
    def gap(self) -> bool:
        """Records were lost since `begin`: what follows is worth nothing without a new `begin`."""
        ...

    async def run(self) -> None:
        """Write until cancelled."""
        ...

    def begin(self, program: str, opening: Opening) -> None:
        """Start the record of a session of `program`."""
        ...

    def append(self, event: Event) -> None:
        """Add an event."""
        ...

    def end(self) -> None:
        """The session is over."""
        ...

    async def secure(self) -> None:
        """Return when everything is on the disk."""
        ...


class Ports(Struct, frozen=True):
    """The world of one treadmill. `trouble` says why there is no link, `stage` how far it is.

    `rssi` is the signal of its last advertisement in dBm.
    `refused` counts the commands that were not obeyed, by code. `demands` is what the site asks of
    commands: `pin`.
    """

    treadmill: Treadmill
    bus: Bus
    journal: SessionJournal
    ledger: Ledger
    clock: Clock
    wall: WallClock
    trouble: Callable[[], str | None]
    stage: Callable[[], str]
    slept: Callable[[], Ms] = suspended
    refused: Callable[[], dict[str, int]] = dict
    demands: tuple[str, ...] = ()
    training: Training | None = None
    guidance: Guidance = Guidance()
    rssi: Callable[[], int | None] = lambda: None


class Controller:
    """One treadmill's session, from events to orders. See the theory of operation above."""

    def __init__(
        self,
        treadmill: str,
        boot: str,
        ports: Ports,
        session: Session,
        programs: tuple[Program, ...],
    ) -> None:
        self.session = session
        self.view = View(treadmill, boot, ports.guidance)
        self.alive_at: Ms = ports.clock.now()
        """When the loop last ticked: the watchdog is fed only while this is recent."""
        self.session_id = ""
        """Of the session that was armed last; the log, the history and the exports name it."""
        self.watchers: list[Callable[[Event, Transition], None]] = []
        """Called after each fold; they observe and must not raise."""
        self._ports = ports
        self._outlet = Outlet(
            self.view,
            ports.bus,
            ports.wall,
            programs,
            stage=ports.stage,
            trouble=ports.trouble,
            rssi=ports.rssi,
            refused=ports.refused,
            demands=ports.demands,
            training=ports.training,
        )
        self._log = structlog.get_logger("backstride.session").bind(treadmill=treadmill)
        self._inbox: deque[Event] = deque()
        self._folding = False
        self._tasks: asyncio.TaskGroup | None = None
        self._defect: Exception | None = None
        self._ended = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._slept = ports.slept()
        self._recording = False
        self._begun_at: Ms = 0
        self._claim = ClaimKeeper(ports.ledger, lambda: self.session)
        self._rested = asyncio.Event()
        self._rested.set()

    @property
    def phase(self) -> str:
        """The present phase, for the bus's `expect`."""
        return self.session.phase

    def ticks(self, now: Ms) -> bool:
        """The loop ticked just now, or has ended and is not expected to."""
        return self._ended.is_set() or now - self.alive_at < ALIVE

    # -- life ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run the session until cancelled.

        Raises:
            Exception: what an adapter or the core raised; the belt was sent a last Stop.
        """
        speak_for(self.view.treadmill)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                running = [
                    tasks.create_task(self._guard(work), name=name)
                    for name, work in (
                        ("journal", self._ports.journal.run),
                        ("claim", self._claim.run),
                        ("bus", partial(self._ports.bus.run, self.sink)),
                        ("treadmill", partial(self._ports.treadmill.run, self.sink)),
                    )
                ]
                self._adopt()
                self._tick()
                await self._ended.wait()
                for task in running:
                    task.cancel()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._tasks = None
        if self._defect is not None:
            raise self._defect

    def _adopt(self) -> None:
        """Hand the claim of an earlier life to the session."""
        if found := self._claim.find():
            record, age = found
            self._log.warning("a belt was left moving", program=record.program, age_ms=age)
            self.sink(Adopt(at=self._ports.clock.now(), record=record, age=age))

    async def shut_down(self) -> None:
        """Bring the belt down and return when it is proven still, or after GIVE_UP."""
        self.sink(Shutdown(at=self._ports.clock.now()))
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_UP / SECOND):
                await self._rested.wait()
        if self.session.owed:
            self._log.critical("the belt is not proven still at the end of the service")
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WRITES / SECOND):
                await self._secure()

    async def _guard(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a part of the controller. Its failure must not take the link away before the Stop."""
        try:
            await work()
        except Exception as error:  # noqa: BLE001  whatever it is, the belt comes first
            self._abandon(error)

    # -- the loop ------------------------------------------------------------------------------

    def sink(self, event: Event) -> None:
        """Fold an event now; one that arrives while another is folded comes right after it."""
        if self._defect is not None:
            return
        self._inbox.append(event)
        if self._folding:
            return
        self._folding = True
        try:
            while self._inbox:
                self._fold(self._inbox.popleft())
        except Exception as error:  # noqa: BLE001  whatever it is, the belt comes first
            self._abandon(error)
        finally:
            self._folding = False

    def _fold(self, event: Event) -> None:
        before = self.session
        transition = step(before, event)
        after = self.session = transition.session
        # Orders first: what a command makes us write, tell and publish must not keep it waiting.
        for order in transition.orders:
            self._dispatch(order)
        self._record(before, after, event)
        if before.owed != after.owed or before.phase is not after.phase:
            self._note_debt()
        self.view.follow(before, after)
        for notice in transition.notices:
            self._outlet.tell(notice)
        for watch in self.watchers:
            watch(event, transition)
        self._outlet.publish(before, after, event, self._ports.clock.now())

    def _dispatch(self, order: Order) -> None:
        """Ask the gate, and let what it permits go out."""
        decision = permit(order.command, order.ticket, order.situation, self.session.envelope)
        if isinstance(decision, Permit):
            if self._tasks is not None:
                _start(self._tasks, self._guard(partial(self._execute, decision)))
            return
        sentence = f"the gate refused {order.command!r}: {decision.sentence}"
        self._outlet.tell(
            Refused(
                at=self.session.now,
                command=repr(order.command),
                rule=decision.rule,
                sentence=sentence,
            )
        )
        self._inbox.append(
            Outcome(
                at=self.session.now,
                epoch=self.session.epoch,
                ticket=order.ticket,
                verdict=Verdict.REJECTED,
                detail=f"permit: {decision.rule}",
            )
        )

    async def _execute(self, granted: Permit) -> None:
        match granted.command:
            case Start():
                if not await self._secure():
                    self._withhold(granted, "the disk takes no claim on the belt")
                    return
                if self.session.phase is not Phase.STARTING:
                    # While the disk took the claim somebody said stop: no belt starts behind a Stop.
                    self._withhold(granted, "the session no longer starts")
                    return
            case Stop() | SetSpeed() | SetIncline() | RequestControl():
                pass
            case _:
                assert_never(granted.command)
        self.sink(await self._ports.treadmill.execute(granted))

    def _withhold(self, granted: Permit, reason: str) -> None:
        """A permitted command is not sent after all."""
        self._log.error("command withheld", command=repr(granted.command), reason=reason)
        self.sink(
            Outcome(
                at=self._ports.clock.now(),
                epoch=granted.epoch,
                ticket=granted.ticket,
                verdict=Verdict.REJECTED,
                detail=f"not sent: {reason}",
            )
        )

    def _tick(self) -> None:
        """One tick; the next is due by the present phase."""
        now = self._ports.clock.now()
        slept = self._ports.slept()
        self.sink(Tick(at=now, slept=max(slept - self._slept, 0)))
        self._slept = slept
        self.alive_at = now
        if not self._ended.is_set():
            pause = TICK if self.session.phase in LIVELY else IDLE_TICK
            self._timer = asyncio.get_running_loop().call_later(pause / SECOND, self._tick)

    def _abandon(self, error: Exception) -> None:
        """Something is broken: one last Stop through the gate, then let the process die."""
        if self._defect is not None:
            return
        self._defect = error
        self._inbox.clear()
        if self._tasks is not None:
            self._tasks.create_task(self._speak_last(error), name="last stop")

    async def _speak_last(self, error: Exception) -> None:
        """Stop first, and only then say why: a log can fail, too, and a traceback takes its time."""
        last = permit(Stop(), self.session.tickets + 1, situation(self.session), None)
        try:
            if isinstance(last, Permit):
                async with asyncio.timeout(LAST_WORDS / SECOND):
                    await self._ports.treadmill.execute(last)
        except Exception as another:  # noqa: BLE001  there is nothing left to fall back to
            self._log.critical("the last Stop could not be sent", reason=repr(another))
        finally:
            self._ended.set()
            self._rested.set()
            self._log.critical("the session failed; a last Stop was sent", reason=repr(error))

    # -- the disk ------------------------------------------------------------------------------

    def _record(self, before: Session, after: Session, event: Event) -> None:
        """Journal from the arming (or recovery) on until the session rests."""
        journal = self._ports.journal
        retry = journal.gap and after.now - self._begun_at >= GAP_PAUSE
        if _worth_recording(after) and (not self._recording or retry):
            if not self._recording:
                self._name_session(self._ports.wall.stamp())
            self._recording, self._begun_at = True, after.now
            program = after.program.id if after.program else "recovery"
            journal.begin(
                program,
                Opening(
                    version=JOURNAL_VERSION,
                    boot=self.view.boot,
                    treadmill=self.view.treadmill,
                    time=self._ports.wall.stamp(),
                    session=before,
                ),
            )
        if self._recording:
            journal.append(event)
            if not _worth_recording(after):
                self._recording = False
                journal.end()
                name_session(self.view.treadmill, None)

    def _name_session(self, stamp: str) -> None:
        """A session begins: its id sorts by time and is no other's, of this treadmill or another."""
        at = datetime.fromisoformat(stamp).astimezone(UTC)
        self.session_id = f"{at:%Y%m%d-%H%M%S}-{self.view.treadmill}-{self.view.boot[:4]}"
        name_session(self.view.treadmill, self.session_id)

    def _note_debt(self) -> None:
        """The debt to the belt began or ended: the disk must know."""
        self._claim.look()
        if self.session.phase in LIVELY or self.session.owed:
            self._rested.clear()
        else:
            self._rested.set()

    async def _secure(self) -> bool:
        """Return when claim and journal are on the disk as they should be; whether a claim is there."""
        claimed = await self._claim.settle()
        await self._ports.journal.secure()
        return claimed


def _start(tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` in the group, its first part now and not in the loop's next turn."""
    task = asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
    if not task.done():
        tasks.create_task(_see_through(task))


async def _see_through(task: asyncio.Task[None]) -> None:
    await task


def _worth_recording(session: Session) -> bool:
    return session.phase in LIVELY or session.owed
