"""What a life leaves beside its claim, so that a belt can be stopped without a configuration."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from backstride.domain.events import Ownership
from backstride.domain.machine import BeltStart
from backstride.service.owed import REACHED, find_state, find_strays, remember
from backstride.service.recovery import CLAIM, UNKNOWN_AGE, Claim, FileLedger
from backstride.service.settings import Treadmill, Walker

TREADMILL = Treadmill(
    id="left",
    name="Left",
    address="AA:BB:CC:DD:EE:01",
    adapter="hci1",
    belt_start=BeltStart.REMOTE,
    sheet="/etc/backstride/left.toml",
    max_speed=250,
    walker=Walker(max_speed=200),
)
RECORD = Ownership(fingerprint="f", program="demo", target=120, distance=None, elapsed=None)


@pytest.fixture
def logs():
    """What is logged, with nothing filtered out."""
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def home(tmp_path):
    """The directory of a treadmill with a claim on its belt."""
    home = tmp_path / TREADMILL.id
    asyncio.run(FileLedger(home).write(RECORD))
    return home


@pytest.mark.hazard("H10")
def test_a_claimed_treadmill_is_recalled_as_it_was(tmp_path, home):
    remember(home, TREADMILL)
    assert (TREADMILL,) == find_strays(tmp_path)
    assert () == find_strays(tmp_path, {"left"})


def test_what_is_reached_differently_is_written_anew_and_else_nothing(tmp_path, home):
    remember(home, TREADMILL)
    first = (home / REACHED).stat().st_ino
    remember(home, TREADMILL)
    assert first == (home / REACHED).stat().st_ino
    moved = msgspec.structs.replace(TREADMILL, address="AA:BB:CC:DD:EE:02")
    remember(home, moved)
    assert (moved,) == find_strays(tmp_path)


def test_the_way_is_written_before_a_claim_is_made_and_stays_as_long(tmp_path):
    home = tmp_path / "left"
    moved = msgspec.structs.replace(TREADMILL, address="AA:BB:CC:DD:EE:02")

    def claim(treadmill, record):
        ledger = FileLedger(home, before=partial(remember, home, treadmill))
        assert asyncio.run(ledger.write(record))
        return find_strays(tmp_path)

    assert (TREADMILL,) == claim(TREADMILL, RECORD)
    assert (TREADMILL,) == claim(moved, RECORD)
    assert () == claim(moved, None)
    assert (moved,) == claim(moved, RECORD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[service]\nstate_directory = "/elsewhere"\nwrong = 1\n', "/elsewhere"),
        ("[service]\nstate_directory = 7\n", "/own/backstride"),
        ("service = 7\n", "/own/backstride"),
        ("[[treadmill", "/own/backstride"),
        pytest.param(f"x = {'[' * 5_000}", "/own/backstride", id="deep"),
    ],
)
def test_where_the_state_is_can_be_told_by_much_of_what_is_wrong(
    tmp_path, monkeypatch, text, expected
):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/own")
    file = tmp_path / "backstride.toml"
    file.write_text(text)
    assert Path(expected) == find_state(file)


def test_a_treadmill_without_a_claim_is_nobody_s_concern(tmp_path):
    remember(tmp_path / "left", TREADMILL)
    assert () == find_strays(tmp_path)
    assert () == find_strays(tmp_path / "gone")


def test_a_disk_that_takes_nothing_keeps_no_daemon_from_starting(tmp_path, logs):
    (tmp_path / "left").write_text("not a directory")
    remember(tmp_path / "left", TREADMILL)
    assert ["how to reach the treadmill is not recorded"] == [log["event"] for log in logs]


@pytest.mark.parametrize("written", [None, b"", b'{"id": 7}', b"\xff"], ids=repr)
def test_a_belt_that_cannot_be_found_is_told(tmp_path, home, logs, written):
    if written is not None:
        (home / REACHED).write_bytes(written)
    assert () == find_strays(tmp_path)
    [log] = logs
    assert ("left", "critical") == (log["treadmill"], log["log_level"])
    assert "go and look" in log["event"]


def test_a_claim_of_another_day_is_told_and_not_followed(tmp_path, home, logs):
    remember(home, TREADMILL)
    old = Claim(record=RECORD, boot_id="", boottime=0, wall=0)
    (home / CLAIM).write_bytes(msgspec.json.encode(old))
    assert () == find_strays(tmp_path)
    assert FileLedger(home).load() == (RECORD, UNKNOWN_AGE)
    [log] = logs
    assert ("error", str(home / CLAIM)) == (log["log_level"], log["claim"])
    assert "look at the belt" in log["event"]
