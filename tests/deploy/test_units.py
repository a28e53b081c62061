"""The shipped units: what a person's safety rests on is written in them, and systemd agrees."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from backstride.domain.units import SECOND
from backstride.service.config import read_config
from backstride.service.rescue import PATIENCE

SYSTEMD = Path(__file__).parents[2] / "systemd"
SERVICE = SYSTEMD / "backstride.service"
TEMPLATE = SYSTEMD / "backstride@.service"
UNITS = sorted(SYSTEMD.glob("*.service"))
EXPOSURE = 13
"""Tenths of what `systemd-analyze security` counts; at most."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not here; install it with `apt-get install systemd`",
)


def read_directives(unit):
    """Every directive of a unit; those given several times in their order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if match := re.fullmatch(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


@pytest.fixture(scope="module")
def directives():
    return read_directives(SERVICE)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("Type", ["notify"]),
        ("Restart", ["always"]),
        ("StartLimitIntervalSec", ["0"]),
        ("StateDirectory", ["backstride"]),
        ("User", ["backstride"]),
        ("LoadCredential", ["backstride.mqtt-password"]),
        ("CapabilityBoundingSet", [""]),
        ("NoNewPrivileges", ["yes"]),
        ("ProtectSystem", ["strict"]),
        ("RestrictAddressFamilies", ["AF_UNIX AF_INET AF_INET6"]),
        ("ProtectClock", ["yes"]),
        ("SystemCallFilter", ["@system-service", "~@privileged @resources", "setpriority"]),
    ],
)
def test_the_service_says(directives, key, expected):
    assert directives[key] == expected


def test_bluetooth_is_waited_for_but_never_required(directives):
    assert "bluetooth.service" in directives["After"][0].split()
    assert {"Requires", "BindsTo", "Requisite", "PartOf"} & set(directives) == set()


def test_a_dynamic_user_and_a_hidden_bus_which_break_bluetooth_are_absent(directives):
    assert "DynamicUser" not in directives
    assert "InaccessiblePaths" not in directives


@pytest.mark.hazard("H25")
def test_there_is_more_time_to_stop_than_a_controlled_stop_takes(directives):
    ramp_s = 800 // 30 + 1  # from 8.0 km/h by 0.3 km/h per s
    machine_s = 9
    proof_s = 5
    assert int(directives["TimeoutStopSec"][0]) > ramp_s + machine_s + proof_s


@pytest.mark.hazard("H10", "H23")
def test_the_watchdog_bites_before_a_walker_could_be_far_off(directives):
    assert 0 < int(directives["WatchdogSec"][0]) <= 10


@pytest.mark.hazard("H10", "H23")
def test_who_does_not_take_the_watchdog_s_bite_is_killed_soon(directives):
    assert int(directives["TimeoutAbortSec"][0]) <= 5


@pytest.mark.hazard("H27")
def test_no_secret_comes_by_argv_or_environment(directives):
    assert {"Environment", "EnvironmentFile", "PassEnvironment", "SetCredential"} & set(
        directives
    ) == set()
    assert directives["ExecStart"] == ["/opt/backstride/bin/backstride run"]


def test_the_user_of_the_service_is_the_one_that_sysusers_makes(directives):
    line = (SYSTEMD / "sysusers.d/backstride.conf").read_text().splitlines()[-1]
    assert line.split()[:2] == ["u", directives["User"][0]]


@pytest.mark.hazard("H10")
def test_a_next_life_comes_soon_even_after_many(directives):
    """systemd never counts its restarts down again: the longest pause is for a service that is years old."""
    assert ["500ms"] == directives["RestartSec"]
    assert int(directives["RestartMaxDelaySec"][0]) <= 5


@pytest.mark.hazard("H10", "H25")
def test_what_comes_after_the_daemon_has_its_time(directives):
    assert int(directives["TimeoutStopSec"][0]) * SECOND > PATIENCE


STAND_IN = """#!/bin/sh
{words}
"""


@pytest.fixture
def after_the_daemon(tmp_path, monkeypatch):
    """Run what a unit has for after the daemon, as systemd would; returns what `backstride` was told."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def add(name, words):
        (tmp_path / name).write_text(STAND_IN.format(words=words))
        (tmp_path / name).chmod(0o755)

    def run(unit, jobs):
        add("systemctl", f"echo $* >>{tmp_path}/asked\n{jobs}")
        add("backstride", f"echo $* >{tmp_path}/told")
        joined = unit.read_text().replace("\\\n", " ")
        (line,) = re.findall(r"^ExecStopPost=(.*)$", joined, re.MULTILINE)
        for mark, meaning in (("%n", unit.name.replace("@", "@left")), ("%i", "left"), ("$$", "$")):
            line = line.replace(mark, meaning)
        line = line.replace("/opt/backstride/bin/backstride", str(tmp_path / "backstride"))
        subprocess.run(shlex.split(line), check=True)
        told = tmp_path / "told"
        return told.read_text().strip() if told.exists() else None

    return run


