"""Who was chosen at a treadmill last, in a file: their limits hold also after the daemon was killed.

The file has an id and nothing else; what the person is like is in the history. A start without a name is
theirs until somebody else is chosen, or nobody, or they are erased.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from backstride.domain.events import Ask, Event, Request, Tick
from backstride.domain.session import Phase, Transition
from backstride.mqtt.people import WALKING
from backstride.mqtt.topics import is_id
from backstride.service.history import granted
from backstride.service.recovery import CLAIM, write_durably
from backstride.service.walkers import Roster

_LOG: Final = structlog.get_logger("backstride.walkers")

FILE: Final = "chosen"
_REST: Final = frozenset({Phase.OFFLINE, Phase.IDLE, Phase.FINISHED})


class Choice:
    """Of one treadmill, with its state in `home`. `walker` is the id, None for nobody in particular."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self.walker = self._written = read_choice(home)
        self._writing: asyncio.Future[None] | None = None

    def follow(
        self, roster: Roster, sink: Callable[[Event], None]
    ) -> Callable[[Event, Transition], None]:
        """A watcher for the treadmill's controller; `sink` is where its session takes events."""

        def watch(event: Event, transition: Transition) -> None:
            s = transition.session
            if isinstance(event, Request) and event.ask in WALKING and granted(transition):
                self._keep(None if s.person is None else s.person.id)
            # At a tick, as no answer of ours may bring about the next one.
            lost = self.walker is not None and roster.known and self.walker not in roster.book
            if lost and isinstance(event, Tick) and s.phase in _REST and not s.owed:
                _LOG.warning("whoever was chosen is not known any more")
                sink(Request(at=s.now, id="not-known", ask=Ask.WALKER, source="walkers"))

        return watch

    async def settle(self) -> None:
        """Return when the disk has it, or refused it."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    def _keep(self, walker: str | None) -> None:
        self.walker = walker
        self._write()

    def _write(self) -> None:
        if self._writing is not None or self.walker == self._written:
            return
        self._written = self.walker
        content = None if self.walker is None else self.walker.encode()
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, write_durably, self._path, content)
        self._writing.add_done_callback(self._note)

    def _note(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        if writing.cancelled():
            return
        if error := writing.exception():
            _LOG.error("who was chosen is not kept for the next start", reason=str(error))
        self._write()


def read_choice(home: Path) -> str | None:
    """The id in a treadmill's directory; None for nobody. What cannot be read is logged."""
    path = home / FILE
    try:
        found = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        _LOG.error("who was chosen cannot be read", path=str(path), reason=str(error))
        return None
    if is_id(found):
        return found
    _LOG.error("who was chosen cannot be read", path=str(path), reason="this is no id")
    return None


def walks_now(state: Path, walker: str) -> bool:
    """A belt may move for whoever is chosen there: its claim is on the disk before it does."""
    return any(read_choice(claim.parent) == walker for claim in state.glob(f"*/{CLAIM}"))


def forget_choice(state: Path, walker: str) -> None:
    """No treadmill has chosen this walker any more.

    Raises:
        OSError: the disk did not take it.
    """
    for path in state.glob(f"*/{FILE}"):
        if read_choice(path.parent) == walker:
            write_durably(path, None)
