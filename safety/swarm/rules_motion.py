"""Rules about what moves the belt: targets, rises and starts. Each yields what was wrong, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from backstride.domain.units import SECOND, Ms
from backstride.virtual.log import STOP, Op, Write
from backstride.virtual.quirks import StopAgain, Unit
from safety.swarm.draw import SITE_CAP
from safety.swarm.mishaps import NOT_PERMITTED
from safety.swarm.plan import cap_of
from safety.swarm.process import OPTIONS
from safety.swarm.truth import Track, motions
from safety.swarm.witness import (
    DEADLINE,
    FRESH,
    JITTER,
    REACTION,
    commands,
    host_delays,
    meddled,
    others_between,
    ours,
    shaken,
)
from safety.swarm.world import World

STEP_UP: Final = 30
"""Largest rise of one command, 0.01 km/h, for machines with a finer grid."""
RISE: Final = 10
"""Steepest rise, 0.01 km/h per s."""
CUE_REACTION: Final[Ms] = 5 * SECOND
"""So long before an increase its cue must have been heard."""
START_LATE: Final[Ms] = 6 * SECOND
"""Between the end of the countdown and the Start: claim and journal must be on the disk first."""


def only_known_commands(world: World) -> Iterator[str]:
    """Request control, speed, incline, Start and Stop; never Pause, never Reset."""
    for write in ours(world):
        if write.opcode not in {0, Op.SPEED, Op.INCLINE, Op.START} and write.data != STOP:
            yield f"foreign command {write.data.hex()} at {write.at}"


def no_target_above_the_cap(world: World) -> Iterator[str]:
    """H04: as written, whatever the machine makes of it."""
    cap = max(cap_of(world.plan), world.machine.model.speed.minimum)
    track = Track(world.machine)
    for write in commands(world, Op.SPEED):
        # A later life does not know the program, and brings down what runs faster.
        known = max(write.speed, track.before(write.at - FRESH).speed)
        down = write.speed_target <= min(known, SITE_CAP)
        if not (0 < write.speed_target <= cap or down):
            yield f"speed {write.speed_target} above the cap {cap} at {write.at}"
    for write in commands(world, Op.INCLINE):
        if not 0 <= write.incline_target <= world.program.max_incline:
            yield f"incline {write.incline_target} at {write.at}"


def never_above_the_cap(world: World) -> Iterator[str]:
    """H04, H05 at the belt: above the cap only what somebody else, or the machine itself, did."""
    model = world.machine.model
    if model.speed.written_in is Unit.MPH or model.control_point.stop_again is StopAgain.RESTARTS:
        return
    track = Track(world.machine)
    for write in commands(world, Op.SPEED):
        if write.result != 1:
            continue
        after = track.between(write.at + 1, write.at + 5 * SECOND)
        over = [s for s in after if s.target > max(cap_of(world.plan), model.speed.minimum)]
        if (
            over
            and track.before(write.at).target <= cap_of(world.plan)
            and not others_between(world, write.at - REACTION, over[0].at)
        ):
            yield f"speed {write.speed_target} made the machine aim at {over[0].target} at {write.at}"


def no_jump(world: World) -> Iterator[str]:
    """H06: no rise above one step, and none steeper than 0.1 km/h per s."""
    model = world.machine.model
    if Unit.MPH in {model.speed.written_in, model.speed.shown_in}:
        return
    track = Track(world.machine)
    step = max(STEP_UP, model.speed.step)
    late = any(s.mishap.kind in {"stall", "sleep", "lag"} for s in world.struck)
    before: Write | None = None
    for write in commands(world, Op.SPEED, Op.START):
        if write.opcode == Op.START:
            before = None
            continue
        now = track.before(write.at)
        rise = write.speed_target - max(now.target, now.speed)
        if rise > step and not meddled(world, write.at) and not shaken(world, write.at):
            yield f"a rise of {rise} at {write.at} to {write.speed_target}"
        if (
            before is not None
            and before.client == write.client
            and before.result == write.result == 1
        ):
            rise = write.speed_target - before.speed_target
            spent = write.at - before.at + (DEADLINE if late else JITTER) + world.plan.latency
            if rise * SECOND > RISE * spent:
                yield f"a rise of {rise} within {write.at - before.at} ms at {write.at}"
        before = write


def no_rise_unseen(world: World) -> Iterator[str]:
    """H13: no increase on telemetry that is older than 1.5 s; H28: nor without a cue that was heard."""
    begun = 0
    track = Track(world.machine)
    for write in commands(world, Op.SPEED, Op.START):
        if write.opcode == Op.START:
            begun = write.at
            continue
        before = track.before(write.at)
        if write.speed_target <= max(before.target, write.speed) or meddled(
            world, write.at, 12_000
        ):
            continue
        last = max((at for at in world.telemetry_heard if at <= write.at), default=0)
        slow = JITTER + 2 * world.plan.latency + host_delays(world)
        if write.at - last > FRESH + slow:
            yield f"a rise at {write.at}, {write.at - last} ms after the last telemetry"
        if not any(begun < at <= write.at - CUE_REACTION + slow for at in world.cues_heard):
            yield f"a rise at {write.at} before any cue was heard"


def no_rise_without_a_broker(world: World) -> Iterator[str]:
    """H12: while the broker is gone the belt holds its speed, or comes down."""
    if world.plan.unsupervised:
        return
    track = Track(world.machine)
    for write in commands(world, Op.SPEED):
        before = track.before(write.at)
        if write.speed_target <= max(before.target, write.speed) or meddled(
            world, write.at, 12_000
        ):
            continue
        for down, up in world.broker.outages:
            if down + JITTER + 2 * world.plan.latency + host_delays(world) < write.at < up:
                yield f"a rise at {write.at} without a broker since {down}"


def starts_only_at_rest(world: World) -> Iterator[str]:
    """H01: no Start on a belt that moves, or is being started."""
    for write in commands(world, Op.START):
        if (
            write.speed > 0
            and not meddled(world, write.at, 9 * SECOND)
            and not shaken(world, write.at)
        ):
            yield f"Start at {write.at} on a belt at {write.speed}"


def starts_only_confirmed(world: World) -> Iterator[str]:
    """H01, H03: each Start has a confirm of its own, given on the same connection just before.

    One that the machine denied, for want of control, may be repeated once on the same confirm.
    """
    confirms = [g for g in world.grants if g.code == "countdown"]
    repeated = []
    for write in commands(world, Op.START):
        fresh = [
            g
            for g in confirms
            if g.client == write.client
            and OPTIONS.countdown - JITTER <= write.at - g.at <= OPTIONS.countdown + _late(world)
        ]
        if not fresh:
            yield f"Start at {write.at} without a fresh confirm"
            continue
        if write.result == NOT_PERMITTED and fresh[-1] not in repeated:
            repeated.append(fresh[-1])
        else:
            confirms.remove(fresh[-1])


def _late(world: World) -> Ms:
    """A Start waits for the disk; a host that sleeps or stalls sends it late."""
    extra = sum(s.mishap.value for s in world.struck if s.mishap.kind in {"stall", "sleep", "lag"})
    return START_LATE + extra


def sound_motions(world: World) -> Iterator[str]:
    """Every motion has a cause."""
    for motion in motions(world.machine):
        if motion.cause == "unknown":
            yield f"the belt was set in motion at {motion.at} and nobody knows why"
