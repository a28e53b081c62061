"""The support bundle: what a bug report needs is in it, and what is nobody's business is not."""

from __future__ import annotations

import asyncio
import json
import os
import tarfile

import pytest
from msgspec.structs import replace

from backstride.domain.envelope import envelope
from backstride.domain.events import Ask, Request, Tick
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.domain.session import Session
from backstride.domain.walker import Walker
from backstride.domain.workout import Level
from backstride.service import journal
from backstride.service.bundle import BundleError, collect, manifest_of, sessions_of, take_out
from backstride.service.doctor.findings import Place
from backstride.service.replay import replay

SECRET = "tr3ad-s0ftly"
OWN = Caps(reason="Anna's own limit", speed=130, incline=0, backward_time=600_000)
ANNA = Walker(
    id="anna", name="Anna Nordmann", weight=61_500, max_heart_rate=171, caps=OWN, level=Level.CAUTIOUS
)  # fmt: skip
DECK = Machine(
    address="00:11:22:33:44:55", name="Bench", fingerprint="bench", speed=SpeedRange(50, 1200, 10),
    incline=InclineRange(0, 100, 5), belt_start=BeltStart.REMOTE,
)  # fmt: skip


def write_journal(directory, name, person, limits=None):
    session = Session(person=person, envelope=limits)
    opening = journal.Opening(
        version=journal.VERSION, boot="b", treadmill="home", time="t", session=session
    )  # fmt: skip
    directory.mkdir(parents=True, exist_ok=True)
    asked = Request(at=0, id="1", ask=Ask.START, walker=person)
    lines = [opening, asked, *(Tick(at=at) for at in range(0, 900, 100))]
    path = directory / f"{name}{journal.SUFFIX}"
    path.write_bytes(b"".join(map(journal.encode_line, lines)))
    return path


@pytest.fixture(autouse=True)
def nothing_blocks():
    """A bundle is made by a command of its own: there is no session that could wait for it."""


@pytest.fixture
def place(tmp_path):
    """A host with a password, a password where none should be, and a log that repeats one."""
    programs = tmp_path / "programs"
    programs.mkdir()
    logger = programs / "journalctl"
    logger.write_text(f'#!/bin/sh\necho "a library complained of {SECRET}"\n')
    logger.chmod(0o755)
    (tmp_path / "password").write_text(SECRET + "\n")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "backstride.toml").write_text(
        f'[broker]\nuser = "b"\npassword_file = "{tmp_path}/password"\n[service]\n'
        f'state_directory = "{tmp_path}/state"\n[[treadmill]]\nid = "home"\nvirtual = "ideal"\n'
    )
    return Place(
        devices=tmp_path, rfkill=tmp_path, path=str(programs), bus="unix:path=/nowhere",
        environ=dict(os.environ),
    )  # fmt: skip


@pytest.fixture
def bundle(place, tmp_path):
    def bundle(**words):
        path = tmp_path / "bundle.tar.gz"
        path.write_bytes(asyncio.run(collect(tmp_path / "backstride.toml", place=place, **words)))
        return path

    return bundle


def contents(path):
    with tarfile.open(path) as tar:
        return {one.name.partition("/")[2]: tar.extractfile(one).read() for one in tar}


def test_it_has_findings_versions_configuration_and_logs(bundle):
    parts = contents(bundle())
    assert {"manifest.json", "README.txt", "doctor.json", "packages.txt"} <= parts.keys()
    assert {"backstride.toml", "log/backstride.jsonl"} <= parts.keys()
    assert "configuration" in {one["subject"] for one in json.loads(parts["doctor.json"])}
    assert b"msgspec==" in parts["packages.txt"]


def test_what_could_not_be_had_is_told_with_its_reason(bundle):
    missing = {one.name: one.reason for one in manifest_of(bundle()).missing}
    assert "BlueZ cannot be asked" in missing["bluez.json"]


def test_a_password_is_nowhere_in_it_wherever_it_came_from(bundle):
    parts = contents(bundle())
    assert [] == [name for name, content in parts.items() if SECRET.encode() in content]
    assert b"complained of [removed]" in parts["log/backstride.jsonl"]


@pytest.mark.parametrize(
    "line", ['password = "{}"', "token='{}' # mine", '"api.secret" = "{}"', 'pin = "{}"']
)
def test_a_secret_that_stands_in_the_configuration_is_blotted_out(bundle, tmp_path, line):
    path = tmp_path / "backstride.toml"
    path.write_text(path.read_text() + line.format("fox-in-socks") + "\n")
    made = bundle()
    assert b"fox-in-socks" not in contents(made)["backstride.toml"]
    assert b"password_file" in contents(made)["backstride.toml"]
    assert "configuration" in {one.name for one in manifest_of(made).missing}


def test_it_has_the_newest_sessions_and_each_can_be_replayed(bundle, tmp_path):
    for number in range(4):
        write_journal(tmp_path / "state/home/journal", f"2026112{number}", None)
    made = bundle(sessions=2)
    names = [name.rpartition("/")[2] for name in sessions_of(made)]
    assert ["20261122.journal", "20261123.journal"] == names
    taken = take_out(made, "20261122", tmp_path)
    assert 10 == len(list(replay(taken)))


def test_who_walked_is_not_in_it_and_what_the_session_was_judged_by_is(bundle, tmp_path):
    limits = envelope(SiteRules(), DECK, None, None, ANNA)
    write_journal(tmp_path / "state/home/journal", "20261120", ANNA, limits)
    made = bundle()
    taken = take_out(made, "20261120", tmp_path)
    content = taken.read_bytes()
    assert (False, False) == (b"Anna" in content, b"61500" in content)
    opening, events = journal.read(taken)
    nobody = replace(
        ANNA, id="walker", name="walker", weight=None,
        caps=replace(OWN, reason="the walker's own limit"),
    )  # fmt: skip
    assert (nobody, nobody) == (opening.session.person, next(events).walker)
    assert envelope(SiteRules(), DECK, None, None, nobody) == opening.session.envelope
    assert b"maximum heart rate" in contents(made)["README.txt"]


def test_a_session_that_is_not_there_is_told_with_those_that_are(bundle, tmp_path):
    write_journal(tmp_path / "state/home/journal", "20261120", None)
    made = bundle()
    with pytest.raises(BundleError, match=r"no session 'x'; it has: .*20261120"):
        take_out(made, "x", tmp_path)


def test_a_file_that_is_no_bundle_is_refused(tmp_path):
    path = tmp_path / "x.tar.gz"
    path.write_bytes(b"\x1f\x8b nothing")
    with pytest.raises(BundleError, match="is not a support bundle"):
        sessions_of(path)
