"""Weeks of walking: what a person's sessions add up to, from Monday to Sunday where they walked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from msgspec import Struct

from backstride.domain.record import Head
from backstride.domain.units import Ms, Speed


class Week(Struct, frozen=True, kw_only=True):
    """One week. `effort` is the mean of what walkers said, in 0.1 of Borg's scale; None if nobody did.

    Sessions in which nobody walked are not counted. Distance in m, energy in 0.01 kcal, an estimate.
    """

    monday: date
    sessions: int
    walked: Ms
    backward: Ms
    distance: int
    top_speed: Speed
    energy: int
    effort: int | None


def local_day(head: Head) -> date:
    """The day on which a session began, where it was walked."""
    return (
        datetime.fromtimestamp(head.started / 1_000, UTC) + timedelta(minutes=head.offset)
    ).date()


def monday_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def add_up(heads: Iterable[Head]) -> tuple[Week, ...]:
    """The weeks in which somebody walked, the newest first."""

    def key(head: Head) -> date:
        return monday_of(local_day(head))

    walked = sorted((head for head in heads if head.walked > 0), key=key, reverse=True)
    return tuple(_add(monday, tuple(group)) for monday, group in groupby(walked, key))


def _add(monday: date, heads: tuple[Head, ...]) -> Week:
    efforts = [head.effort for head in heads if head.effort is not None]
    return Week(
        monday=monday,
        sessions=len(heads),
        walked=sum(head.walked for head in heads),
        backward=sum(head.backward for head in heads),
        distance=sum(head.distance or 0 for head in heads),
        top_speed=max(head.top_speed for head in heads),
        energy=sum(head.energy or 0 for head in heads),
        effort=(20 * sum(efforts) + len(efforts)) // (2 * len(efforts)) if efforts else None,
    )
