"""Replay: fold a journal again and see every state the session had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from backstride.domain.events import Event
from backstride.domain.session import Transition
from backstride.domain.step import step
from backstride.service import journal


def replay(path: Path) -> Iterator[tuple[Event, Transition]]:
    """Each event of a journal with the transition it caused, in order.

    The first state is that of the journal's opening; the same code gives the same transitions.

    Raises:
        JournalError: the file is no journal.
    """
    opening, events = journal.read(path)
    session = opening.session
    for event in events:
        transition = step(session, event)
        session = transition.session
        yield event, transition
