"""What is over is written into a folder by a process of its own; a failure is told and costs nothing."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from structlog.testing import capture_logs

from backstride.domain.record import Head, Sample
from backstride.domain.workout import Level
from backstride.history.database import FILE
from backstride.history.store import Entry, Store
from backstride.service.config import read_config
from backstride.service.exporting import Exporter

HEAD = Head(
    id="20261120-home", treadmill="home", program="hill", program_name="Hill", level=Level.REGULAR,
    started=1_795_201_234_000, length=2_000, outcome="completed", walked=2_000,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _guarded():
    """The tests themselves read the disk."""


@pytest.fixture(autouse=True)
def _quiet():
    """What is logged is what is looked at."""


@pytest.fixture
def make(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    with Store(state / FILE) as store:
        store.write(HEAD, [Entry(0, Sample(at=0, speed=100))])

    def make(keys):
        path = tmp_path / "backstride.toml"
        path.write_text(f'[service]\nstate_directory = "{state}"\n[export]\n{keys}\n')
        return Exporter(read_config(path))

    return make


async def finish(exporter, head=HEAD):
    exporter(head)
    with capture_logs() as logs:
        async with asyncio.timeout(60):
            await asyncio.gather(*exporter.running)
    return logs


async def test_a_session_is_written_in_each_format_that_is_wanted(make, tmp_path):
    logs = await finish(make("csv = true\njson = true"))
    folder = tmp_path / "state" / "exports"
    assert [".csv", ".json"] == sorted(path.suffix for path in folder.iterdir())
    assert ["session exported"] * 2 == [line["event"] for line in logs]


async def test_nothing_is_written_unless_it_is_asked_for(make, tmp_path):
    assert [] == await finish(make(""))
    assert [] == list(tmp_path.glob("state/exports"))


async def test_a_session_in_which_nobody_walked_is_not_written(make):
    exporter = make("csv = true")
    exporter(Head(**{name: getattr(HEAD, name) for name in HEAD.__struct_fields__} | {"walked": 0}))
    assert set() == exporter.running


async def test_a_folder_that_cannot_be_written_is_told_with_the_reason(make, tmp_path):
    (tmp_path / "file").write_text("")
    [line] = await finish(make(f'csv = true\ndirectory = "{tmp_path}/file/below"'))
    assert ("session not exported", "error") == (line["event"], line["log_level"])
    assert "cannot be written" in line["reason"]


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A program in Python's place; it ends when the memory may be taken from it first."""
    diary, script = tmp_path / "diary", tmp_path / "python"
    script.write_text(
        f"""#!/bin/sh
echo begins >> {diary}
until [ "$(cat /proc/$$/oom_score_adj)" = 500 ]; do sleep 0.01; done
echo ends >> {diary}
"""
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    return diary


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has an oom_score_adj")
async def test_one_is_written_after_the_other_and_each_goes_first_where_memory_runs_out(
    make, stand_in
):
    logs = await finish(make("csv = true\njson = true\ntcx = true"))
    assert ["begins", "ends"] * 3 == stand_in.read_text().split()
    assert ["session exported"] * 3 == [line["event"] for line in logs]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has an oom_score_adj")
async def test_a_sandbox_that_forbids_to_set_priorities_keeps_nobody_from_a_file(
    make, stand_in, monkeypatch
):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    [line] = await finish(make("csv = true"))
    assert "session exported" == line["event"]
    assert ["begins", "ends"] == stand_in.read_text().split()
