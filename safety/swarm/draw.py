"""Drawing a plan from a seed: which machine, which program, which kinds of mishap, how often and when."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from backstride.domain.limits import Caps
from backstride.domain.units import Ms, Speed
from backstride.domain.walker import Walker
from backstride.domain.workout import Facing, Level
from backstride.virtual.catalogue import list_machines, load_machine
from safety.swarm.heart import MOODS
from safety.swarm.plan import Change, Mishap, Person, Plan, Walk

SITE_CAP: Final[Speed] = 400
PHASES: Final = (
    "", "armed", "countdown", "starting", "starting", "running", "running", "running", "running",
    "running", "running", "turning", "holding",
    "slowing", "stopping", "finished", "handed_over", "faulted",
)  # fmt: skip
"""After which phase a mishap may be timed; most often while the belt runs."""
STREAMS: Final = ("telemetry", "telemetry", "status", "training", "answers", "everything")
ASKS: Final = (
    "stop", "stop", "pause", "continue", "skip", "faster", "faster", "slower", "finish",
    "acknowledge", "select", "present", "start", "confirm", "confirm",
)  # fmt: skip
PRESSES: Final = (
    "press start", "press stop", "press pause", "pull key", "insert key", "step on", "step off",
    "speed", "speed", "incline",
)  # fmt: skip
QUIRKS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("control_point.answer_by", ("NOTIFICATION",)),
    ("control_point.permission", ("NOT_NEEDED", "NEEDED_TWICE", "UNANSWERED")),
    ("control_point.takeover", ("REFUSE",)),
    ("control_point.busy", ("QUEUE", "IGNORE")),
    ("control_point.honesty", ("SUCCESS_TO_EVERYTHING",)),
    ("control_point.start", ("REFUSED", "WAKES_FIRST")),
    ("control_point.start_again", ("SUCCEEDS", "STOPS")),
    ("control_point.stop_again", ("RESTARTS",)),
    ("control_point.speed_early", ("CONTROL_NOT_PERMITTED", "LINK_DIES")),
    ("control_point.speed_at_rest", ("IGNORED", "REMEMBERED")),
    ("control_point.delays.speed.answer", ("200", "1500", "2900", "4000")),
    ("control_point.delays.stop.effect", ("200", "1500")),
    ("control_point.delays.start.effect", ("500", "3000")),
    ("speed.off_step", ("ACCEPT", "REFUSE")),
    ("speed.out_of_range", ("CLAMP", "MAXIMUM")),
    ("speed.shown", ("TARGET",)),
    ("speed.start_goes_to", ("LAST",)),
    ("speed.start_speed", ("120", "200", "300")),
    ("speed.lag", ("300", "1200")),
    ("speed.acceleration", ("10", "200")),
    ("speed.stop_deceleration", ("20", "35", "200")),
    ("speed.countdown", ("0", "5000")),
    ("telemetry.period", ("200", "500", "1000")),
    ("telemetry.idle", ("SILENCE", "SILENCE_WITHOUT_ZERO")),
    ("telemetry.counters", ("RESET_WITH_ZERO",)),
    ("status.started", ("MOTION", "NEVER")),
    ("status.stopped", ("MOTION", "NEVER")),
    ("status.console_stopped", ("MOTION", "NEVER")),
    ("status.speed", ("RAMP", "NEVER")),
    ("status.audience", ("OTHERS",)),
    ("link.on_connect", ("STARTS", "STOPS")),
    ("link.on_disconnect", ("STOPS",)),
    ("link.ghost_for", ("3000",)),
)


def draw_plan(seed: int, only: frozenset[str] | None = None) -> Plan:
    """The plan of a seed; the same for ever, as long as this file and the catalogue stay as they are.

    `only` wants these kinds of mishap, all of them, and no other.
    """
    rng = random.Random(seed)  # noqa: S311  reproducible chance, not secrecy
    machine = "ideal" if rng.random() < 0.4 else rng.choice(list_machines())
    changes = _draw_changes(rng) if rng.random() < 0.4 else ()
    length = rng.choice((45_000, 60_000, 90_000, 120_000))
    walks, cap = _draw_program(rng, machine)
    return Plan(
        seed=seed,
        machine=machine,
        cap=cap,
        length=length,
        walks=walks,
        person=Person(
            reaction=rng.choice((100, 300, 1_500, 4_000)),
            care=rng.choice((80, 95, 100)),
            sessions=rng.choice((1, 2, 5, 9)),
        ),
        latency=rng.choice((1, 4, 4, 15, 60)),
        console=rng.random() < 0.15,
        facing=rng.choice((Facing.BACKWARD, Facing.FORWARD)),
        unsupervised=rng.random() < 0.2,
        check_in=rng.choice((None, None, 10_000)),
        changes=changes,
        mishaps=_draw_mishaps(rng, length, only),
        strap=rng.random() < 0.5,
        highest=rng.choice((None, None, 185)),
        walker=_draw_walker(rng, walks, cap) if rng.random() < 0.4 else None,
    )


def _draw_changes(rng: random.Random) -> tuple[Change, ...]:
    picked = rng.sample(QUIRKS, rng.randint(1, 4))
    return tuple(Change(path=path, value=rng.choice(values)) for path, values in picked)


def _draw_program(rng: random.Random, machine: str) -> tuple[tuple[Walk, ...], Speed]:
    model = load_machine(machine)
    low, high = model.speed.minimum or model.speed.step, min(model.speed.maximum, SITE_CAP)
    tilts = model.incline is not None and rng.random() < 0.4
    walks = []
    before = low
    for number in range(rng.randint(1, 3)):
        speed = min(max(before + rng.choice((-40, 0, 20, 50, 90)), low), high)
        end = min(max(speed + rng.choice((0, 0, 0, 40, -30)), low), high)
        walks.append(
            Walk(
                duration=rng.choice((8_000, 15_000, 30_000)),
                speed=speed if rng.random() < 0.9 else 0,
                ramp_to=None if end == speed else end,
                incline=rng.choice((0, 10, 20)) if tilts else 0,
                turn=number > 0 and rng.random() < 0.3,
            )
        )
        before = end
    top = max(max(walk.speed, walk.ramp_to or 0, low) for walk in walks)
    return tuple(walks), min(top + rng.choice((0, 0, 20, 60)), high)


def _draw_walker(rng: random.Random, walks: tuple[Walk, ...], cap: Speed) -> Walker:
    """Somebody with limits of their own, mostly such that let the program be walked."""
    top = max(max(walk.speed, walk.ramp_to or 0) for walk in walks)
    speed = rng.choice((None, max(top, 1), cap, cap + 50))
    return Walker(
        id="somebody",
        name="Somebody",
        level=rng.choice((Level.REGULAR, Level.REGULAR, Level.ADVANCED, Level.BEGINNER)),
        max_heart_rate=rng.choice((None, 160, 200)),
        caps=None if speed is None else Caps(reason="their own", speed=speed),
    )


# -- mishaps ---------------------------------------------------------------------------------------


def _draw_mishaps(
    rng: random.Random, length: Ms, only: frozenset[str] | None
) -> tuple[Mishap, ...]:
    """A random subset of the kinds, each with a rate of its own."""
    share = rng.choice((0.0, 0.06, 0.12, 0.2, 0.5))
    mishaps = []
    for kind, make in KINDS.items():
        if rng.random() >= share if only is None else kind not in only:
            continue
        for _ in range(rng.choice((1, 1, 2, 5))):
            after = rng.choice(PHASES)
            late = length if not after else length // 3
            moment = Mishap(kind=kind, at=rng.randrange(late), after=after)
            mishaps.append(make(rng, moment))
    return tuple(sorted(mishaps, key=lambda m: (m.after, m.at)))


type _Maker = Callable[[random.Random, Mishap], Mishap]


def _time(rng: random.Random) -> Ms:
    return rng.choice((100, 700, 2_000, 4_000, 8_000, 20_000))


def _frames(rng: random.Random, m: Mishap) -> Mishap:
    return _set(
        m,
        what=rng.choice(STREAMS),
        lasting=_time(rng),
        percent=rng.choice((10, 50, 100, 100)),
    )


def _delay(rng: random.Random, m: Mishap) -> Mishap:
    return _set(_frames(rng, m), value=rng.choice((50, 500, 2_000, 6_000)))


def _timed(rng: random.Random, m: Mishap) -> Mishap:
    return _set(m, lasting=_time(rng))


def _refuse(rng: random.Random, m: Mishap) -> Mishap:
    procedure = rng.choice(("control", "speed", "incline", "start", "stop", "everything"))
    return _set(m, what=procedure, value=rng.randint(1, 5), times=rng.choice((1, 1, 2, 5)))


def _press(rng: random.Random, m: Mishap) -> Mishap:
    what = rng.choice(PRESSES)
    value = rng.randrange(60, 600) if what == "speed" else rng.randrange(-20, 60)
    return _set(m, what=what, value=value)


def _phone(rng: random.Random, m: Mishap) -> Mishap:
    what = rng.choice(("look", "take", "speed", "start", "stop", "leave"))
    return _set(m, what=what, value=rng.randrange(60, 500))


def _ask(rng: random.Random, m: Mishap) -> Mishap:
    return _set(m, what=rng.choice(ASKS))


def _mail(rng: random.Random, m: Mishap) -> Mishap:
    """Commands come late, twice, in another order, or again as retained ones."""
    what = rng.choice(("late", "twice", "shuffled", "retained"))
    return _set(m, what=what, value=_time(rng), lasting=_time(rng))


def _cues(rng: random.Random, m: Mishap) -> Mishap:
    return _set(_timed(rng, m), percent=rng.choice((30, 100)), value=rng.choice((5, 3_000)))


def _stall(rng: random.Random, m: Mishap) -> Mishap:
    return _set(m, value=rng.choice((300, 900, 1_500, 4_000, 9_000)))


def _sleep(rng: random.Random, m: Mishap) -> Mishap:
    value = rng.choice((800, 2_000, 5_000, 30_000, 120_000))
    return _set(m, value=value, what=rng.choice(("heard", "missed", "unlinked")))


def _slow_disk(rng: random.Random, m: Mishap) -> Mishap:
    return _set(_timed(rng, m), value=rng.choice((50, 800, 4_000, 15_000)))


def _crash(rng: random.Random, m: Mishap) -> Mishap:
    """`value` is how long the link of a dead process lasts, `lasting` until the next one begins."""
    return _set(m, lasting=rng.choice((300, 2_000, 10_000, 40_000)), value=rng.choice((0, 3_000)))


def _lag(rng: random.Random, m: Mishap) -> Mishap:
    return _set(_timed(rng, m), value=rng.choice((100, 500, 2_000, 5_000)))


def _strap(rng: random.Random, m: Mishap) -> Mishap:
    return _set(_timed(rng, m), what=rng.choice(MOODS))


def _plain(_: random.Random, m: Mishap) -> Mishap:
    return m


def _set(mishap: Mishap, **fields: object) -> Mishap:
    return Mishap(**{f: getattr(mishap, f) for f in mishap.__struct_fields__} | fields)


KINDS: Final[dict[str, _Maker]] = {
    "drop": _frames,
    "delay": _delay,
    "duplicate": _frames,
    "corrupt": _frames,
    "mismatch": _frames,
    "freeze": _frames,
    "refuse": _refuse,
    "silence": _timed,
    "lag": _lag,
    "disconnect": _timed,
    "console": _press,
    "phone": _phone,
    "take control": _plain,
    "reset": _plain,
    "broker": _timed,
    "cues": _cues,
    "mail": _mail,
    "ask": _ask,
    "stall": _stall,
    "sleep": _sleep,
    "full disk": _timed,
    "slow disk": _slow_disk,
    "crash": _crash,
    "power cut": _crash,
    "sigterm": _crash,
    "strap": _strap,
}
"""Every kind of mishap; what each does is in `mishaps`."""
