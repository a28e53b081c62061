"""Plans that once broke a promise, shortened and kept: each says what it showed."""

from __future__ import annotations

from pathlib import Path

import pytest

SEEDS = sorted((Path(__file__).parent / "seeds").glob("*.toml"))


@pytest.mark.hazard("H15", "H17")
@pytest.mark.hazard("H01", "H10", "H11", "H18")
@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_what_was_found_once_stays_mended(path):
    from safety.swarm.plan import read_plan
    from safety.swarm.run import play_plan, tell

    session = play_plan(read_plan(path))
    print(*tell(session), sep="\n")
    assert () == session.complaints


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_a_plan_is_written_as_it_was_read(path, tmp_path):
    from safety.swarm.plan import read_plan, write_plan

    plan = read_plan(path)
    again = tmp_path / "plan.toml"
    again.write_text(write_plan(plan), "utf-8")
    assert plan == read_plan(again)
    assert plan.about
