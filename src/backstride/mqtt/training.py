"""Who may walk here, and what their plan has next: the payloads of `walkers` and `plan`.

They are retained, and whoever may read them on the broker may: ids, names and a place in the plan are in
them, and nothing about anybody's body, neither answers nor weight, heart rates, effort, pain or own limits.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from backstride.domain.progression import Decision
from backstride.mqtt.quantities import Boot, Count, Kmh, Percent, Version

TRAINING_VERSION: Final = 1


class WalkerName(Struct, frozen=True, kw_only=True):
    """Somebody who may be named in `start` and `walker`."""

    id: str
    name: str


class Walkers(Struct, frozen=True, kw_only=True):
    """Who may walk here, and who was chosen; `selected` is null for nobody in particular."""

    v: Version = TRAINING_VERSION
    boot: Boot
    walkers: tuple[WalkerName, ...] = ()
    selected: str | None = None


class PlanWeek(Struct, frozen=True, kw_only=True):
    """One week of the plan: the speed, the minutes of work and the slope that it ends with."""

    week: Count
    speed: Kmh
    minutes: Annotated[float, Meta(description="of work in a session", ge=0)]
    incline: Percent
    done: Annotated[int, Meta(description="sessions of it that are behind", ge=0)]
    sessions: Count


class Plan(Struct, frozen=True, kw_only=True):
    """The next session of whoever is chosen. Arm it by `start` with `program`, or with `today`.

    Everything is null while nobody is chosen. `refusal` says why there is no session now: not due before
    `due`, or not for this machine.
    """

    v: Version = TRAINING_VERSION
    boot: Boot
    walker: str | None = None
    week: Count | None = None
    session: Annotated[int | None, Meta(description="of the week, from 1")] = None
    program: Annotated[str | None, Meta(description="id of the next session")] = None
    title: str | None = None
    goal: str | None = None
    decision: Decision | None = None
    reason: Annotated[str | None, Meta(description="why it is this one")] = None
    due: Annotated[str | None, Meta(description="first local day on which it may be")] = None
    refusal: str | None = None
    weeks: tuple[PlanWeek, ...] = ()
