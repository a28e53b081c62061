"""What an installation finds on a host."""

import os
from pathlib import Path

import pytest

from backstride.service.installation.surroundings import find_hidden, find_sessions, is_packaged

NOW = 2_000_000_000.0


@pytest.fixture
def state(tmp_path):
    for name in ("claimed", "walked", "resting"):
        (tmp_path / name / "journal").mkdir(parents=True)
    (tmp_path / "claimed/owner.json").touch()
    for name, age in (("walked", 5), ("resting", 60)):
        journal = tmp_path / name / "journal/1.journal"
        journal.touch()
        os.utime(journal, (NOW - age,) * 2)
    return tmp_path


@pytest.mark.hazard("H25")
def test_a_claim_or_a_journal_that_is_written_is_a_session(state):
    assert ["claimed", "walked"] == find_sessions(state, NOW)


def test_a_host_without_state_has_no_session(tmp_path):
    assert [] == find_sessions(tmp_path / "none", NOW)


@pytest.mark.parametrize(
    ("place", "hidden"),
    [
        ("/home/walker/.local/share/pipx/venvs/backstride/bin/backstride", True),
        ("/root/backstride/bin/backstride", True),
        ("/opt/pipx/venvs/backstride/bin/backstride", False),
        ("/homes/of/many", False),
    ],
)
def test_a_service_cannot_see_homes(place, hidden):
    assert hidden is (find_hidden(Path("/usr"), Path(place)) is not None)


def test_a_package_knows_that_it_is_one():
    assert (True, False) == (is_packaged(Path("/opt/backstride")), is_packaged(Path("/opt/pipx")))
