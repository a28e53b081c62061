"""The page's unit: apart from the daemon, and without anything worth stealing."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "backstride-dashboard.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not here; install it with `apt-get install systemd`",
)


def test_it_is_no_part_of_the_daemon_and_holds_no_secret():
    directives = dict(re.findall(r"^([A-Za-z]+)=(.*)$", UNIT.read_text(), re.MULTILINE))
    forbidden = {"BindsTo", "PartOf", "Requires", "LoadCredential", "Environment", "StateDirectory"}
    assert (set(), "yes") == (forbidden & set(directives), directives["DynamicUser"])


@needs_systemd
def test_the_exposure_is_at_most_one_and_a_half():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-300:]


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/backstride/bin/backstride", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if UNIT.name in line] == []
