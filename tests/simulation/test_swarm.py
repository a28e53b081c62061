"""A thousand sessions with everything going wrong, each by its own seed, judged at the belt."""

from __future__ import annotations

import time

import pytest

CHUNK = 100
SESSIONS = 1_000


@pytest.mark.hazard(
    "H01", "H03", "H04", "H05", "H06", "H08", "H09", "H10", "H11", "H12", "H13", "H15", "H16", "H17",
    "H18", "H22", "H24", "H25", "H26", "H27", "H28", "H30",
)  # fmt: skip
@pytest.mark.parametrize("first", range(0, SESSIONS, CHUNK))
def test_no_promise_is_broken_from_seed(first, record_property):
    from safety.swarm.plan import write_plan
    from safety.swarm.report import summarise
    from safety.swarm.run import play_seeds

    began = time.perf_counter()
    tally = play_seeds(range(first, first + CHUNK))
    for failure in tally.failures:
        print(f"# python -m safety.swarm --seed {failure.plan.seed} --story --shorten")
        print(*failure.complaints, write_plan(failure.plan), sep="\n")
    record_property("figure", f"swarm {first:5} {summarise(tally, time.perf_counter() - began)}")
    assert [] == [(f.plan.seed, f.complaints[0]) for f in tally.failures]
    assert CHUNK == tally.sessions
    # A swarm in which little happens proves little.
    assert tally.starts > CHUNK // 2
    assert sum(tally.mishaps.values()) > CHUNK
    assert len(tally.mishaps) > 20
