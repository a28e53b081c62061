"""`history`, read from a file that is written like the daemon's."""

from __future__ import annotations

import io
import json
import re
import sqlite3

import pytest
from msgspec.structs import replace

from backstride.cli.exits import Exit
from backstride.domain.record import Head, Lap, Said, Sample, Trouble
from backstride.domain.workout import Effort, Facing, Level
from backstride.history.store import Entry, Store

MONDAY = 1_795_392_000_000
"""2026-11-23, 00:00 UTC."""
HOUR = 3_600_000
NEWEST = Head(
    id="20261123-190000-garage-9f86", treadmill="garage", program="first-steps",
    program_name="First steps backward", level=Level.BEGINNER, started=MONDAY + 18 * HOUR, offset=60,
    walker="ann", length=90_000, outcome="completed", completed=True, walked=80_000, backward=60_000,
    distance=30, steps=123, top_speed=150, top_incline=20, work_speed=150, energy=512,
    heart_rate_mean=101, heart_rate_max=120, alarms=1, effort=12, pain=1,
)  # fmt: skip
OLDER = replace(
    NEWEST, id="20261122-233000-attic-9f86", treadmill="attic", walker=None,
    started=MONDAY - HOUR, offset=-120,
    outcome="stopped by request", completed=False, alarms=0, effort=None, pain=None, distance=None,
)  # fmt: skip
LASTING = replace(OLDER, id="20261124-080000-garage-1111", started=MONDAY + 31 * HOUR, outcome=None)


def entries():
    for second in range(90):
        yield Entry(
            second,
            Sample(
                at=second * 1_000, speed=None if second == 40 else 100 + second % 50, setpoint=150,
                incline=20, heart_rate=100 + second % 20, steps=second, distance=second // 3,
                energy=second, facing=Facing.BACKWARD if second > 20 else Facing.FORWARD,
            ),
        )  # fmt: skip
    yield Entry(0, Lap(index=0, effort=Effort.WARMUP, facing=Facing.FORWARD, start=0, end=20_000, speed=100,
                       ramp_to=150))  # fmt: skip
    yield Entry(1, Lap(index=1, effort=Effort.WORK, facing=Facing.BACKWARD, start=25_000, speed=150,
                       ramp_to=150, incline=20))  # fmt: skip
    yield Entry(1, Said(at=500, kind="faster", text="faster, in ten", heard=True))
    yield Entry(
        1, Trouble(at=41_000, cause="stale", action="hold", sentence="no telemetry for 3 s")
    )


@pytest.fixture
def place(tmp_path):
    """A configuration, and the history that its daemon keeps."""
    config = tmp_path / "backstride.toml"
    config.write_text(f'[service]\nstate_directory = "{tmp_path}"\n[[treadmill]]\nid = "garage"\n')
    with Store(tmp_path / "history.db") as store:
        store.write(NEWEST, list(entries()))
        store.write(OLDER)
    return config


@pytest.fixture
def ask(run, place):
    return lambda *words: run("history", *words, "--config", place)


def test_the_list_is_the_newest_first_on_the_clock_of_where_it_was_walked(ask):
    lines = ask().out.splitlines()
    assert re.search(r"1 +2026-11-23 19:00 +first-steps", lines[3])
    assert "completed, 1 alarm" in lines[3]
    assert re.search(r"2 +2026-11-22 21:00", lines[4])


def test_the_list_can_be_asked_for_a_walker_a_treadmill_and_a_number(run, place):
    def ids(*words):
        return [
            head["id"]
            for head in json.loads(run("history", *words, "--json", "--config", place).out)
        ]

    assert [NEWEST.id, OLDER.id] == ids()
    assert [[NEWEST.id], [OLDER.id], [NEWEST.id]] == [
        ids("--walker", "ann"), ids("--id", "attic"), ids("--limit", "1")
    ]  # fmt: skip


def test_the_list_as_json_has_the_units_of_mqtt(ask):
    newest = json.loads(ask("--json").out)[0]
    expected = {
        "started": "2026-11-23T19:00:00+01:00", "walked": 80.0, "top_speed": 1.5, "top_incline": 2.0,
        "energy": 5.12, "effort": 12, "completed": True,
    }  # fmt: skip
    assert expected == {key: newest[key] for key in expected}


