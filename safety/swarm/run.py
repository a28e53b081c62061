"""Playing plans: one, or a range of seeds, and what is counted meanwhile."""

from __future__ import annotations

import gc
import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from typing import NoReturn, cast

import structlog
from msgspec import Struct, field

from backstride.domain.units import Ms
from backstride.virtual.log import Write
from safety.swarm.draw import draw_plan
from safety.swarm.judge import judge
from safety.swarm.loop import SimLoop, play
from safety.swarm.plan import Plan
from safety.swarm.world import World


class Failure(Struct, frozen=True):
    """A plan that broke promises."""

    plan: Plan
    complaints: tuple[str, ...]


class Tally(Struct):
    """What a number of sessions came to."""

    sessions: int = 0
    virtual: Ms = 0
    mishaps: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    lives: int = 0
    starts: int = 0
    stops: int = 0
    commands: int = 0
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in what others counted."""
        self.sessions += other.sessions
        self.virtual += other.virtual
        self.mishaps += other.mishaps
        self.endings += other.endings
        self.lives += other.lives
        self.starts += other.starts
        self.stops += other.stops
        self.commands += other.commands
        self.failures += other.failures


class Session(Struct, frozen=True):
    """A session that was played."""

    world: World
    complaints: tuple[str, ...]


def hush() -> None:
    """The logs of provoked alarms help nobody."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        processors=[_drop],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)


def _drop(_logger: object, _method: str, _event: structlog.typing.EventDict) -> NoReturn:
    raise structlog.DropEvent


def play_plan(plan: Plan) -> Session:
    """Play a plan to its end and judge it."""
    worlds: list[World] = []

    async def story(loop: SimLoop) -> None:
        worlds.append(World(plan, loop))
        await worlds[0].play()

    play(story)
    return Session(worlds[0], tuple(judge(worlds[0])))


def play_seeds(seeds: range) -> Tally:
    """Play the plans of these seeds."""
    tally = Tally()
    gc.collect()
    gc.freeze()
    for seed in seeds:
        _count(tally, play_plan(draw_plan(seed)))
    return tally


def _count(tally: Tally, session: Session) -> None:
    world, log = session.world, session.world.machine.log
    tally.sessions += 1
    tally.virtual += world.machine_now()
    tally.mishaps.update(struck.mishap.kind for struck in world.struck)
    tally.lives += len(world.processes)
    tally.starts += len(log.starts)
    tally.stops += len(log.stops)
    tally.commands += len(log.writes)
    tally.endings[_ending(world)] += 1
    if session.complaints:
        tally.failures.append(Failure(world.plan, session.complaints))


def _ending(world: World) -> str:
    """How it was going when the mishaps ended, in a few words."""
    if not any(turn.after == "armed" for turn in world.turns):
        return "never armed"
    if not world.machine.log.starts and not world.plan.console:
        return "never started"
    # What people and faults made of it before somebody said the last stop.
    final = [turn for turn in world.turns if turn.at <= (world.calm_at or 0)]
    phase = final[-1].after if final else "offline"
    causes = [cause for at, cause in world.alarms if at <= (world.calm_at or 0)]
    return f"{phase}: {causes[-1]}" if phase == "faulted" and causes else phase


def tell(session: Session) -> Iterator[str]:
    """The session as lines in order of time: what happened to the machine, and what people saw."""
    world, log = session.world, session.world.machine.log
    lines = [(w.at, _told(w)) for w in log.writes]
    lines += [(h.at, f"machine: {h.what} {h.detail}") for h in log.happenings]
    lines += [(t.at, f"life {t.life}: {t.before} -> {t.after} ({t.trigger})") for t in world.turns]
    lines += [(g.at, f"life {g.life}: granted {g.code} on {g.client}") for g in world.grants]
    lines += [(at, f"alarm: {cause}") for at, cause in world.alarms]
    lines += [(at, f"the gate refused: {rule}") for at, rule in world.refusals]
    lines += [(s.at, f"mishap: {_words(s.mishap)}") for s in world.struck]
    if world.calm_at is not None:
        lines.append((world.calm_at, "all is well again"))
    for at, line in sorted(lines, key=lambda item: item[0]):
        yield f"{at / 1000:9.3f}  {line}"


def _told(write: Write) -> str:
    result = write.result if write.att_error is None else f"ATT {write.att_error:x}"
    belt = f"belt {write.speed}, {write.phase.name.lower()}"
    return f"{write.client} writes {write.data.hex(' ')} -> {result}   ({belt})"


def _words(mishap: object) -> str:
    values = {f: getattr(mishap, f) for f in cast("Struct", mishap).__struct_fields__}
    shown = [str(values.pop("kind"))]
    shown += [
        f"{k}={v}"
        for k, v in values.items()
        if v and k not in {"at", "after"} and (k, v) != ("percent", 100)
    ]
    return " ".join(shown)


def fingerprint(session: Session) -> str:
    """A digest of all that can be seen of a session: the machine's log, the disk, answers, phases."""
    world = session.world
    digest = hashlib.sha256()
    for line in tell(session):
        digest.update(line.encode())
    for sample in world.machine.log.samples:
        digest.update(repr(sample).encode())
    for name, content in world.files.items():
        digest.update(name.encode() + content)
    digest.update(repr(world.broker.answers).encode())
    return digest.hexdigest()
