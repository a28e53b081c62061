"""`backstride commission`: the rehearsal, the questions at the terminal, and what is refused."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console

from backstride.cli.bystander import Bystander, parse_length
from backstride.cli.exits import Exit
from backstride.service.local import LOCK, PID, STOP, _find_holders, is_held, stop_all
from backstride.service.person import Deed
from backstride.service.recovery import lock
from backstride.service.sheet import read_sheet


def test_a_rehearsal_tells_each_finding_and_what_is_unlocked(run):
    result = run("commission", "--machine", "k12")
    assert result.code == Exit.OK
    assert (
        "stop again    failed     a second Stop while it coasts starts the belt again" in result.out
    )
    assert "speed above 2.0 km/h: yes\nunattended: no\non link loss: runs on\n" in result.out
    assert "written" not in result.out


def test_a_rehearsal_writes_its_sheet_where_it_is_told(run, tmp_path):
    path = tmp_path / "pad.yaml"
    assert "written to" in run("commission", "-m", "mph", "-o", path).out
    assert read_sheet(path).unlocked.cap == 200


def test_a_rehearsal_in_json_is_the_sheet_and_what_it_unlocks(run):
    found = json.loads(run("commission", "-m", "console-only", "--json").out)
    assert found["unlocked"]["belt start"] == "console"
    assert len(found["sheet"]["findings"]) == 15


@pytest.fixture
def settings(tmp_path):
    def write(text):
        path = tmp_path / "b.toml"
        path.write_text(f'[service]\nstate_directory = "{tmp_path}"\n{text}')
        return path

    return write


def test_a_virtual_treadmill_needs_no_sheet(run, settings):
    config = settings('[[treadmill]]\nid = "a"\nvirtual = "ideal"\n')
    result = run("commission", "--config", config)
    assert (result.code, "try `--machine ideal`" in result.err) == (Exit.USAGE, True)


def test_one_of_several_must_be_chosen(run, settings):
    config = settings(
        '[[treadmill]]\nid = "a"\nbluetooth_name = "x"\n[[treadmill]]\nid = "b"\nbluetooth_name = "y"\n'
    )
    result = run("commission", "--config", config)
    assert (result.code, "choose a treadmill with --id: a, b" in result.err) == (Exit.USAGE, True)


def test_nothing_is_commissioned_under_a_running_daemon(run, settings, tmp_path):
    config = settings('[[treadmill]]\nid = "a"\n')
    with lock(tmp_path / "a"):
        result = run("commission", "--config", config)
    assert (result.code, "stop it first" in result.err) == (Exit.REFUSED, True)


def test_check_looks_into_the_sheets_of_a_configuration(run, settings, tmp_path):
    sheet = tmp_path / "pad.yaml"
    config = settings(f'[[treadmill]]\nid = "a"\nsheet = "{sheet}"\n')
    assert run("check", config).code == Exit.REFUSED
    run("commission", "-m", "ideal", "-o", sheet)
    assert run("check", config).code == Exit.OK


def test_check_knows_a_sheet_from_a_virtual_machine(run, tmp_path):
    sheet = tmp_path / "machines" / "pad.yaml"
    run("commission", "-m", "ideal", "-o", sheet)
    good = run("check", sheet)
    assert (good.code, "ideal, commissioned 20" in good.out) == (Exit.OK, True)
    sheet.write_text(sheet.read_text().replace("unattended: no", "unattended: yes"))
    bad = run("check", sheet)
    assert (bad.code, "the findings say" in bad.out + bad.err) == (Exit.REFUSED, True)


def ask(lines, question):
    """Put one question to a bystander who has these lines to say."""
    shown = io.StringIO()

    async def talk():
        person = Bystander(io.StringIO(lines), Console(file=shown, width=200))
        return await question(person)

    return asyncio.run(talk()), shown.getvalue()


@pytest.mark.parametrize(
    ("lines", "deed", "expected"),
    [
        ("y\n", Deed.READY, True),
        ("what\nNO\n", Deed.READY, False),
        ("", Deed.READY, False),
        ("\n", Deed.PRESS_START, True),
        ("s\n", Deed.PRESS_START, False),
        ("", Deed.PRESS_START, False),
    ],
)
def test_a_deed_is_asked_for_and_nobody_is_a_no(lines, deed, expected):
    answer, shown = ask(lines, lambda person: person.do(deed))
    assert answer is expected
    assert deed.value in shown


@pytest.mark.parametrize(("lines", "expected"), [("y\n", True), ("n\n", False), ("", True)])
def test_a_belt_that_nobody_looks_at_may_be_moving(lines, expected):
    assert ask(lines, lambda person: person.sees_motion())[0] is expected


def test_revolutions_are_counted_between_two_presses():
    laps, shown = ask("2.6\n2.6 m\n\n\n", lambda person: person.count_laps())
    assert (laps.count, laps.belt) == (5, 2600)
    assert laps.time >= 0
    assert shown.count("How long is it") == 2


@pytest.mark.parametrize("lines", ["s\n", "", "260 cm\n\n"])
def test_a_count_may_be_skipped_or_left(lines):
    assert ask(lines, lambda person: person.count_laps())[0] is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.6 m", 2600),
        ("260cm", 2600),
        ("2600 mm", 2600),
        ("2.6", None),
        ("0.9 m", None),
        ("11 m", None),
        ("m", None),
    ],
)
def test_a_length_has_a_unit_and_is_a_belts(text, expected):
    assert parse_length(text) == expected


@pytest.mark.hazard("H12")
def test_a_stop_on_its_host_ends_it_as_ctrl_c_does(settings, tmp_path):
    file = settings('[[treadmill]]\nid = "left"\naddress = "AA:BB:CC:DD:EE:01"\n')
    home = tmp_path / "left"
    home.mkdir()
    (home / PID).write_text("4194305\n")  # of a daemon that is no more
    words = [sys.executable, "-m", "backstride.cli", "commission", "--config", str(file)]
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(STOP, signal.SIG_DFL),  # noqa: PLW1509  no thread holds a lock
        text=True,
    ) as process:
        end = time.monotonic() + 30
        while not is_held(home / LOCK):
            assert time.monotonic() < end, process.poll()
        if not _find_holders(home / LOCK):
            process.kill()
            pytest.skip("the kernel does not tell whose locks this file system has")
        assert (["left"], []) == stop_all([tmp_path])
        # Its terminal stays open meanwhile: that nobody is there to answer would end it, too.
        assert process.wait(30) == Exit.REFUSED
        assert process.stderr.read() == "interrupted: Stop was sent, nothing was written\n"
