"""Whether this host's clock is kept right, told in a sandbox.

The kernel knows, whoever keeps the clock; but asking is one of the calls that `ProtectClock=` forbids,
together with setting. systemd-timesyncd, which Debian and Raspberry Pi OS come with, touches a file at each
synchronisation. So the service asks the kernel and, where that may not be asked, looks at the file. With
another time service the unit must permit the question: systemd/examples/other-time-service.conf.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from backstride.mqtt import walltime

MARK: Final = Path("/run/systemd/timesync/synchronized")
LASTS_S: Final = 2 * 60 * 60
"""A mark older than this is worth nothing. timesyncd renews it every 34 min at the latest
(PollIntervalMaxSec=), and a clock that nobody keeps errs by less than 1 s meanwhile, at 100 ppm [CHOICE]."""


def is_synchronised(mark: Path = MARK) -> bool:
    """Tell whether a time service keeps this host's clock. False where that is not known."""
    return walltime.is_synchronised() or is_marked(mark)


def is_marked(mark: Path = MARK) -> bool:
    """Tell whether the mark is there and fresh. Reads memory (/run), and so never waits for a disk."""
    try:
        age = time.time() - mark.stat().st_mtime
    except OSError:
        return False
    return -1 < age < LASTS_S
