"""The judge: what must never be, looked for in the machine's own log and in what people were told.

Each rule returns sentences about what is wrong; none of them asks the product what it believes of the
belt. Where a rule needs to know what the product could have known, it looks at the mishaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from backstride.domain.session import MOVING, Phase
from backstride.domain.units import SECOND, Ms
from backstride.virtual.log import STOP, Op, Write
from backstride.virtual.model import Delay
from backstride.virtual.quirks import OnConnect, StopAgain, Unit
from safety.swarm.draw import SITE_CAP
from safety.swarm.mishaps import NOT_PERMITTED
from safety.swarm.plan import Mishap
from safety.swarm.truth import Track, is_ours, meddling, motions
from safety.swarm.world import OPTIONS, Struck, World

STEP_UP: Final = 30
"""Largest rise of one command, 0.01 km/h, for machines with a finer grid."""
RISE: Final = 10
"""Steepest rise, 0.01 km/h per s."""
JITTER: Final[Ms] = 150
"""A tick, and the way to the machine."""
DEADLINE: Final[Ms] = 1_000
"""A permit is good for this long: so much later than planned may a command leave."""
LYING: Final = frozenset({"delay", "freeze", "corrupt", "drop", "mismatch", "lag", "sleep"})
"""Mishaps after which telemetry or statuses are not what they seem, or commands come late."""
CONFUSING: Final = LYING | {"duplicate"}
MEMORY: Final[Ms] = 60 * SECOND
"""Somebody who acted so long ago may still have the belt."""
LIE_MEMORY: Final[Ms] = 6 * SECOND
FRESH: Final[Ms] = 1_500
"""Telemetry that is older allows no increase."""
CUE_REACTION: Final[Ms] = 5 * SECOND
"""So long before an increase its cue must have been heard."""
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
REACTION: Final[Ms] = 3 * SECOND
"""Time to notice that somebody else acts: two telemetry records and a tick."""
START_LATE: Final[Ms] = 6 * SECOND
"""Between the end of the countdown and the Start: claim and journal must be on the disk first."""


def judge(world: World) -> list[str]:
    """Everything that was wrong, in the order of the rules."""
    found = list(world.complaints)
    for rule in RULES:
        found.extend(rule(world))
    return found


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


# -- targets -----------------------------------------------------------------------------------------


def only_known_commands(world: World) -> Iterator[str]:
    """Request control, speed, incline, Start and Stop; never Pause, never Reset."""
    for write in ours(world):
        if write.opcode not in {0, Op.SPEED, Op.INCLINE, Op.START} and write.data != STOP:
            yield f"foreign command {write.data.hex()} at {write.at}"


def no_target_above_the_cap(world: World) -> Iterator[str]:
    """H04: as written, whatever the machine makes of it."""
    cap = max(world.plan.cap, world.machine.model.speed.minimum)
    track = Track(world.machine)
    for write in commands(world, Op.SPEED):
        # A later life does not know the program, and brings down what runs faster.
        known = max(write.speed, track.before(write.at - FRESH).speed)
        down = write.speed_target <= min(known, SITE_CAP)
        if not (0 < write.speed_target <= cap or down):
            yield f"speed {write.speed_target} above the cap {world.plan.cap} at {write.at}"
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
        over = [s for s in after if s.target > max(world.plan.cap, model.speed.minimum)]
        if (
            over
            and track.before(write.at).target <= world.plan.cap
            and not _others_between(world, write.at - REACTION, over[0].at)
        ):
            yield f"speed {write.speed_target} made the machine aim at {over[0].target} at {write.at}"


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
        slow = JITTER + 2 * world.plan.latency + _delays(world)
        if write.at - last > FRESH + slow:
            yield f"a rise at {write.at}, {write.at - last} ms after the last telemetry"
        if not any(begun < at <= write.at - CUE_REACTION + slow for at in world.cues_heard):
            yield f"a rise at {write.at} before any cue was heard"


def _delays(world: World) -> Ms:
    late = any(s.mishap.kind in {"stall", "sleep", "lag"} for s in world.struck)
    return (
        DEADLINE
        + max(s.mishap.value for s in world.struck if s.mishap.kind in {"stall", "sleep", "lag"})
        if late
        else 0
    )


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
            if down + JITTER + 2 * world.plan.latency + _delays(world) < write.at < up:
                yield f"a rise at {write.at} without a broker since {down}"


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


def _others_between(world: World, start: Ms, end: Ms) -> bool:
    return any(start <= at <= end for at in meddling(world.machine))


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


# -- starts --------------------------------------------------------------------------------------------


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
    """H01, H03: each Start has a confirm of its own, given on the same connection just before."""
    confirms = [g for g in world.grants if g.code == "countdown"]
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
        confirms.remove(fresh[-1])


def _late(world: World) -> Ms:
    """A Start waits for the disk; a host that sleeps or stalls sends it late."""
    extra = sum(s.mishap.value for s in world.struck if s.mishap.kind in {"stall", "sleep", "lag"})
    return START_LATE + extra


# -- phases --------------------------------------------------------------------------------------------


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
    restless = model.key in {"trx3500", "xterra-t85"} or model.link.on_connect is OnConnect.STARTS
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


# -- people --------------------------------------------------------------------------------------------


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


def the_gate_is_never_needed(world: World) -> Iterator[str]:
    """What the pilot plans, the gate permits: a refusal is a defect that the gate caught."""
    for at, rule in world.refusals:
        yield f"the gate refused {rule} at {at}"


def sound_motions(world: World) -> Iterator[str]:
    """Every motion has a cause."""
    for motion in motions(world.machine):
        if motion.cause == "unknown":
            yield f"the belt was set in motion at {motion.at} and nobody knows why"


RULES: Final[tuple[Callable[[World], Iterator[str]], ...]] = (
    only_known_commands,
    no_target_above_the_cap,
    never_above_the_cap,
    no_jump,
    no_rise_unseen,
    no_rise_without_a_broker,
    a_stop_is_sent_at_once,
    long_gaps_slow_down,
    starts_only_at_rest,
    starts_only_confirmed,
    only_stop_outside_motion,
    faults_latch,
    never_finished_while_moving,
    hand_over_needs_a_hand,
    every_request_is_answered,
    the_gate_is_never_needed,
    sound_motions,
)
