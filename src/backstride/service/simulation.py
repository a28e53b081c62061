"""A whole session in about a second: the real service on virtual time with a virtual treadmill.

Everything but the radio and the broker is what runs in a home: controller, core, gate, control point,
codec. The bus is a list, the walker a robot that confirms when asked. What is judged is the log of the
virtual machine, which knows the truth of its belt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.domain.events import Ask, BusUp, CueHeard, Event, Request
from backstride.domain.limits import SiteRules
from backstride.domain.machine import BeltStart
from backstride.domain.notices import Answer, Notice, Reply
from backstride.domain.session import Options, Phase, Session, Transition
from backstride.domain.units import SECOND, Incline, Ms, Speed
from backstride.domain.workout import Program, setpoint
from backstride.ftms.discovery import ByAddress
from backstride.ftms.radio import Radio
from backstride.ftms.treadmill import BleakTreadmill
from backstride.ports import Publication, Sink
from backstride.service.claim import Ledger
from backstride.service.clock import LoopClock, WallClock
from backstride.service.controller import Controller, Ports, SessionJournal
from backstride.service.journal import MemoryJournal
from backstride.service.recovery import MemoryLedger
from backstride.virtual.clock import run_virtual
from backstride.virtual.fault_script import plan_script
from backstride.virtual.faults import Faults
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine
from backstride.virtual.model import MachineModel
from backstride.virtual.pump import Pump

BOOT: Final = "simulation"
EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""The wall's time at which every simulation begins, so that two runs are the same to the byte."""
REACTION: Final[Ms] = 3 * SECOND
"""The robot confirms this long after it is asked."""
WAKING: Final[Ms] = 20 * SECOND
"""The robot waits this long for a connection with telemetry before it asks all the same."""
AFTERMATH: Final[Ms] = 60 * SECOND
"""After a fault the belt gets this long to be proven still."""
LONGEST: Final[Ms] = 4 * 3_600 * SECOND
"""A simulation that has not ended after this much virtual time never will."""
_OVER: Final = frozenset({Phase.FINISHED, Phase.FAULTED})


class SimulationError(BackstrideError):
    """The session could not be simulated to an end."""


class MemoryBus:
    """A broker that is always there and a listener who hears every cue."""

    def __init__(self) -> None:
        self.published: list[Publication] = []
        self.moments: list[Ms] = []
        """When each was published."""
        self.answers: list[Answer] = []
        self._sink: Sink | None = None

    async def run(self, sink: Sink) -> None:
        """Come up and stay."""
        self._sink = sink
        now = LoopClock()
        sink(BusUp(at=now.now()))
        await asyncio.Event().wait()

    def publish(self, publication: Publication) -> None:
        """Keep it; a cue is heard at once."""
        now = LoopClock().now()
        self.published.append(publication)
        self.moments.append(now)
        if publication.cue is not None and self._sink is not None:
            self._sink(CueHeard(at=now, cue=publication.cue))

    def answer(self, answer: Answer) -> None:
        """Keep it."""
        self.answers.append(answer)


class Sample(Struct, frozen=True):
    """One moment: what was wanted, what was commanded, and the truth of the belt.

    Units: ms of virtual time and of the script, 0.01 km/h, 0.1 %.
    """

    at: Ms
    script: Ms
    phase: Phase
    setpoint: Speed
    target: Speed
    belt: Speed
    incline: Incline


def take_sample(at: Ms, session: Session, machine: Machine) -> Sample:
    """What a session wants at this moment, and the truth of the machine that it controls."""
    wanted = setpoint(session.workout, session.script).speed if session.workout else 0
    return Sample(
        at=at,
        script=session.script,
        phase=session.phase,
        setpoint=wanted,
        target=session.drive.target,
        belt=machine.drive.belt.value,
        incline=machine.drive.deck.value,
    )


class Simulation(Struct, frozen=True):
    """How a simulated session went. `refusal` is set when it was not even armed."""

    phase: Phase
    reason: str | None
    refusal: Answer | None
    duration: Ms
    samples: tuple[Sample, ...]
    notices: tuple[Notice, ...]
    session: Session
    machine: Machine


