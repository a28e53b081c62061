"""Rules about who walks: their heart and their level. Each yields what was wrong, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from backstride.domain.session import Phase
from backstride.domain.units import SECOND, Ms
from backstride.domain.walker import may_walk
from backstride.virtual.log import Op
from safety.swarm.plan import ceiling_of
from safety.swarm.truth import Track
from safety.swarm.witness import commands, host_delays, meddled
from safety.swarm.world import World

HIGH_FOR: Final[Ms] = 6 * SECOND
"""A heart above its ceiling for so long is a reason to rise no more: 5 s, and a beat."""
APART: Final[Ms] = 1_500
"""Beats that are further apart than this do not tell of the time between them."""
HEARTS: Final = range(30, 231)
"""What a pulse can be."""
UNDERWAY: Final = frozenset({Phase.RUNNING, Phase.HOLDING})


def no_rise_above_the_ceiling(world: World) -> Iterator[str]:
    """H30: while the strap has said for some time that the heart is too fast, nothing gets faster."""
    ceiling = ceiling_of(world.plan)
    if ceiling is None:
        return
    track, told = Track(world.machine), 0
    for write in commands(world, Op.SPEED, Op.START):
        rises = write.speed_target > max(track.before(write.at).target, write.speed, told)
        told = write.speed_target
        if write.opcode == Op.START or not rises or meddled(world, write.at, 12 * SECOND):
            continue
        since = _high_since(world, ceiling, write.at)
        slow = 2 * world.plan.latency + host_delays(world)
        if since is not None and write.at - since > HIGH_FOR + slow:
            yield f"a rise at {write.at} with a heart above {ceiling} since {since}"


def _high_since(world: World, ceiling: int, at: Ms) -> Ms | None:
    """Since when the life that is there `at` that moment walks and hears a heart above the ceiling."""
    begun = max(
        (t.at for t in world.turns if t.at <= at and not {t.before, t.after} <= UNDERWAY), default=0
    )
    newest, since = at, None
    for when, rate in reversed(world.beats):
        if when > at:
            continue
        if when < begun or newest - when > APART or rate not in HEARTS or rate <= ceiling:
            break
        newest = since = when
    return since


def nobody_above_their_level(world: World) -> Iterator[str]:
    """H26: a program above the level of whoever said that they walk is never started."""
    walker = world.plan.walker
    if walker is None or may_walk(walker, world.program.level):
        return
    for write in commands(world, Op.START):
        yield f"Start at {write.at} of a program above the walker's level"
