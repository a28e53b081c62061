"""Visit every state that at most so many acts of bad luck can lead to.

States are visited in the order of how much bad luck it takes to reach them, and within that breadth-first.
So each state is met first on a way with the fewest acts, needs to be expanded once only, and a breach is
found on a short way. A search that runs to its end has visited *every* run of the scene with at most
`budget` acts, at whatever moments, however long it goes on.

Liveness is asked of every state: if all bad luck ended here and somebody asked for Stop, would the belt
come to rest within its machine's bound, and the session with it?
"""

from __future__ import annotations

import gc
import time
from array import array
from collections import deque
from dataclasses import dataclass, field

from safety.model.core import Core
from safety.model.scene import Scene, timing
from safety.model.world import Broken, State, World

STEPS_OF_GRACE = 12_000
"""Time for a Stop to be sent, answered, seen to have no effect, and repeated, ms."""


@dataclass
class Report:
    """What a search saw."""

    scene: Scene
    states: int = 0
    transitions: int = 0
    sessions: int = 0
    steps: int = 0
    depth: int = 0
    levels: list[int] = field(default_factory=list)
    calm: int = 0
    seconds: float = 0.0
    """Of processor time."""
    complete: bool = True
    breach: str = ""
    way: tuple[str, ...] = ()

    def line(self) -> str:
        """One line for a table."""
        ends = "" if self.complete else "+"
        levels = " ".join(f"{count:,}" for count in self.levels)
        return (
            f"{self.scene.name:<14} {self.scene.timing:<8} {self.scene.dt:>5} ms  <= {self.scene.budget} acts"
            f"  {self.states:>10,}{ends} states {self.transitions:>11,} transitions  depth {self.depth:>3}"
            f"  {self.sessions:>8,} sessions {self.steps:>9,} steps  {self.seconds:6.1f} s  [{levels}]"
        )


def search(scene: Scene, limit: int | None = None, *, exact: bool = True) -> Report:
    """Search a scene to its end, to the first breach, or to `limit` states.

    `exact` keeps the visited states; otherwise only their 64-bit hashes, so that two of n states are
    taken for
    one with a probability of n * n / 2**65.
    """
    # Millions of tuples and not one cycle among them: the collector would only look through them all.
    gc.collect()
    gc.disable()
    try:
        with timing(scene.timing):
            return _Search(scene, limit, exact=exact).run()
    finally:
        gc.enable()


class _Search:
    def __init__(self, scene: Scene, limit: int | None, *, exact: bool) -> None:
        self.scene, self.limit = scene, limit
        self.core = core_of(scene)
        self.world = World(scene, self.core)
        self.report = Report(scene)
        self.exact = exact
        self.seen: set[object] = set()
        self.parents = array("I")
        self.moves = array("H")
        self.depths = array("H")
        self.names: dict[str, int] = {}
        self.words: list[str] = []
        self.calm: dict[object, int] = {}
        # A Start that went out may yet take effect, and until then no belt counts as still.
        self.rest_bound = -(-STEPS_OF_GRACE // scene.dt) + scene.top // max(self.world.brake, 1) + 2
        self.end_bound = self.rest_bound + 40_000 // scene.dt

    def run(self) -> Report:
        report = self.report
        begun = time.process_time()
        queue: deque[tuple[State, int]] = deque()
        self.meet(opening(self.world), 0, "", queue)
        try:
            for left in range(self.scene.budget, -1, -1):
                expanded: list[tuple[State, int]] = []
                while queue:
                    state, number = queue.popleft()
                    if left:
                        expanded.append((state, number))
                    self.expand(state, number, left, queue, 0)
                    self.settle(state, number)
                    if self.limit is not None and len(self.parents) >= self.limit:
                        report.complete = False
                        return report
                report.levels.append(len(self.parents) - sum(report.levels))
                # Only now what takes one more act of bad luck: so each state is met on its luckiest way.
                for state, number in expanded:
                    self.expand(state, number, left, queue, 1)
        except _Found as found:
            report.breach, report.way = found.breach, found.way
            report.complete = False
        finally:
            report.states = len(self.parents)
            report.sessions, report.steps = len(self.core.sessions), self.core.steps
            report.depth = max(self.depths)
            report.calm = len(self.calm)
            report.seconds = time.process_time() - begun
        return report

    def note(self, state: State, parent: int, move: str) -> int | None:
        """Remember a state; None when it is known."""
        mark: object = state if self.exact else hash(state)
        if mark in self.seen:
            return None
        self.seen.add(mark)
        word = self.names.get(move)
        if word is None:
            word = self.names[move] = len(self.words)
            self.words.append(move)
        number = len(self.parents)
        self.parents.append(parent)
        self.moves.append(word)
        self.depths.append(self.depths[parent] + 1 if number else 0)
        return number

    def meet(self, state: State, parent: int, move: str, queue: deque[tuple[State, int]]) -> None:
        """Look at a state later, unless it is known."""
        number = self.note(state, parent, move)
        if number is not None:
            queue.append((state, number))

    def expand(
        self, state: State, number: int, left: int, queue: deque[tuple[State, int]], price: int
    ) -> None:
        """Let everything happen that takes `price` acts of bad luck."""
        world = self.world
        world.load(state)
        for move, cost in world.moves(left):
            if cost != price:
                continue
            world.load(state)
            self.report.transitions += 1
            try:
                world.do(move)
            except Exception as error:
                raise _Found(_say(error), (*self.way(number), move)) from error
            after = world.dump()
            if after != state:
                self.meet(after, number, move, queue)

    def settle(self, state: State, number: int) -> None:
        """Does it come to rest from here, once all is well and Stop is asked?"""
        world = self.world
        world.load(state)
        chain: list[object] = []
        known: int | None = None
        try:
            world.make_peace()
            rest = -1
            for rounds in range(self.end_bound + 1):
                mark: object = world.dump() if self.exact else hash(world.dump())
                known = self.calm.get(mark)
                if known is not None:
                    break
                chain.append(mark)
                if world.at_rest():
                    world.check_end()
                    known = 0
                    chain.pop()
                    self.calm[mark] = 0
                    break
                if rest < 0 and not world.alive():
                    rest = rounds
                if rest < 0 and rounds > self.rest_bound:
                    raise Broken(f"Stop was asked, and the belt runs at {world.speed}")  # noqa: TRY301
                world.round()
            if known is None or known + len(chain) > self.end_bound:
                raise Broken("Stop was asked, the belt stands, and the session does not see it")  # noqa: TRY301
        except Exception as error:
            waited = ["round"] * len(chain)
            raise _Found(_say(error), (*self.way(number), "peace", *waited)) from error
        for offset, mark in enumerate(reversed(chain)):
            self.calm[mark] = known + offset + 1

    def way(self, number: int) -> tuple[str, ...]:
        """The moves that led to a state."""
        moves: list[str] = []
        while number:
            moves.append(self.words[self.moves[number]])
            number = self.parents[number]
        return tuple(reversed(moves))


class _Found(Exception):  # noqa: N818  it ends the search
    def __init__(self, breach: str, way: tuple[str, ...]) -> None:
        super().__init__(breach)
        self.breach, self.way = breach, way


def _say(error: Exception) -> str:
    return str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"


def core_of(scene: Scene, *, canonical: bool = True) -> Core:
    """A core for this scene."""
    machines: dict[str, object] = {"ours": scene.machine(), "other": scene.machine("other")}
    return Core(scene.session(), machines, canonical=canonical)


def opening(world: World) -> State:
    """Connected, the broker there, and the belt seen at rest."""
    world.broker(there=True)
    world.link_up()
    world.round()
    world.round()
    return world.dump()
