"""Two seconds of fuzzing a target, and what a flaw looks like; CI fuzzes for longer."""

from __future__ import annotations

import os

import pytest

from safety.fuzz import TARGETS, Target, fuzz

SEED = int(os.environ.get("BACKSTRIDE_FUZZ_SEED", "20261120"))


@pytest.mark.hazard("H02", "H04", "H20", "H21", "H30")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_a_stranger_sends_breaks_a_promise(name, record_property):
    result = fuzz(name, 2.0, SEED)
    record_property("figure", result.line())
    assert not result.flaw, result.line()
    assert result.runs > 100
    assert result.corpus > len(TARGETS[name].corpus()) or name in {"answers", "straps"}


def test_a_flaw_is_found_and_its_input_kept(monkeypatch):
    def fragile(data):
        if b"stop" in data and len(data) > 60:
            raise KeyError("an index that nobody checked")

    broken = Target(fragile, TARGETS["commands"].corpus, TARGETS["commands"].words)
    monkeypatch.setitem(TARGETS, "fragile", broken)
    result = fuzz("fragile", 5.0, SEED)
    assert "KeyError" in result.flaw
    assert b"stop" in result.data
