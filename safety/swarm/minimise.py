"""Shortening a plan that broke a promise, as long as it still breaks the same one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from backstride.domain.workout import Facing
from safety.swarm.plan import Person, Plan
from safety.swarm.run import play_plan


def minimise(plan: Plan, complaints: tuple[str, ...]) -> Plan:
    """The smallest plan found that makes the first of these complaints, numbers aside."""
    wanted = _kind(complaints[0])
    found = replace(plan, about=complaints[0])
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(found):
            if any(_kind(complaint) == wanted for complaint in play_plan(smaller).complaints):
                found, progress = smaller, True
                break
    return found


def _kind(complaint: str) -> str:
    return re.sub(r"\d+", "#", complaint)


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Simpler plans, the boldest first."""
    kinds = list(dict.fromkeys(m.kind for m in plan.mishaps))
    for kind in kinds:
        yield replace(plan, mishaps=tuple(m for m in plan.mishaps if m.kind != kind))
    for number in range(len(plan.mishaps)):
        yield replace(plan, mishaps=plan.mishaps[:number] + plan.mishaps[number + 1 :])
    for number in range(len(plan.changes)):
        yield replace(plan, changes=plan.changes[:number] + plan.changes[number + 1 :])
    if plan.machine != "ideal":
        yield replace(plan, machine="ideal")
    for number in range(len(plan.walks) if len(plan.walks) > 1 else 0):
        yield replace(plan, walks=plan.walks[:number] + plan.walks[number + 1 :])
    plain = {
        "person": Person(),
        "latency": 4,
        "facing": Facing.BACKWARD,
        "unsupervised": False,
        "check_in": None,
        "console": False,
        "strap": False,
        "highest": None,
        "walker": None,
    }
    for name, value in plain.items():
        if getattr(plan, name) != value:
            yield replace(plan, **{name: value})
    for length in (20_000, 30_000, 45_000, 60_000):
        if length < plan.length:
            yield replace(plan, length=length)
