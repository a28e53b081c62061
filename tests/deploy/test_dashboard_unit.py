"""The page's unit: apart from the daemon, and without anything worth stealing."""

import re
from pathlib import Path

UNIT = Path(__file__).parents[2] / "systemd" / "backstride-dashboard.service"


def test_it_is_no_part_of_the_daemon_and_holds_no_secret():
    directives = dict(re.findall(r"^([A-Za-z]+)=(.*)$", UNIT.read_text(), re.MULTILINE))
    forbidden = {"BindsTo", "PartOf", "Requires", "LoadCredential", "Environment", "StateDirectory"}
    assert (set(), "yes") == (forbidden & set(directives), directives["DynamicUser"])
