"""The people around a session: they start it, confirm, answer, acknowledge - most of the time."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from backstride.domain.events import Ask
from backstride.domain.session import Phase, Session
from backstride.domain.units import SECOND
from backstride.virtual.machine import Machine
from safety.swarm.world import World

GLANCE_S: Final = 0.7
"""How often somebody looks at the dashboard."""


async def live(world: World) -> None:
    """Do what a person does, until cancelled."""
    person = world.plan.person
    rng = random.Random(world.plan.seed ^ 0xFACE)  # noqa: S311  reproducible chance
    starts = 0
    while True:
        await asyncio.sleep(GLANCE_S)
        if world.process.life.over:
            continue
        session = world.process.session
        ask = _wish(session, again=starts < person.sessions)
        if ask is not None:
            await asyncio.sleep(person.reaction / SECOND)
            if ask is Ask.ACKNOWLEDGE and not world.stands():
                continue
            if rng.randrange(100) < person.care:
                world.ask(ask)
                starts += ask is Ask.START and world.process.session.phase is Phase.ARMED
                await asyncio.sleep(2 * GLANCE_S)
        elif session.phase is Phase.STARTING and world.plan.console:
            await asyncio.sleep(person.reaction / SECOND)
            world.pump.act(_press_start)
            await asyncio.sleep(5 * GLANCE_S)


def _press_start(machine: Machine, now: int) -> None:
    machine.console.press_start(now)


def _wish(session: Session, *, again: bool) -> Ask | None:
    turned = session.phase in {Phase.TURNING, Phase.HOLDING} and not session.owed
    if session.phase is Phase.ARMED or turned:
        return Ask.CONFIRM
    if session.asked_at is not None:
        return Ask.PRESENT
    if session.phase is Phase.FAULTED:
        return Ask.ACKNOWLEDGE
    if session.phase in {Phase.IDLE, Phase.FINISHED} and again:
        return Ask.START
    return None
