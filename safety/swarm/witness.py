"""What the rules of the judge have in common: who wrote, who meddled, and what shook the evidence."""

from __future__ import annotations

from typing import Final

from backstride.domain.units import SECOND, Ms
from backstride.virtual.log import Write
from safety.swarm.plan import Mishap
from safety.swarm.truth import is_ours, meddling
from safety.swarm.world import World

JITTER: Final[Ms] = 150
"""A tick, and the way to the machine."""
DEADLINE: Final[Ms] = 1_000
"""A permit is good for this long: so much later than planned may a command leave."""
FRESH: Final[Ms] = 1_500
"""Telemetry that is older allows no increase."""
LYING: Final = frozenset({"delay", "freeze", "corrupt", "drop", "mismatch", "lag", "sleep"})
"""Mishaps after which telemetry or statuses are not what they seem, or commands come late."""
LIE_MEMORY: Final[Ms] = 6 * SECOND
REACTION: Final[Ms] = 3 * SECOND
"""Time to notice that somebody else acts: two telemetry records and a tick."""


def ours(world: World) -> list[Write]:
    """What the service wrote and the machine took, below or above FTMS."""
    return [write for write in world.machine.log.writes if is_ours(write)]


def commands(world: World, *opcodes: int) -> list[Write]:
    """Its commands that reached the control point."""
    return [w for w in ours(world) if w.opcode in opcodes and w.att_error is None]


def shaken(world: World, at: Ms, kinds: frozenset[str] = LYING) -> bool:
    """A mishap of these kinds was at work just before `at`, or shows its effects."""
    return any(
        struck.at <= at <= struck.at + _reach(struck.mishap) + LIE_MEMORY
        for struck in world.struck
        if struck.mishap.kind in kinds
    )


def _reach(mishap: Mishap) -> Ms:
    return mishap.lasting + (mishap.value if mishap.kind in {"delay", "lag", "sleep"} else 0)


def meddled(world: World, at: Ms, within: Ms = REACTION) -> bool:
    """Somebody else touched the machine just before `at`."""
    return any(at - within <= when <= at for when in meddling(world.machine))


def host_delays(world: World) -> Ms:
    """How much later than planned a command may leave a host that stalled, slept or lagged."""
    late = any(s.mishap.kind in {"stall", "sleep", "lag"} for s in world.struck)
    return (
        DEADLINE
        + max(s.mishap.value for s in world.struck if s.mishap.kind in {"stall", "sleep", "lag"})
        if late
        else 0
    )


def connected(world: World, at: Ms) -> bool:
    """A life of the service had its connection to the machine at that moment."""
    links = [h for h in world.machine.log.happenings if h.what in {"connected", "disconnected"}]
    ours_so_far = [h for h in links if h.at <= at and h.detail.startswith("client-")]
    return bool(ours_so_far) and ours_so_far[-1].what == "connected"


def others_between(world: World, start: Ms, end: Ms) -> bool:
    """Somebody else touched the machine in this time."""
    return any(start <= at <= end for at in meddling(world.machine))
