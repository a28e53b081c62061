"""Does a next life of the daemon come? Asked between two lives, so nothing is imported that takes time."""

from __future__ import annotations

import subprocess
from typing import Final

_PATIENCE_S: Final = 3.0


def is_stopped_for_good(unit: str, systemctl: str = "systemctl") -> bool:
    """Tell whether systemd is stopping this unit, so that it will not restart it.

    True as well when systemd does not say: at worst the belt is then stopped here, and not by a restart.
    """
    command = [systemctl, "list-jobs", "--plain", "--no-legend", "--no-pager", unit]
    try:
        done = subprocess.run(  # noqa: S603  our own words
            command, capture_output=True, text=True, check=True, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.SubprocessError):
        return True
    # JOB UNIT TYPE STATE. A stopped service that somebody restarts has a job of the type restart or start.
    jobs = [line.split() for line in done.stdout.splitlines()]
    return any(job[1:3] == [unit, "stop"] for job in jobs)
