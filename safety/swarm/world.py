"""The world of a plan: a machine, lives of the service one after another, people, and bad luck.

Everything in it happens on one virtual loop and by the plan's seed alone, so that a session can be told
again to the byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any, Final, cast

from bleak.uuids import normalize_uuid_16

from backstride.domain.events import Ask, CueHeard, Event, HeartRate
from backstride.domain.notices import Alarm, Answer, Moved, Refused, Reply
from backstride.domain.session import MOVING, Phase, Transition
from backstride.domain.units import SECOND, Ms
from backstride.service.journal import JournalError
from backstride.service.replay import replay
from backstride.virtual.faults import Faults
from backstride.virtual.gatt import Uuid
from backstride.virtual.loopback import LoopbackAir, list_entries
from backstride.virtual.machine import Machine
from backstride.virtual.pump import Pump
from safety.swarm.air import Radio
from safety.swarm.broker import Broker
from safety.swarm.disk import Disk
from safety.swarm.heart import Strap, hastened
from safety.swarm.loop import BURIAL_S, SimLoop
from safety.swarm.plan import Mishap, Plan, model_of, program_of
from safety.swarm.process import EPOCH, HOME, Process, host_clock
from safety.swarm.records import Granted, Struck, Turn

EPOCH_MS: Final[Ms] = int(EPOCH.timestamp()) * SECOND
REPLAYED: Final = 5
"""The journals of one seed in so many are folded again: it takes as long as the session."""
START: Final = b"\x07"


class World:
    """See the top of the file. After `play`, everything that the judge needs is in the attributes."""

    def __init__(self, plan: Plan, loop: SimLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.rng = random.Random(plan.seed ^ 0x5EED)  # noqa: S311  reproducible chance
        self.program = program_of(plan)
        self.machine = Machine(model_of(plan), keep_sent=False)
        self.faults = Faults(self.machine, seed=plan.seed)
        self.radio = Radio(LoopbackAir(plan.latency))
        self.disk = Disk(self.rng)
        self.broker = Broker(self.rng, self.wall, self.machine_now)
        self.strap = Strap(self)
        self.pump: Pump[Machine]
        self.process: Process
        self.processes: list[Process] = []
        self.slept: Ms = 0
        self.booted: Ms = 0
        self.calm_at: Ms | None = None
        self.turns: list[Turn] = []
        self.grants: list[Granted] = []
        self.struck: list[Struck] = []
        self.alarms: list[tuple[Ms, str]] = []
        self.refusals: list[tuple[Ms, str]] = []
        self.cues_heard: list[Ms] = []
        self.beats: list[tuple[Ms, int]] = []
        """When and how fast the strap beat, where a life heard it; 0 without contact."""
        self.telemetry_heard: list[Ms] = []
        self.replays: list[tuple[tuple[str, str], ...]] = []
        """The changes of phase in each journal that could be read, folded again."""
        self.unreadable = 0
        self.files: dict[str, bytes] = {}
        """What is on the disk in the end."""
        self.complaints: list[str] = []
        """What the world itself noticed: defects, and promises about the end."""
        self.mail = ""
        self.mail_delay: Ms = 0
        self.letters: list[tuple[str, bytes]] = []
        entries = list_entries(self.machine.characteristics)
        data = normalize_uuid_16(Uuid.TREADMILL_DATA)
        self._data_handle = next(entry.handle for entry in entries if entry.uuid == data)
        self._context = copy_context()
        self._reached: set[str] = set()
        self._asked = 0
        self._over = False

    # -- time ----------------------------------------------------------------------------------

    def now(self) -> Ms:
        """Milliseconds of the loop: the host's monotonic clock."""
        return round(self.loop.time() * SECOND)

    def machine_now(self) -> Ms:
        """The machine's own clock: it does not stop when the host sleeps."""
        return self.now() + self.slept

    def wall(self) -> Ms:
        """The time of day, in ms since 1970."""
        return EPOCH_MS + self.machine_now()

    def later(self, delay: Ms, action: Any, *args: Any) -> None:
        """Let something happen in the world, whichever life is running now."""
        self.loop.call_later(delay / SECOND, action, *args, context=self._context)

    # -- the service -----------------------------------------------------------------------------

    def begin_life(self) -> None:
        """Start the service."""
        self.process = Process(self, len(self.processes) + 1)
        self.processes.append(self.process)

    def watch(self, process: Process, event: Event, transition: Transition) -> None:
        """See what a life of the service does with an event."""
        if self._over:
            return
        at, life = self.machine_now(), process.number
        for notice in transition.notices:
            match notice:
                case Moved():
                    turn = Turn(at, life, notice.before, notice.after, notice.trigger)
                    self.turns.append(turn)
                    self._reach(notice.after)
                case Answer(reply=Reply.OK):
                    self.grants.append(Granted(at, life, notice.code, self.client()))
                case Alarm():
                    self.alarms.append((at, notice.cause))
                case Refused():
                    self.refusals.append((at, notice.rule))
                case _:
                    pass
        if isinstance(event, CueHeard):
            self.cues_heard.append(at)
        if isinstance(event, HeartRate) and (wrong := hastened(process.before, event, transition)):
            self.complaints.append(f"{wrong} at {at}")
        process.before = transition.session

    def heard(self, handle: int) -> None:
        """A frame of the machine reached a life of the service."""
        if handle == self._data_handle:
            self.telemetry_heard.append(self.machine_now())

    def sent(self, data: bytes) -> None:
        """A life of the service sends a command: before a Start, its claim must outlive a power cut."""
        if (
            data[:1] == START
            and not self.disk.failures
            and not self.disk.keeps(f"{HOME}/owner.json")
        ):
            self.complaints.append(
                f"Start at {self.machine_now()} before the claim was on the disk"
            )

    def client(self) -> str:
        """The service's present connection, as the machine names it."""
        return next((c for c in reversed(self.machine.clients) if c.startswith("client-")), "")

    def _reach(self, phase: str) -> None:
        if phase in self._reached:
            return
        self._reached.add(phase)
        self._await_mishaps(phase)

    def _await_mishaps(self, phase: str) -> None:
        for mishap in self.plan.mishaps:
            if mishap.after == phase:
                self.later(mishap.at, self._strike, mishap)

    def _strike(self, mishap: Mishap) -> None:
        from safety.swarm.mishaps import strike  # noqa: PLC0415  mishaps act on worlds

        at, life = self.machine_now(), 0 if self.process.life.over else self.process.number
        if self.calm_at is None and strike(self, mishap):
            self.struck.append(Struck(at, mishap, life))

    # -- people ----------------------------------------------------------------------------------

    def stands(self) -> bool:
        """What a person sees who looks at the belt before they say that all is well."""
        return not self.machine.drive.belt.value

    def ask(self, ask: Ask) -> None:
        """Somebody sends a command to the broker."""
        self._asked += 1
        ident = f"swarm-{self._asked}"
        note: dict[str, object] = {
            "v": 1,
            "id": ident,
            "command": ask.value,
            "ts": self.wall() / SECOND,
            "boot": self.process.boot,
        }
        if ask in {Ask.START, Ask.SELECT}:
            note["program"] = "swarm"
        payload = json.dumps(note).encode()
        if self.mail == "shuffled":
            self.letters.append((ident, payload))
        elif self.mail == "late":
            self.later(self.mail_delay, self.broker.send, ident, payload)
        else:
            self.broker.send(ident, payload)
            if self.mail == "twice":
                self.later(self.mail_delay, self.broker.send, ident, payload)
            elif self.mail == "retained":
                self.later(self.mail_delay, self._resend_retained, ident, payload)

    def _resend_retained(self, ident: str, payload: bytes) -> None:
        self.broker.send(ident, payload, retain=True)

    # -- the story -------------------------------------------------------------------------------

    async def play(self) -> None:
        """Play the plan to its end."""
        from safety.swarm.ending import bring_to_rest  # noqa: PLC0415  endings act on worlds
        from safety.swarm.person import live  # noqa: PLC0415  people act on worlds

        self.loop.set_exception_handler(self._note_defect)
        with host_clock(self):
            self.pump = await self.radio.air.serve(self.machine, self.faults)
            self.begin_life()
            self._await_mishaps("")
            if self.plan.strap:
                self.strap.beat()
            person = asyncio.create_task(live(self), name="person")
            await asyncio.sleep(self.plan.length / SECOND)
            await bring_to_rest(self, person)
            self._note_ends()
            self._read_journals()
            await self._bury()

    def _note_defect(self, _loop: object, context: dict[str, Any]) -> None:
        self.complaints.append(f"defect: {context.get('exception') or context.get('message')!r}")

    def _read_journals(self) -> None:
        """What can be read of each journal, folded again, is what happened."""
        if self.plan.seed % REPLAYED:
            return
        for path in self.disk.path(f"{HOME}/journal").glob("*.journal"):
            try:
                self.replays.append(tuple(_replayed(cast("Path", path))))
            except JournalError:
                self.unreadable += 1  # torn before its opening was durable

    def _note_ends(self) -> None:
        for process in self.processes:
            task = process.task
            if task.done() and not task.cancelled() and (error := task.exception()):
                self.complaints.append(f"defect: life {process.number} ended by {error!r}")

    async def _bury(self) -> None:
        """Let all tasks end, the dead ones too. Nothing of it counts any more."""
        self._over = True
        self.files = {name: self.disk.path(name).read_bytes() for name in self.disk.names()}
        self.loop.set_exception_handler(lambda *_: None)
        await self.radio.air.close()
        for process in self.processes:
            process.life.bury()
            process.task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BURIAL_S):
                while rest := asyncio.all_tasks() - {asyncio.current_task()}:
                    for task in rest:
                        task.cancel()
                    await asyncio.wait(rest, timeout=1)

    def moving_phase(self) -> bool:
        """The service believes that it may move the belt."""
        return self.process.session.phase in MOVING | {Phase.STOPPING, Phase.COUNTDOWN}


def _replayed(path: Path) -> Iterator[tuple[str, str]]:
    for _, transition in replay(path):
        for notice in transition.notices:
            if isinstance(notice, Moved):
                yield notice.before, notice.after