class Stage:
    """A virtual treadmill and the service that controls it, on the running loop.

    `faults` is a fault script (`virtual.fault_script`) for the air between them; `journal`, `ledger` and
    `bus` make other ones than those in memory, on the running loop.
    """

    def __init__(
        self,
        model: MachineModel,
        site: SiteRules,
        programs: tuple[Program, ...] = (),
        *,
        options: Options | None = None,
        belt_start: BeltStart = BeltStart.REMOTE,
        faults: str = "",
        journal: Callable[[], SessionJournal] = MemoryJournal,
        ledger: Callable[[], Ledger] = MemoryLedger,
        bus: Callable[[], MemoryBus] = MemoryBus,
    ) -> None:
        self.machine = Machine(model, keep_sent=False)
        self.air = LoopbackAir()
        self.pump: Pump[Machine] | None = None
        """What drives the machine, while the stage plays."""
        self.bus = bus()
        self.journal = journal()
        self.ledger = ledger()
        self.notices: list[Notice] = []
        self.samples: list[Sample] = []
        self._session = Session(site=site, options=options or Options())
        self._faults = faults
        self._belt_start = belt_start
        self._programs = programs
        self._requests = 0
        self._changed = asyncio.Event()
        self.controller = self._control()
        self.life: asyncio.Task[None] | None = None
        """The controller at work."""

    def _control(self) -> Controller:
        clock = LoopClock()
        treadmill = self.treadmill = BleakTreadmill(
            ByAddress(self.machine.address),
            clock=clock,
            belt_start=self._belt_start,
            radio=Radio(client=self.air.client_backend(), scanner=self.air.scanner_backend()),
        )
        ports = Ports(
            treadmill=treadmill,
            bus=self.bus,
            journal=self.journal,
            ledger=self.ledger,
            clock=clock,
            wall=WallClock(EPOCH, clock),
            trouble=lambda: treadmill.trouble,
            stage=lambda: treadmill.stage.value,
            slept=lambda: 0,
        )
        controller = Controller("simulated", BOOT, ports, self._session, self._programs)
        controller.watchers.append(self._watch)
        return controller

    async def raise_curtain(self) -> None:
        """Put the machine on the air."""
        source = None
        if self._faults:
            source = Faults(self.machine)
            plan_script(source, self._faults)
        self.pump = await self.air.serve(self.machine, source)

    def _watch(self, event: Event, transition: Transition) -> None:
        self.notices.extend(transition.notices)
        s, at = transition.session, event.at
        if not self.samples or at - self.samples[-1].at >= SECOND:
            self.samples.append(take_sample(at, s, self.machine))
        self._changed.set()

    def revive(self) -> asyncio.Task[None]:
        """Let a new life of the service begin, with the ledger of the last one."""
        if self.life is not None:
            self.controller = self._control()
        self.life = asyncio.create_task(self.controller.run())
        return self.life

    async def kill(self) -> None:
        """End this life without a word, as a power cut would."""
        if self.life is not None:
            self.life.cancel()
            await asyncio.wait({self.life})

    def ask(self, ask: Ask, program: Program | None = None, *, on: bool | None = None) -> Answer:
        """Ask the session something, as a dashboard would, and return its answer."""
        self._requests += 1
        request = f"robot-{self._requests}"
        now = LoopClock().now()
        self.controller.sink(
            Request(at=now, id=request, ask=ask, program=program, on=on, source="robot")
        )
        return next(answer for answer in reversed(self.bus.answers) if answer.id == request)

    async def until(self, condition: Callable[[Session], bool], limit: Ms = LONGEST) -> Session:
        """Wait until the session fulfils a condition.

        Raises:
            SimulationError: it does not within `limit` ms of virtual time.
        """
        try:
            async with asyncio.timeout(limit / SECOND):
                while not condition(self.controller.session):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            phase = self.controller.phase
            raise SimulationError(f"still {phase} after {limit // SECOND} s") from error
        return self.controller.session

    async def confirm(self) -> Answer:
        """Confirm after a person's reaction time."""
        await asyncio.sleep(REACTION / SECOND)
        return self.ask(Ask.CONFIRM)


def waits_for_confirm(session: Session) -> bool:
    """The session waits for a person to confirm."""
    turned = session.phase is Phase.TURNING and not session.owed
    return session.phase is Phase.ARMED or turned


def _wants_somebody(session: Session) -> bool:
    ended = session.phase in _OVER or session.phase is Phase.HANDED_OVER
    return ended or waits_for_confirm(session) or session.asked_at is not None


async def walk(stage: Stage, program: Program) -> Answer | None:
    """Arm, confirm, turn and walk a program to its end; the refusal if it is not armed."""
    with suppress(SimulationError):
        await stage.until(lambda s: s.linked and s.evidence.speed is not None, WAKING)
    armed = stage.ask(Ask.START, program)
    if armed.reply is not Reply.OK:
        return armed
    while True:
        session = await stage.until(_wants_somebody)
        if session.phase in _OVER:
            return None
        if session.phase is Phase.HANDED_OVER:
            # Whoever has the belt stops it now, or has it for ever.
            with suppress(SimulationError):
                await stage.until(lambda s: s.phase in _OVER, AFTERMATH)
            return None
        if session.asked_at is not None:
            await asyncio.sleep(REACTION / SECOND)
            stage.ask(Ask.PRESENT)
            continue
        answer = await stage.confirm()
        if answer.reply is not Reply.OK:
            # A stale second of telemetry, say: a person would try again.
            await asyncio.sleep(REACTION / SECOND)
        if stage.controller.session.phase is Phase.IDLE:
            return answer


async def on_stage[T](
    stage: Stage, play: Callable[[Stage], Awaitable[T]], *, ends_by_itself: bool = False
) -> T:
    """Run the service around a play, and take both down after it.

    A controller that fails ends the play with its exception, unless it is a play about that.
    """
    await stage.raise_curtain()
    running = stage.revive()
    playing = asyncio.ensure_future(play(stage))
    try:
        await asyncio.wait({running, playing}, return_when=asyncio.FIRST_COMPLETED)
        if running.done() and not running.cancelled() and not ends_by_itself:
            await running
        return await playing
    finally:
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing
        await stage.kill()
        await stage.air.close()


async def perform(program: Program, model: MachineModel, site: SiteRules) -> Simulation:
    """Simulate one session on the running (virtual) loop."""
    stage = Stage(model, site, (program,))

    async def play(played: Stage) -> tuple[Answer | None, Session]:
        refusal = await walk(played, program)
        with suppress(SimulationError):
            await played.until(lambda s: not s.owed, AFTERMATH)
        return refusal, played.controller.session

    refusal, session = await on_stage(stage, play)
    return Simulation(
        phase=session.phase,
        reason=session.ended_by if refusal is None else refusal.sentence,
        refusal=refusal,
        duration=session.now,
        samples=tuple(stage.samples),
        notices=tuple(stage.notices),
        session=session,
        machine=stage.machine,
    )


def simulate(program: Program, model: MachineModel, site: SiteRules | None = None) -> Simulation:
    """Simulate a whole session of `program` on a virtual machine, in virtual time.

    Raises:
        SimulationError: the session comes to no end.
    """
    main: Any = perform(program, model, site or SiteRules())
    result: Simulation = run_virtual(main)
    return result
