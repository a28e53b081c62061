"""A seed is a session: the same one, to the byte, whenever and wherever it is played."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SEEDS = (7, 16, 33, 64)
CODE = """
import sys
from safety.swarm.draw import draw_plan
from safety.swarm.run import fingerprint, hush, play_plan
hush()
for seed in map(int, sys.argv[1:]):
    print(fingerprint(play_plan(draw_plan(seed))))
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_twice_gives_the_same_bytes(seed):
    from safety.swarm.draw import draw_plan
    from safety.swarm.run import fingerprint, play_plan

    first, second = (fingerprint(play_plan(draw_plan(seed))) for _ in range(2))
    assert first == second


def test_two_seeds_are_two_sessions():
    from safety.swarm.draw import draw_plan
    from safety.swarm.run import fingerprint, play_plan

    assert fingerprint(play_plan(draw_plan(7))) != fingerprint(play_plan(draw_plan(16)))


def test_another_process_with_other_hashes_tells_the_same(root):
    def fingerprints(hash_seed):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
        command = [sys.executable, "-c", CODE, *map(str, SEEDS)]
        return subprocess.run(
            command, env=environment, cwd=root, check=True, capture_output=True, timeout=60
        ).stdout

    assert fingerprints("1") == fingerprints("4711")


def test_the_order_in_which_sessions_are_played_changes_nothing():
    from safety.swarm.draw import draw_plan
    from safety.swarm.run import fingerprint, play_plan

    forwards = [fingerprint(play_plan(draw_plan(seed))) for seed in SEEDS]
    backwards = [fingerprint(play_plan(draw_plan(seed))) for seed in reversed(SEEDS)]
    assert forwards == backwards[::-1]