def owe(tmp_path):
    claim = tmp_path / "state/left/owner.json"
    claim.parent.mkdir(parents=True)
    claim.touch()


@pytest.mark.hazard("H10", "H25")
@pytest.mark.parametrize(
    ("jobs", "rescued"),
    [
        ("echo 917 {} stop running", True),
        ("echo 917 {} restart waiting", False),
        ("echo 917 {} start waiting", False),
        ("", False),
        ("echo Failed to connect to bus >&2; exit 1", True),
    ],
    ids=["stopped", "restarted", "started", "crashed", "no answer"],
)
@pytest.mark.parametrize("unit", [SERVICE, TEMPLATE], ids=["all", "one"])
def test_a_belt_that_is_owed_is_rescued_where_no_next_life_comes(
    after_the_daemon, tmp_path, unit, jobs, rescued
):
    owe(tmp_path)
    words = "rescue" if unit is SERVICE else "rescue --treadmill left"
    assert (words if rescued else None) == after_the_daemon(unit, jobs.format(unit.name))


@pytest.mark.parametrize("unit", [SERVICE, TEMPLATE], ids=["all", "one"])
def test_where_nothing_is_owed_not_even_systemd_is_asked(after_the_daemon, tmp_path, unit):
    assert (None, False) == (after_the_daemon(unit, "exit 1"), (tmp_path / "asked").exists())


@pytest.mark.hazard("H18")
def test_the_daemon_for_one_treadmill_is_the_one_for_all_but_for_its_name():
    one, every = read_directives(TEMPLATE), read_directives(SERVICE)
    differing = {key for key in one.keys() | every.keys() if one.get(key) != every.get(key)}
    named = {"Description", "ExecStart", "ExecStopPost", "LoadCredential", "Conflicts", "After"}
    assert named == differing
    assert (["backstride.service"], ["/opt/backstride/bin/backstride run --treadmill %i"]) == (
        one["Conflicts"],
        one["ExecStart"],
    )


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_exposure_is_at_most_one_point_three(unit, record_property):
    done = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=true", "--no-pager"),
            *(f"--threshold={EXPOSURE}", str(unit)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()[-1]
    record_property("figure", f"{unit.name}: {' '.join(said.split()[1:-1])}")
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-300:]


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong(unit, tmp_path):
    name = unit.name.replace("@.", "@living-room.")
    # Neither is on a build machine.
    text = unit.read_text().replace("/opt/backstride/bin/backstride", "/bin/true")
    (tmp_path / name).write_text(text.replace("User=backstride\nGroup=backstride\n", ""))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    # Before systemd 254 these two are unknown and ignored, as the unit says.
    known = re.compile(r".*Unknown key (name )?'Restart(Steps|MaxDelaySec)' in section.*")
    assert [] == [
        line for line in done.stderr.splitlines() if name in line and not known.fullmatch(line)
    ]


@needs_systemd
def test_sysusers_understands_its_file():
    done = subprocess.run(
        ["systemd-sysusers", "--dry-run", str(SYSTEMD / "sysusers.d/backstride.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "backstride" in done.stdout + done.stderr) == (0, True)


def test_the_example_configuration_is_valid():
    assert read_config(SYSTEMD / "backstride.toml").treadmills[0].id == "treadmill"
