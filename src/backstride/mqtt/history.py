"""The last sessions and weeks of a treadmill: the payload of `history`, when a session ends or is rated.

It is retained, and whoever may read it on the broker may: pain and heart rates are not in it.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from backstride.mqtt.quantities import Boot, Count, Kmh, Seconds, Timestamp, Version

HISTORY_VERSION: Final = 1
type BorgEffort = Annotated[int, Meta(description="Borg's scale, 6 to 20", ge=6, le=20)]
type Pain = Annotated[int, Meta(description="0 none to 10", ge=0, le=10)]


class HistorySession(Struct, frozen=True, kw_only=True):
    """One session that is over, or was interrupted. `completed`: the program was walked to its end."""

    id: Annotated[str, Meta(description="for `backstride history show`")]
    program: str
    program_name: str
    started: Timestamp
    walker: Annotated[str | None, Meta(description="id of who said that they walk")] = None
    walked: Annotated[Seconds, Meta(description="with the belt in motion")]
    backward: Annotated[Seconds, Meta(description="of it facing the rear")]
    distance: Annotated[int | None, Meta(description="m")] = None
    top_speed: Kmh = 0
    energy: Annotated[float | None, Meta(description="kcal, an estimate")] = None
    alarms: Count = 0
    outcome: Annotated[str | None, Meta(description="how it ended")] = None
    completed: bool = False
    effort: BorgEffort | None = None


class HistoryWeek(Struct, frozen=True, kw_only=True):
    """One week in which somebody walked, from its Monday on; `effort` is the mean of what was said."""

    monday: Annotated[str, Meta(description="2026-11-16")]
    sessions: Count
    walked: Seconds
    backward: Seconds
    distance: Annotated[int, Meta(description="m")]
    top_speed: Kmh
    energy: Annotated[float, Meta(description="kcal, an estimate")]
    effort: Annotated[float | None, Meta(description="Borg's scale, 6 to 20")] = None


class History(Struct, frozen=True, kw_only=True):
    """The last ten sessions and four weeks of this treadmill, the newest first.

    `question` is the session of which its walker, who is chosen now, has not said yet how hard it was: ask,
    and send `feedback`. That is kept with the newest session of whoever is chosen, or of nobody in particular
    where nobody is, if it began within a day; else it is kept nowhere.
    """

    v: Version = HISTORY_VERSION
    boot: Boot
    sessions: tuple[HistorySession, ...] = ()
    weeks: tuple[HistoryWeek, ...] = ()
    question: Annotated[str | None, Meta(description="id of a session, or null")] = None
