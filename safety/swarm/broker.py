"""A broker in memory, and the service's connection to it: everything of `mqtt` but the socket.

What people send passes the product's own rules (`Reception`, `Desk`): late, repeated and retained
commands are judged as they are in a home. Delivery is at most once while the service is connected.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

import msgspec

from backstride.domain.events import BusDown, BusUp, CueHeard
from backstride.domain.notices import Answer
from backstride.domain.units import Ms
from backstride.domain.workout import Program
from backstride.mqtt.commands import Desk
from backstride.mqtt.decode import Inbound
from backstride.mqtt.outbox import Item, Outbox
from backstride.mqtt.reception import Reception, SparseLog, loop_now
from backstride.mqtt.schema import ResponseNote
from backstride.ports import Publication, Sink
from backstride.service.controller import Controller
from safety.swarm.loop import Life

PREFIX: Final = "backstride/swarm"
CUE_EXPIRY: Final[Ms] = 10_000
"""A cue older than this is no longer delivered."""


class Broker:
    """The broker: up or down, and how it treats cues and answers."""

    def __init__(self, rng: random.Random, wall: Callable[[], Ms], now: Callable[[], Ms]) -> None:
        self.rng = rng
        self.wall = wall
        self.outages: list[tuple[Ms, Ms]] = []
        """When it went down, and came back, by `now`."""
        self._now = now
        self._down_at: Ms = 0
        self.up = True
        self.lost_cues = 0
        """How many cues of 100 are never delivered."""
        self.cue_delay: Ms = 5
        self.delivered: dict[str, Ms] = {}
        """Ids of legible commands that reached a service that was there, and when."""
        self.answers: dict[str, list[ResponseNote]] = {}
        self._link: BusLink | None = None

    def attach(self, link: BusLink) -> None:
        """A service connects."""
        self._link = link

    def detach(self) -> None:
        """The service is gone."""
        self._link = None

    def turn(self, *, up: bool) -> None:
        """Come up or go down; the service notices at once."""
        if up is self.up:
            return
        self.up = up
        if up:
            self.outages.append((self._down_at, self._now()))
        else:
            self._down_at = self._now()
        if self._link is not None:
            self._link.change(up=up)

    def send(self, ident: str, payload: bytes, *, retain: bool = False) -> None:
        """Deliver a command now, if anybody is there to take it."""
        if self.up and self._link is not None and self._link.connected:
            self.delivered.setdefault(ident, round(loop_now() * 1000))
            self._link.take(payload, retain=retain)

    def take_answer(self, item: Item) -> None:
        """Keep an answer of the service."""
        note = msgspec.json.decode(item.payload, type=ResponseNote)
        self.answers.setdefault(note.id or "", []).append(note)


class _Answers(Outbox):
    """Hands answers to the broker instead of keeping them for a socket."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(loop_now)
        self._broker = broker

    def put(self, item: Item) -> None:
        self._broker.take_answer(item)


class BusLink:
    """`ports.Bus` of one life of the service."""

    def __init__(self, broker: Broker, life: Life, programs: dict[str, Program], boot: str) -> None:
        self.controller: Controller | None = None
        self._broker = broker
        self._life = life
        self._sink: Sink | None = None
        self._waiting: list[tuple[Ms, int]] = []
        self._reception = Reception(
            desk=Desk(programs=programs.get, phase=self._phase, boot=boot),
            outbox=_Answers(broker),
            prefix=PREFIX,
            clock=self,
            wall=broker.wall,
            synchronised=lambda: True,
            phase=self._phase,
            log=SparseLog(),
        )

    @property
    def connected(self) -> bool:
        """The service listens."""
        return self._sink is not None and not self._life.over

    def now(self) -> Ms:
        """The loop's time in ms."""
        return int(loop_now() * 1000)

    def _phase(self) -> str:
        return "offline" if self.controller is None else self.controller.phase

    # -- ports.Bus -----------------------------------------------------------------------------

    async def run(self, sink: Sink) -> None:
        """Be there until cancelled."""
        self._sink = self._reception.sink = sink
        self._broker.attach(self)
        if self._broker.up:
            sink(BusUp(at=self.now()))
        try:
            await asyncio.Event().wait()
        finally:
            self._sink = None
            self._broker.detach()

    def publish(self, publication: Publication) -> None:
        """A cue is told to a listener, late or never; the rest only had to be encoded."""
        if publication.cue is None:
            return
        self._waiting.append((self.now(), publication.cue))
        if self._broker.up:
            self._tell_cues()

    def answer(self, answer: Answer) -> None:
        """Answer a request."""
        self._reception.answer(answer)

    # -- the broker's side -----------------------------------------------------------------------

    def change(self, *, up: bool) -> None:
        """The broker comes or goes."""
        self._life.do(self._change, up)

    def take(self, payload: bytes, *, retain: bool) -> None:
        """A command arrives."""
        note = Inbound(topic="command", payload=payload, size=len(payload), retain=retain)
        self._life.do(self._reception.take, note)

    def _change(self, up: bool) -> None:  # noqa: FBT001  called through a context
        if self._sink is None:
            return
        self._sink(BusUp(at=self.now()) if up else BusDown(at=self.now()))
        if up:
            self._tell_cues()

    def _tell_cues(self) -> None:
        waiting, self._waiting = self._waiting, []
        for at, cue in waiting:
            lost = self._broker.rng.randrange(100) < self._broker.lost_cues
            if not lost and self.now() - at < CUE_EXPIRY:
                delay = self._broker.cue_delay / 1000
                asyncio.get_running_loop().call_later(delay, self._heard, cue)

    def _heard(self, cue: int) -> None:
        if self._sink is not None and self._broker.up:
            self._sink(CueHeard(at=self.now(), cue=cue))