@pytest.mark.parametrize("session", [(), ("1",), ("20261123",), (NEWEST.id,)])
def test_a_session_is_shown_with_figures_charts_laps_and_alarms(ask, session):
    result = ask("show", *session)
    assert Exit.OK == result.code
    for text in (
        "First steps backward  Monday, 2026-11-23 19:00", "walked 1:20 min, 1:00 of it backward, 30 m",
        "an estimated 3 to 6 kcal, heart rate 101 on average, 120 at most, effort 12 of 20, pain 1 of 10",
        "km/h", "1/min", "✗ 0:41  no telemetry for 3 s (hold)", "1 cues, 1 heard", "1.0 to 1.5", "▼ backward",
    ):  # fmt: skip
        assert text in result.out, result.out


def test_a_session_without_samples_is_shown_without_a_chart(ask):
    result = ask("show", "2")
    assert (Exit.OK, False) == (result.code, "└" in result.out)
    assert "stopped by request" in result.out


def test_a_session_as_json_holds_everything(ask):
    record = json.loads(ask("show", "--json").out)
    assert (90, 2, 1, 1) == tuple(
        len(record[part]) for part in ("samples", "laps", "alarms", "cues")
    )
    assert (1.05, None) == (record["samples"][5]["speed"], record["samples"][40]["speed"])


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_session_is_drawn(ask, tmp_path, suffix):
    picture = tmp_path / f"session{suffix}"
    assert Exit.OK == ask("plot", "-o", picture).code
    head = picture.read_bytes()[:200]
    assert (b"<?xml" if suffix == ".svg" else b"\x89PNG") in head


def test_nothing_is_not_drawn(ask, tmp_path):
    assert Exit.REFUSED == ask("plot", "2", "-o", tmp_path / "a.svg").code
    assert Exit.USAGE == ask("plot", "-o", tmp_path / "a.gif").code
    assert not (tmp_path / "a.svg").exists()


@pytest.mark.parametrize("session", ["0", "3", "2026", "nothing"])
def test_a_session_that_is_not_clear_is_wrong_usage(ask, session):
    result = ask("show", session)
    assert (Exit.USAGE, True) == (result.code, "`backstride history` lists them" in result.err)


def test_weeks_are_those_of_where_it_was_walked(ask):
    weeks = json.loads(ask("week", "--json").out)
    assert [("2026-11-23", 1, 60.0, 12.0), ("2026-11-16", 1, 60.0, None)] == [
        (week["monday"], week["sessions"], week["backward"], week["effort"]) for week in weeks
    ]
    assert "2026-11-16" in ask("week").out
    assert "2026-11-16" not in ask("week", "--weeks", "1").out


def test_a_session_is_deleted_after_a_question(ask, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert Exit.OK != ask("delete", "1").code
    assert 2 == len(json.loads(ask("--json").out))
    assert f"erased {NEWEST.id}\n" == ask("delete", "1", "--yes").out
    assert [OLDER.id] == [head["id"] for head in json.loads(ask("--json").out)]


def test_a_session_under_way_is_shown_and_not_deleted(ask, place):
    with Store(place.parent / "history.db") as store:
        store.write(LASTING)
    assert "under way" in ask().out
    result = ask("delete", "1", "--yes")
    assert (Exit.REFUSED, True) == (result.code, "walked right now" in result.err)


def test_a_backup_is_a_history_and_overwrites_nothing(ask, tmp_path):
    copy = tmp_path / "copy.db"
    assert Exit.OK == ask("backup", copy).code
    with Store(copy) as store:
        assert 90 == len(store.load(NEWEST.id).samples)
    result = ask("backup", copy)
    assert (Exit.REFUSED, True) == (result.code, "File exists" in result.err)


def test_vacuum_works_while_somebody_has_the_file_open(ask, place):
    with Store(place.parent / "history.db"):
        result = ask("vacuum")
    assert (Exit.OK, True) == (result.code, "kB now" in result.out)


def test_where_nothing_was_recorded_that_is_said(run, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(f'[service]\nstate_directory = "{tmp_path}/none"\n[[treadmill]]\nid = "a"\n')
    result = run("history", "--config", config)
    assert (Exit.REFUSED, True) == (result.code, "nothing was recorded yet" in result.err)


def test_a_file_that_is_no_history_is_told_in_one_line(ask, place):
    (place.parent / "history.db").unlink()
    with sqlite3.connect(place.parent / "history.db") as connection:
        connection.execute("CREATE TABLE other (a)")
    connection.close()
    result = ask()
    assert (Exit.REFUSED, 1) == (result.code, len(result.err.splitlines()))
