"""Rules about the session: stops, phases, faults, hand-overs, answers and the record of it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from backstride.domain.session import MOVING, Phase
from backstride.domain.units import SECOND, Ms
from backstride.virtual.log import STOP, Happening, Op, Sample
from backstride.virtual.model import Delay
from backstride.virtual.quirks import Moment, OnConnect, TargetStatus
from safety.swarm.mishaps import NOT_PERMITTED
from safety.swarm.records import Struck
from safety.swarm.truth import Track, motions
from safety.swarm.witness import (
    LYING,
    REACTION,
    commands,
    connected,
    meddled,
    ours,
    shaken,
)
from safety.swarm.world import World

CONFUSING: Final = LYING | {"duplicate"}
MEMORY: Final[Ms] = 60 * SECOND
"""Somebody who acted so long ago may still have the belt."""
STOP_RECENT: Final[Ms] = 12 * SECOND
"""A Stop that was sent so recently may still be at work: another one could start some belts."""
GAP: Final[Ms] = 3_200
"""A host that was away for longer than this must slow the belt down."""
DEAFENING: Final = frozenset(
    {
        "lag",
        "stall",
        "sleep",
        "disconnect",
        "silence",
        "refuse",
        "mismatch",
        "drop",
        "delay",
        "corrupt",
        "freeze",
    }
)
"""Mishaps that may keep a Stop from the machine, or from being tried again."""
CLEARLY: Final = 60
"""A speed so far from ours was set by somebody else, 0.01 km/h."""


def a_stop_is_sent_at_once(world: World) -> Iterator[str]:
    """A granted stop reaches a connected machine in a moment, whatever else goes on."""
    stops = [w.at for w in ours(world) if w.data == STOP]
    for grant in world.grants:
        if grant.code != "stopping" or not grant.client:
            continue
        slow = 2 * world.plan.latency + 60 + _busy(world)
        if any(grant.at - STOP_RECENT <= at <= grant.at + slow for at in stops):
            continue
        if not Track(world.machine).before(grant.at).speed and any(at < grant.at for at in stops):
            continue  # it was stopped before, and stands
        if not shaken(world, grant.at, DEAFENING) and not _gone(world, grant.at, slow):
            yield f"no Stop at {grant.at}, when it was asked for"


def _busy(world: World) -> Ms:
    """A Stop waits for a machine that is busy with another procedure, 50 ms at a time."""
    delays = world.machine.model.control_point.delays
    each: list[Delay] = [getattr(delays, name) for name in delays.__struct_fields__]
    return max(max(delay.answer) for delay in each) + 100


def _gone(world: World, at: Ms, within: Ms) -> bool:
    """The link was lost just then."""
    lost = world.machine.log.find("disconnected")
    return any(at - SECOND <= h.at <= at + within for h in lost)


def long_gaps_slow_down(world: World) -> Iterator[str]:
    """H22: a loop that stood still for more than 3 s, or a host that slept, ends a running session."""
    for struck in world.struck:
        away = struck.mishap.kind in {"stall", "sleep"} and struck.mishap.value > GAP
        if not away or not struck.life:
            continue
        end = struck.at + struck.mishap.value
        before = [t.after for t in world.turns if t.at < struck.at and t.life == struck.life]
        after = [t.after for t in world.turns if struck.at <= t.at <= end + 2 * SECOND]
        crashed = any(_down(s, struck.at, end + 2 * SECOND) for s in world.struck)
        if (
            before
            and before[-1] == Phase.RUNNING
            and not after
            and not crashed
            and end + 2 * SECOND < (world.calm_at or 0)
        ):
            yield f"nothing happened when the host was away for {struck.mishap.value} ms at {struck.at}"


def _down(struck: Struck, start: Ms, end: Ms) -> bool:
    """No process lives then, or not all the time."""
    gone = struck.mishap.lasting + struck.mishap.value + 2 * SECOND
    return (
        struck.mishap.kind in {"crash", "power cut", "sigterm"}
        and struck.at <= end
        and start <= struck.at + gone
    )


def only_stop_outside_motion(world: World) -> Iterator[str]:
    """H17, H18: after a hand-over, a fault or the end, nothing but Stop and asking for control."""
    moves = [(0, "offline"), *((turn.at, turn.after) for turn in world.turns)]
    position = 0
    slow = 2 * world.plan.latency + 20
    lagging = any(s.mishap.kind in {"lag", "stall", "sleep"} for s in world.struck)
    for write in commands(world, Op.SPEED, Op.INCLINE, Op.START):
        while position + 1 < len(moves) and moves[position + 1][0] <= write.at - slow:
            position += 1
        phases = [moves[position][1], *(p for at, p in moves[position + 1 :] if at <= write.at)]
        if not any(Phase(phase) in MOVING for phase in phases) and not lagging:
            yield f"{write.data.hex()} at {write.at} while {phases[-1]}"


def the_walker_wins(world: World) -> Iterator[str]:
    """H17: after somebody used the console of a running belt, we send nothing but Stop."""
    status, log = world.machine.model.status, world.machine.log
    if status.speed is not TargetStatus.ONCE or status.console_stopped is not Moment.COMMAND:
        return
    track = Track(world.machine)
    confirms = [g.at for g in world.grants if g.code == "countdown"]
    for press in log.find("console"):
        before = track.before(press.at)
        if shaken(world, press.at) or before.phase.name != "RUNNING" or not _matters(press, before):
            continue
        if not connected(world, press.at):
            continue  # nobody was there to see it; whoever comes finds a belt that is ours, and stops it
        run = max(
            (motion.at for motion in motions(world.machine) if motion.at <= press.at), default=0
        )
        if not any(run <= write.at < press.at for write in commands(world, Op.SPEED)):
            continue  # before the probe a belt's speed is what it starts with, whatever it says of it
        again = min((at for at in confirms if at > press.at), default=press.at + 60 * SECOND)
        for write in commands(world, Op.SPEED, Op.INCLINE, Op.START):
            if press.at + REACTION < write.at < again and not shaken(world, write.at):
                yield f"{write.data.hex()} at {write.at}, after {press.detail!r} at {press.at}"


def _matters(press: Happening, before: Sample) -> bool:
    """It stops the belt, or takes it clearly away from where we wanted it."""
    word, _, value = press.detail.partition(" ")
    if word == "speed":
        aim = int(value)
        return aim >= before.target + CLEARLY or aim <= min(before.target, before.speed) - CLEARLY
    return press.detail in {"stop", "pause", "pull key"}


def faults_latch(world: World) -> Iterator[str]:
    """H15: a fault ends by a person's acknowledgement and nothing else."""
    grants = [(g.at, g.life) for g in world.grants if g.code == "acknowledged"]
    for turn in world.turns:
        if turn.before == Phase.FAULTED and (turn.at, turn.life) not in grants:
            yield f"a fault ended by {turn.trigger} at {turn.at}"


