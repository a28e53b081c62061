"""A belt on trial: one treadmill, commanded through the gate, with everything that it says kept.

Theory of operation: this is not a session. Nobody walks; a person stands beside the safety key and does
what the wizard asks. But the gate is the same: every command is judged by `permit()` in the situation
that the telemetry shows, within an envelope that ends at COMMISSIONING_SPEED. A refusal is a result,
not an obstacle: what the gate refuses here it would refuse in a session.

Two things end a trial at once: a belt that is faster than it may be (Stop, then `TrialEndedError`), and a
connection that was lost (a new one, then Stop). Whoever runs a trial calls `rest` at its end, whatever
happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from backstride.domain.bounds import Envelope, envelope
from backstride.domain.commands import Command, RequestControl, SetSpeed, Start, Stop
from backstride.domain.commissioning import COMMISSIONING_SPEED
from backstride.domain.envelope import FRESH, Permit, Refusal, Situation, permit
from backstride.domain.errors import BackstrideError
from backstride.domain.events import (
    Event,
    LinkDown,
    LinkUp,
    MachineStatus,
    Outcome,
    Telemetry,
    Verdict,
)
from backstride.domain.evidence import Evidence, incline_of, observe, void
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import Machine
from backstride.domain.units import SECOND, Ms, Speed, show_speed
from backstride.ports import Clock, Treadmill
from backstride.service.recording import Recording

OVER: Final[Speed] = 30
"""A belt this much above the cap is stopped: the margin of a session."""
TOO_FAST: Final = 2
"""So many records in a row must say it, as in a session."""
LINK_TIME: Final[Ms] = 60 * SECOND
"""For a connection; whoever waits longer stands too far away."""
POLL: Final[Ms] = 200
"""Between two looks at the clock where no event may come."""
ASK_AGAIN: Final[Ms] = 500
"""Between two requests for control: some machines grant the second one only."""
ASKS: Final = 3
REST_TIME: Final[Ms] = 25 * SECOND
"""For a belt to come to rest: the slowest measured one takes 9.1 s from 3.0 km/h."""
STOPS: Final = 4
"""So many Stops, each only when the belt does not slow down."""


class TrialEndedError(BackstrideError):
    """The trial cannot go on; the belt is stopped or must be stopped by the key."""


class Trial:
    """One treadmill on trial, on the running loop."""

    def __init__(self, treadmill: Treadmill, clock: Clock) -> None:
        self.machine: Machine | None = None
        self.evidence = Evidence()
        self.target: Speed = 0
        self.recording = Recording()
        self.control_asks = 0
        """How often control had to be asked for until a command was taken."""
        self._treadmill = treadmill
        self._clock = clock
        self._epoch = 0
        self._control = False
        self._target_at: Ms = 0
        self._tickets = 0
        self._wanted = False
        self._tripped: str | None = None
        self._resting = False
        self._news = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._trip: asyncio.Task[Outcome | Refusal] | None = None

    @property
    def now(self) -> Ms:
        """The present instant."""
        return self._clock.now()

    @property
    def linked(self) -> bool:
        """There is a connection."""
        return self._epoch > 0

    def moves(self) -> bool:
        """The newest record shows a moving belt."""
        return self.evidence.moving()

    @property
    def limits(self) -> Envelope | None:
        """What the gate allows here; None before the machine introduced itself."""
        if self.machine is None:
            return None
        cap = Caps(reason="commissioning", speed=COMMISSIONING_SPEED, incline=0)
        return envelope(SiteRules(machine=cap), self.machine, None, None)

    # -- the link ------------------------------------------------------------------------------

    async def connect(self) -> Machine:
        """Connect and introduce.

        Raises:
            TrialEndedError: no connection in time.
        """
        self._wanted, self._tripped = True, None
        if self._life is None or self._life.done():
            self._life = asyncio.create_task(self._treadmill.run(self.sink), name="trial")
        if not await self.until(lambda: self.linked, LINK_TIME) or self.machine is None:
            raise TrialEndedError(
                "no connection: is it on, near, and is every other app closed? Pull the key if it moves"
            )
        return self.machine

    async def disconnect(self) -> None:
        """End the connection and stay away."""
        self._wanted = False
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
            with suppress(asyncio.CancelledError):
                await life
        self._epoch, self._control = 0, False

    def sink(self, event: Event) -> None:
        """Take what the adapter reports."""
        match event:
            case LinkUp():
                self.machine, self._epoch, self._control = event.machine, event.epoch, False
                self.evidence = Evidence()
                if self._tripped is not None:
                    self._stop_now()  # the person may still be counting: the belt does not wait
            case LinkDown():
                self._epoch, self._control, self._trip = 0, False, None
                if self._wanted:
                    self._tripped = f"the connection was lost: {event.reason}"
            case Telemetry():
                self.recording.add(event)
                self.evidence = observe(self.evidence, event, COMMISSIONING_SPEED, OVER)
                self._guard()
            case MachineStatus():
                self.recording.add(event)
            case _:
                pass
        self._news.set()

    def _guard(self) -> None:
        """A belt above the cap is stopped now, whatever the wizard is waiting for."""
        if self.evidence.over < TOO_FAST or self._resting:
            return
        self._tripped = f"the belt runs at {show_speed(self.evidence.speed or 0)}: too fast"
        if self._trip is None or (self._trip.done() and self.evidence.insistent):
            self._stop_now()

    def _stop_now(self) -> None:
        self._trip = asyncio.create_task(self.order(Stop()), name="stop now")

    async def until(self, condition: Callable[[], bool], limit: Ms) -> bool:
        """Wait until it is so; False when it is not within `limit`.

        Raises:
            TrialEndedError: the belt is too fast, or the connection was lost.
        """
        end = self.now + limit
        while True:
            self.check()
            if condition():
                return True
            left = end - self.now
            if left <= 0:
                return False
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL) / SECOND):
                    await self._news.wait()

    def check(self) -> None:
        """Go on.

        Raises:
            TrialEndedError: the belt is too fast, or the connection was lost.
        """
        if self._tripped is not None:
            raise TrialEndedError(self._tripped)

    async def wait(self, time: Ms) -> None:
        """Let time pass; raises as `until` does."""
        await self.until(lambda: False, time)

    # -- commands ------------------------------------------------------------------------------

    def situation(self, *, start: bool = False) -> Situation:
        """The facts for the gate. `start`: the person has just confirmed a Start."""
        return Situation(
            now=self.now,
            epoch=self._epoch,
            control=self._control,
            moves=True,
            start_granted=start,
            speed=self.evidence.speed,
            incline=incline_of(self.evidence, self.machine),
            age=self.evidence.age(self.now),
            target=self.target,
            target_at=self._target_at,
            incline_target=0,
            incline_target_at=self.now,
        )

    async def order(self, command: Command, *, start: bool = False) -> Outcome | Refusal:
        """Ask the gate, and let out what it permits. A Stop does not wait for control to be granted."""
        if isinstance(command, SetSpeed | Start) and not self._control:
            await self.take_control()
        found = await self._execute(command, start=start)
        if not_permitted(found):
            await asyncio.sleep(ASK_AGAIN / SECOND)
            await self.take_control()
            found = await self._execute(command, start=start)
        return found

    async def take_control(self) -> None:
        """Ask for control, again where it is refused."""
        for attempt in range(ASKS):
            self.control_asks += 1
            found = await self._execute(RequestControl())
            # A machine that never answers is obeyed or not: the command will show it.
            if isinstance(found, Outcome) and found.verdict is not Verdict.REJECTED:
                self._control = True
                return
            if attempt + 1 < ASKS:
                await asyncio.sleep(ASK_AGAIN / SECOND)

    async def _execute(self, command: Command, *, start: bool = False) -> Outcome | Refusal:
        self._tickets += 1
        decision = permit(command, self._tickets, self.situation(start=start), self.limits)
        if not isinstance(decision, Permit):
            return decision
        if isinstance(command, SetSpeed):
            self.target, self._target_at = command.target, self.now
        if not isinstance(command, RequestControl):
            self.evidence = void(self.evidence)
        return await self._treadmill.execute(decision)

    def adopt(self) -> None:
        """A person started the belt: its target is what it shows."""
        self.target, self._target_at = self.evidence.speed or 0, self.now

    async def raise_to(self, speed: Speed, limit: Ms) -> Outcome | Refusal | None:
        """Raise the target step by step, as fast as the gate permits.

        Returns what went wrong; None when the target is `speed`'s step of the grid.
        """
        within = self.limits
        if within is None:
            return None
        end, goal = self.now + limit, within.grid(speed)
        while self.target < goal:
            self.check()
            found = await self.order(SetSpeed(min(self.target + within.increment, goal)))
            if isinstance(found, Outcome) and found.verdict is Verdict.REJECTED:
                return found
            if isinstance(found, Refusal) and self.now >= end:
                return found
            await self.wait(POLL)
        return None

    # -- rest ----------------------------------------------------------------------------------

    async def rest(self) -> bool:
        """Stop the belt, repeat it only where it does not slow down; True when it is shown at rest.

        Never raises for the link: it does what can be done.
        """
        self._resting = True
        try:
            return await self._stop_until_still()
        finally:
            self._resting = False

    async def _stop_until_still(self) -> bool:
        for _ in range(STOPS):
            if not self.linked:
                return False
            await self.order(Stop())
            if await self._comes_to_rest():
                return True
            if not self.evidence.moving():
                return False  # not shown; another Stop would start some machines
        return False

    async def wind_down(self) -> bool:
        """End at rest: let a belt that slows down do so, stop one that does not."""
        self._tripped = None
        if self._trip is not None:
            await self._trip  # sent already; a second one would start some machines
            if await self._comes_to_rest():
                return True
        if self.evidence.falling and await self._comes_to_rest():
            return True
        fresh = self.evidence.age(self.now) <= FRESH
        return (self.evidence.still and fresh) or await self.rest()

    async def _comes_to_rest(self) -> bool:
        end = self.now + REST_TIME
        while self.now < end and self.linked:
            if self.evidence.still:
                return True
            if self.evidence.insistent:
                return False
            await asyncio.sleep(POLL / SECOND)
        return False


def not_permitted(found: Outcome | Refusal) -> bool:
    """The machine said that we are not in control."""
    return (
        isinstance(found, Outcome)
        and found.verdict is Verdict.REJECTED
        and "permitted" in found.detail
    )
