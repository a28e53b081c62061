"""The loudspeaker's unit: the sound card and nothing else of the host, apart from the daemon."""

import re
import shutil
import subprocess
from pathlib import Path

UNIT = Path(__file__).parents[2] / "systemd" / "backstride-speaker.service"


def test_it_is_no_part_of_the_daemon_and_reaches_nothing_but_the_sound_card():
    found = re.findall(r"^([A-Za-z]+)=(.*)$", UNIT.read_text(), re.MULTILINE)
    directives = dict(found)
    forbidden = {"BindsTo", "PartOf", "Requires", "Environment", "StateDirectory", "PrivateDevices"}
    assert set() == forbidden & set(directives)
    assert ("closed", ["char-alsa rw"]) == (
        directives["DevicePolicy"],
        [value for name, value in found if name == "DeviceAllow"],
    )


def test_systemd_understands_it_and_finds_it_well_shut(tmp_path):
    analyze = shutil.which("systemd-analyze")
    assert analyze is not None, "systemd is not installed"
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/backstride/bin/backstride", "/bin/true"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert "" == "\n".join(line for line in done.stderr.splitlines() if UNIT.name in line)
    security = subprocess.run(
        [analyze, "security", "--offline=yes", "--threshold=25", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert security.returncode == 0, security.stdout[-400:]
