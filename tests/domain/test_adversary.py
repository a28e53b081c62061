"""Thousands of unlucky sessions: whatever happens, the treadmill itself must see nothing unsafe.

BACKSTRIDE_STORIES sets how many are played, BACKSTRIDE_SEED where they begin; the seed is printed.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "backstride_adversary", Path(__file__).with_name("adversary.py")
)
adversary = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = adversary
_SPEC.loader.exec_module(adversary)

STORIES = int(os.environ.get("BACKSTRIDE_STORIES", "300"))
SEED = int(os.environ.get("BACKSTRIDE_SEED") or random.SystemRandom().randrange(10**9))


@pytest.mark.hazard("H01", "H04", "H06", "H08", "H15", "H17", "H30")
@pytest.mark.timeout(0)
def test_no_story_makes_the_treadmill_see_a_broken_promise():
    print(f"BACKSTRIDE_SEED={SEED} BACKSTRIDE_STORIES={STORIES}")
    story = adversary.search(SEED, STORIES)
    assert story is None, f"BACKSTRIDE_SEED={SEED}\n{story}"
