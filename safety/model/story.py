"""The way to a breach, as a story for people and as a test to paste."""

from __future__ import annotations

import re
from collections.abc import Iterable

from backstride.domain.notices import Alarm, Answer, Cue, Moved, Notice
from safety.model.scene import Scene, timing
from safety.model.search import core_of, opening
from safety.model.world import Broken, World


def replay(scene: Scene, way: Iterable[str], *, log: list[str] | None = None) -> str:
    """Walk a way with raw sessions, nothing abstracted; the breach, or "" when every promise holds.

    `peace` ends all bad luck and asks for Stop; whoever ends a way with it and enough rounds asks for rest.
    """
    with timing(scene.timing):
        world = World(scene, core_of(scene, canonical=False))
        opening(world)
        now, peace = 0, False
        try:
            for number, move in enumerate(way, 1):
                if log is not None:
                    world.log = []
                now += scene.dt if "round" in move or move.split()[-1].isdigit() else 0
                try:
                    if move == "peace":
                        peace = True
                        world.make_peace()
                    else:
                        world.do(move)
                finally:
                    if log is not None:
                        log.append(_line(number, now, move, world))
                        log.extend(world.log or ())
            if peace and not world.at_rest():
                return f"Stop was asked: belt at {world.speed}, {world.core.views[world.sid].phase}"
            if peace:
                world.check_end()
        except Broken as broken:
            return str(broken)
        except Exception as error:  # noqa: BLE001  an exception of the product is a finding
            return f"{type(error).__name__}: {error}"
    return ""


def _line(number: int, now: int, move: str, world: World) -> str:
    view = world.core.views[world.sid]
    belt = f"belt {world.speed:>3} -> {world.target:>3}" + (
        " starts" if world.starting >= 0 else ""
    )
    air = ", ".join(
        f"{('control', 'speed', 'incline', 'Start', 'Stop')[e[1]]} {e[2] or ''}".strip()
        for e in world.air
    )
    owed = "owed" if view.owed else "    "
    return (
        f"{number:>3}. {now / 1000:>6.1f} s  {move:<22} {belt:<22} {view.phase:<11} {owed}  {air}"
    )


def say(notice: Notice) -> str:
    """A notice in a few words."""
    match notice:
        case Alarm(cause=cause, action=action, sentence=sentence):
            return f"alarm {cause} -> {action}: {sentence}"
        case Answer(code=code, sentence=sentence):
            return f"answer {code}: {sentence}"
        case Cue(kind=kind, text=text):
            return f"cue {kind}: {text}"
        case Moved(before=before, after=after, trigger=trigger):
            return f"{before} -> {after} ({trigger})"
        case _:
            return str(notice)


def fold_moves(way: Iterable[str]) -> list[str]:
    """Repeated moves as `move *5`."""
    folded: list[str] = []
    count = 0
    last = None
    for move in (*way, None):
        if move == last:
            count += 1
            continue
        if last is not None:
            folded.append(last if count == 1 else f"{last} *{count}")
        last, count = move, 1
    return folded


def unfold_moves(folded: Iterable[str]) -> list[str]:
    """What `fold_moves` made, at full length."""
    moves: list[str] = []
    for part in folded:
        move, _, count = part.partition(" *")
        moves += [move] * int(count or 1)
    return moves


def story(scene: Scene, way: tuple[str, ...], breach: str) -> str:
    """The story of a breach and a test that shows it."""
    log: list[str] = []
    again = replay(scene, way, log=log)
    changed = {
        name: value
        for name, value in vars(scene).items()
        if value != getattr(Scene(name=scene.name), name, None) and name not in {"budget", "about"}
    }
    moves = ", ".join(f'"{move}"' for move in fold_moves(way))
    name = re.sub(r"[^a-z0-9]+", "_", breach.lower())[:60].strip("_")
    test = [
        f"def test_{name}():",
        f"    scene = Scene({', '.join(f'{k}={v!r}' for k, v in changed.items() if k != 'groups')})",
        f"    way = [{moves}]",
        '    assert "" == replay(scene, unfold_moves(way))',
    ]
    same = "" if again == breach else f"\n(with raw sessions: {again or 'no breach!'})"
    return "\n".join([f"BREACH in scene {scene.name}: {breach}{same}", *log, "", *test, ""])