def never_finished_while_moving(world: World) -> Iterator[str]:
    """H15: `finished`, and a pause or a turn, say that the belt stands."""
    track = Track(world.machine)
    for turn in world.turns:
        done = turn.after == Phase.FINISHED or turn.trigger in {"paused", "turned"}
        if not done:
            continue
        sample = track.before(turn.at + 1)
        if sample.speed and not shaken(world, turn.at) and not meddled(world, turn.at, 6 * SECOND):
            yield f"{turn.after} at {turn.at} with the belt at {sample.speed}"


def hand_over_needs_a_hand(world: World) -> Iterator[str]:
    """H17: nobody is said to have taken the belt over when nobody was there."""
    model = world.machine.model
    restless = (
        model.key in {"trx3500", "xterra-t85"} or model.link.on_connect is not OnConnect.NOTHING
    )
    denied = any(
        s.mishap.kind == "refuse" and s.mishap.value == NOT_PERMITTED for s in world.struck
    )
    if restless or denied:
        return  # it moves, stops or stays as it likes; or says itself that somebody else has it
    for turn in world.turns:
        if turn.after != Phase.HANDED_OVER or shaken(world, turn.at, CONFUSING):
            continue
        if not meddled(world, turn.at, MEMORY):
            yield f"handed over at {turn.at} and nobody was there"


def every_request_is_answered(world: World) -> Iterator[str]:
    """H27: whoever asks is told, at once."""
    dying = {"crash", "power cut"}
    for ident, at in world.broker.delivered.items():
        if ident in world.broker.answers:
            continue
        if not any(
            s.mishap.kind in dying and abs(s.at - world.slept - at) < SECOND for s in world.struck
        ):
            yield f"request {ident} of {at} was never answered"


def journals_tell_what_happened(world: World) -> Iterator[str]:
    """L3: a journal, torn or not, folds to the phases that the session really had, in their order."""
    lives = [
        [(t.before, t.after) for t in world.turns if t.life == process.number]
        for process in world.processes
    ]
    for moves in world.replays:
        if not any(_runs_through(moves, life) for life in lives):
            yield f"a journal tells of {moves}, which never happened"


def _runs_through(part: Sequence[object], whole: Sequence[object]) -> bool:
    length = len(part)
    return any(tuple(whole[at : at + length]) == tuple(part) for at in range(len(whole) + 1))


def the_gate_is_never_needed(world: World) -> Iterator[str]:
    """What the pilot plans, the gate permits: a refusal is a defect that the gate caught."""
    for at, rule in world.refusals:
        yield f"the gate refused {rule} at {at}"
