"""Representatives do what raw sessions do, and know every field there is."""

from __future__ import annotations

import random

import pytest

from backstride.domain.evidence import Evidence
from backstride.domain.heart import Heart
from backstride.domain.session import Cues, Drive, Session
from safety.model.abstraction import GUARD, canonical
from safety.model.scene import EVERYTHING, MACHINES, timing
from safety.model.search import core_of, opening
from safety.model.world import World


@pytest.mark.parametrize(
    "struct", [Session, Drive, Evidence, Heart, Cues], ids=lambda s: s.__name__
)
def test_every_field_was_thought_through(struct):
    """A new field: decide in `canonical()` what becomes of it, then name it in GUARD."""
    assert sorted(GUARD[struct.__name__].split()) == sorted(struct.__struct_fields__)


class Twins:
    """The same world twice, once with raw sessions and once with their representatives."""

    def __init__(self, scene):
        self.raw = World(scene, core_of(scene, canonical=False))
        self.own = World(scene, core_of(scene))
        for world in (self.raw, self.own):
            opening(world)

    def do(self, move):
        told = []
        for world in (self.raw, self.own):
            try:
                world.do(move)
            except AssertionError:
                raise
            except Exception as error:  # noqa: BLE001  both must fail alike
                told.append(f"{type(error).__name__}: {error}")
            else:
                told.append((world.dump()[1:], world.core.views[world.sid]._replace(floor=False)))
        return told


@pytest.mark.parametrize("name", ["brisk", "patient", "shipped"])
@pytest.mark.parametrize("scene", MACHINES, ids=lambda scene: scene.name.replace(" ", "-"))
def test_a_representative_does_what_the_session_does(scene, name):
    seed = f"{scene.name} {name}"
    rng = random.Random(seed)
    scene = scene.but(timing=name, groups=scene.groups | EVERYTHING, dt=rng.choice([500, 1_000]))
    rounds = 0
    with timing(name):
        while rounds < 600:
            twins, way = Twins(scene), []
            calm = rng.choice([0.6, 0.9, 0.97])
            while len(way) < 120:
                moves = twins.own.moves(1)
                free = [move for move, cost in moves if not cost and "ghost" not in move]
                dear = [move for move, cost in moves if cost]
                move = rng.choice(dear if dear and rng.random() > calm else free)
                way.append(move)
                raw, own = twins.do(move)
                assert raw == own, f"seed {seed!r}: {way}"
                if isinstance(raw, str):
                    break  # more bad luck at a time than the promises are about
            rounds += len(way)


def test_a_representative_is_its_own():
    scene = MACHINES[0]
    with timing(scene.timing):
        world = World(scene, core_of(scene, canonical=False))
        opening(world)
        for move in ["start", "confirm", *["round"] * 25]:
            world.do(move)
            once = canonical(world.core.sessions[world.sid])
            assert canonical(once) == once
