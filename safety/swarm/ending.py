"""How a session ends: all is well again, nobody does anything, then somebody says stop.

Two promises about the end are judged here, at the belt: a belt that is ours and that no session follows
any more comes to rest by itself, and after a Stop that reached a connected service it always does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from backstride.domain.events import Ask
from backstride.domain.session import Phase
from backstride.domain.units import SECOND, Ms
from safety.swarm.mishaps import calm
from safety.swarm.truth import belongs_to_us, coast, effect_delay, motions
from safety.swarm.world import World

LINK_TIME: Final[Ms] = 90 * SECOND
"""Time for a new life and a new connection, once all is well."""
REST_TIME: Final[Ms] = 30 * SECOND
"""Time to notice, to ramp down and to send Stop: 20 s of patience and some."""
GLANCE: Final[Ms] = 500
FOLLOWED: Final = frozenset(
    {Phase.ARMED, Phase.COUNTDOWN, Phase.STARTING, Phase.RUNNING, Phase.HOLDING, Phase.TURNING}
)
"""Phases in which a belt may move, or come to move, with nobody in a hurry."""


async def bring_to_rest(world: World, person: asyncio.Task[None]) -> None:
    """End all mishaps, wait for what must happen by itself, then say stop."""
    calm(world)
    world.calm_at = world.machine_now()
    person.cancel()
    belt = world.machine.drive.belt
    if not await _until(world, lambda: _connected(world), LINK_TIME):
        trouble = "no life" if world.process.life.over else world.process.session.phase
        world.complaints.append(
            f"no connection {LINK_TIME // SECOND} s after all was well: {trouble}"
        )
        return
    bound = coast(world.machine, belt.value) + effect_delay(world.machine) + REST_TIME
    if not await _until(world, lambda: _settled(world), bound):
        speed, phase = belt.value, world.process.session.phase
        world.complaints.append(f"left alone, the belt runs on at {speed} while {phase}")
    await asyncio.sleep(3)
    await _stop(world)


async def _stop(world: World) -> None:
    machine = world.machine
    bound = coast(machine, machine.drive.belt.value) + effect_delay(machine) + REST_TIME
    for _ in range(2):
        world.ask(Ask.STOP)
        if await _until(world, lambda: _latched(world), bound // 2):
            break
    session = world.process.session
    if machine.drive.belt.value:
        world.complaints.append(
            f"after Stop the belt runs on at {machine.drive.belt.value} while {session.phase}"
        )
    elif not _latched(world):
        world.complaints.append(f"after Stop the session is {session.phase}, owed {session.owed}")


def _connected(world: World) -> bool:
    return not world.process.life.over and world.process.session.linked


def _settled(world: World) -> bool:
    """The belt stands, or somebody is responsible for it."""
    phase = world.process.session.phase
    if phase in FOLLOWED or phase is Phase.HANDED_OVER or not world.machine.drive.belt.value:
        return True
    return _given_away(world) or not belongs_to_us(world.machine)


def _given_away(world: World) -> bool:
    """Since the belt got going, the session was handed over; whether for a reason is judged elsewhere."""
    moved = motions(world.machine)
    since = moved[-1].at if moved else 0
    return any(turn.at >= since and turn.after == Phase.HANDED_OVER for turn in world.turns)


def _latched(world: World) -> bool:
    if world.machine.drive.belt.value:
        return False
    return world.process.session.phase in {Phase.FINISHED, Phase.FAULTED, Phase.OFFLINE}


async def _until(world: World, condition: Callable[[], bool], limit: Ms) -> bool:
    deadline = world.now() + limit
    while not condition():
        if world.now() >= deadline:
            return False
        await asyncio.sleep(GLANCE / SECOND)
    return True
