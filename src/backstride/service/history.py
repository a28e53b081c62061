"""The history of a daemon's treadmills: recorded while they are walked, told over MQTT when they are over.

Everything that touches the disk happens on the writer's thread; what comes back is published by the loop.
A history that fails, and a defect in here, cost the record of a session and never the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import structlog
from msgspec import Struct

from backstride.domain.events import Ask, Event, Request
from backstride.domain.notices import Answer, Reply
from backstride.domain.record import Head
from backstride.domain.session import Phase, Session, Transition
from backstride.history.store import Store
from backstride.history.week import add_up
from backstride.history.writer import Writer
from backstride.mqtt.history import History
from backstride.mqtt.schema import encode
from backstride.ports import Bus, Publication
from backstride.service.account import Account
from backstride.service.history_session import Scribe
from backstride.service.history_view import DAY, SHOWN_SESSIONS, SHOWN_WEEKS, describe, find_rated

_LOG: Final = structlog.get_logger("backstride.history")

LAST_COMMIT_S: Final = 5.0
"""A daemon that ends gives a slow disk this long for the last entries."""


def _nothing_more(head: Head) -> None:
    """What is done with a session that is over, where nothing is."""


def _nobody() -> str | None:
    """Who was chosen in an earlier life, where none is remembered."""
    return None


class Subject(Struct, frozen=True):
    """One treadmill: its id, the daemon's boot, its bus, what it adds up to, and the time of day as text.

    `session` tells the id of the session that was armed last. `over` is called on the loop with each
    session that has ended and is on the disk. `chosen` tells the id of whoever was chosen in an earlier life,
    for as long as the session has met nobody.
    """

    treadmill: str
    boot: str
    bus: Bus
    account: Account
    stamp: Callable[[], str]
    session: Callable[[], str]
    over: Callable[[Head], None] = _nothing_more
    chosen: Callable[[], str | None] = _nobody


class Keeper:
    """Keeps the history of some treadmills in one file. `writer.ask` runs a question with its store."""

    def __init__(self, path: Path, treadmills: Sequence[str]) -> None:
        self.writer = Writer(lambda: _open(path, treadmills))
        self._recorders: list[Recorder] = []

    async def __aenter__(self) -> Self:
        """Begin to write; the file is opened on the thread."""
        self.writer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what waits, for as long as that may take."""
        if not await asyncio.to_thread(self.writer.close, LAST_COMMIT_S):
            _LOG.error("the disk took the last entries of the history too slowly")

    def watch(self, subject: Subject) -> Callable[[Event, Transition], None]:
        """A watcher for one controller, on the running loop. It never raises."""
        recorder = Recorder(subject, self.writer)
        recorder.tell()
        self._recorders.append(recorder)
        return recorder.watch

    def tell(self) -> None:
        """Publish anew what is told of each treadmill: somebody has changed the file."""
        for recorder in self._recorders:
            recorder.tell()


def _open(path: Path, treadmills: Sequence[str]) -> Store:
    """Open the history, and close what a daemon that died left open in it."""
    store = Store(path)
    try:
        interrupted = sum(store.close_interrupted(treadmill) for treadmill in treadmills)
    except BaseException:
        store.close()
        raise
    if interrupted:
        _LOG.warning("sessions were interrupted", sessions=interrupted)
    return store


class Recorder:
    """Follows one treadmill from session to session."""

    def __init__(self, subject: Subject, writer: Writer) -> None:
        self._subject = subject
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._scribe: Scribe | None = None
        self._before: Session | None = None
        self._chosen = subject.chosen()

    def watch(self, event: Event, transition: Transition) -> None:
        """Follow one event."""
        try:
            self._follow(event, transition)
        except Exception:  # noqa: BLE001  whatever it is, the belt comes first
            _LOG.exception("the session is recorded no further")
            self._scribe = None
        self._before = transition.session

    def _follow(self, event: Event, transition: Transition) -> None:
        after, before = transition.session, self._before or transition.session
        starts = after.phase is Phase.STARTING and before.phase is not Phase.STARTING
        asked = self._chosen
        self._chosen = after.person.id if after.person else self._subject.chosen()
        if self._scribe is None and starts:
            self._scribe = Scribe(self._begin(after), after)
        if (scribe := self._scribe) is not None:
            due = scribe.follow(before, event, transition, self._subject.account)
            if due:
                self._writer.put(scribe.head, scribe.take())
            if scribe.head.outcome is not None:
                self._scribe = None
                self.tell()
                self._conclude(scribe.head)
        if isinstance(event, Request) and event.ask is Ask.FEEDBACK and granted(transition):
            self._rate(event)
        if self._chosen != asked:
            self.tell()

    def _conclude(self, head: Head) -> None:
        """Pass the session on when the disk has it."""

        def pass_on(done: Future[None]) -> None:
            if done.exception() is None:
                with suppress(RuntimeError):  # the loop has ended meanwhile
                    self._loop.call_soon_threadsafe(self._subject.over, head)

        self._writer.ask(lambda _: None).add_done_callback(pass_on)

    def _begin(self, s: Session) -> Head:
        """The head of a session that begins now."""
        subject, program = self._subject, s.program
        assert program is not None  # noqa: S101  nothing starts without one
        now = datetime.fromisoformat(subject.stamp())
        ahead = now.astimezone().utcoffset()
        return Head(
            id=subject.session(),
            treadmill=subject.treadmill,
            program=program.id,
            program_name=program.name,
            level=program.level,
            started=int(now.timestamp() * 1_000),
            offset=int(ahead.total_seconds()) // 60 if ahead else 0,
            walker=s.person.id if s.person else None,
        )

    def _rate(self, said: Request) -> None:
        subject, walker = self._subject, self._chosen
        now = int(datetime.fromisoformat(subject.stamp()).timestamp() * 1_000)

        def rate(store: Store) -> None:
            head = find_rated(
                store.heads(treadmill=subject.treadmill, since=now - DAY), walker, now
            )
            if head is None:
                _LOG.warning("nothing is rated: whoever is chosen walked nothing here in a day")
            else:
                store.rate(head.id, effort=said.effort, pain=said.pain)

        self._writer.ask(rate).add_done_callback(_complain)
        self.tell()

    def tell(self) -> None:
        """Publish the last sessions and weeks, when the disk has them."""
        subject, now = self._subject, datetime.fromisoformat(self._subject.stamp())
        since = int(now.timestamp() * 1_000) - (SHOWN_WEEKS * 7) * DAY
        walker = self._chosen

        def look(store: Store) -> History:
            heads = store.heads(treadmill=subject.treadmill, limit=SHOWN_SESSIONS)
            weeks = add_up(store.heads(treadmill=subject.treadmill, since=since))
            return describe(subject.boot, heads, weeks, now, walker)

        self._writer.ask(look).add_done_callback(self._hand_over)

    def _hand_over(self, done: Future[History]) -> None:
        """On the writer's thread: give what was found to the loop, if there still is one."""
        if done.exception() is None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._publish, done.result())

    def _publish(self, history: History) -> None:
        self._subject.bus.publish(Publication("history", encode(history), retain=True))


def granted(transition: Transition) -> bool:
    """The request of this event was granted."""
    return any(isinstance(n, Answer) and n.reply is Reply.OK for n in transition.notices)


def _complain(done: Future[None]) -> None:
    if (problem := done.exception()) is not None:
        _LOG.error("what a walker said was not kept", reason=str(problem))
