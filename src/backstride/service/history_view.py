"""The history as a dashboard sees it: payloads made from heads and weeks. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from backstride.domain.record import Head
from backstride.domain.units import MINUTE, SECOND, Ms
from backstride.history.week import Week
from backstride.mqtt.history import History, HistorySession, HistoryWeek

SHOWN_SESSIONS: Final = 10
SHOWN_WEEKS: Final = 4
"""A retained message is sent to everybody who comes: 4 kB."""
DAY: Final[Ms] = 86_400 * SECOND
FORGOTTEN: Final[Ms] = DAY // 2
"""Whoever walked longer ago is not asked how it was any more [CHOICE]."""


def describe(
    boot: str, heads: tuple[Head, ...], weeks: tuple[Week, ...], now: datetime, walker: str | None
) -> History:
    """The payload of sessions and weeks, the newest first; one that lasts is not in it.

    `walker` was chosen, or nobody was: only they are asked, and about their own session.
    """
    over = tuple(head for head in heads if head.outcome is not None)
    return History(
        boot=boot,
        sessions=tuple(_session(head) for head in over),
        weeks=tuple(_week(week) for week in weeks[:SHOWN_WEEKS]),
        question=_question(heads, walker, int(now.timestamp() * SECOND)),
    )


def find_rated(heads: tuple[Head, ...], walker: str | None, now: int) -> Head | None:
    """The session that `feedback` is about: the newest one of whoever was chosen, of the last day.

    Where nobody was chosen it is the newest one of nobody in particular. Heads are the newest first.
    """
    own = next((head for head in heads if head.walker == walker), None)
    return own if own is not None and now - own.started < DAY else None


def _question(heads: tuple[Head, ...], walker: str | None, now: int) -> str | None:
    """The session to be rated, if it is over, somebody walked a minute in it, and nobody said how it was."""
    last = find_rated(heads, walker, now)
    if last is None:
        return None
    over = last.outcome is not None and last.walked >= MINUTE and last.effort is None
    recent = now - (last.started + last.length) < FORGOTTEN
    return last.id if over and recent else None


def _session(head: Head) -> HistorySession:
    started = datetime.fromtimestamp(head.started / SECOND, UTC).isoformat(timespec="milliseconds")
    return HistorySession(
        id=head.id,
        program=head.program,
        program_name=head.program_name,
        started=started.replace("+00:00", "Z"),
        walker=head.walker,
        walked=head.walked / SECOND,
        backward=head.backward / SECOND,
        distance=head.distance,
        top_speed=head.top_speed / 100,
        energy=None if head.energy is None else head.energy / 100,
        alarms=head.alarms,
        outcome=head.outcome,
        completed=head.completed,
        effort=head.effort,
    )


def _week(week: Week) -> HistoryWeek:
    return HistoryWeek(
        monday=week.monday.isoformat(),
        sessions=week.sessions,
        walked=week.walked / SECOND,
        backward=week.backward / SECOND,
        distance=week.distance,
        top_speed=week.top_speed / 100,
        energy=week.energy / 100,
        effort=None if week.effort is None else week.effort / 10,
    )
