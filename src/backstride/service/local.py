"""Stop without a broker: a signal to the daemon on this host.

The daemon opens no socket, so what still works when the broker is gone is the oldest way there is. It
writes its process id beside the lock of each treadmill, and SIGUSR1 stops every belt that it runs. A
process id whose lock is free belongs to a daemon that is no more, and is never signalled.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Final

STOP: Final = signal.SIGUSR1
PID: Final = "pid"
LOCK: Final = "lock"


def announce(home: Path) -> None:
    """Leave this process's id beside the lock that it holds."""
    (home / PID).write_text(f"{os.getpid()}\n", encoding="ascii")


def find_daemons(directories: Iterable[Path]) -> dict[int, list[str]]:
    """The daemons that run treadmills of these state directories, with the treadmills' ids."""
    found: dict[int, list[str]] = {}
    for directory in directories:
        for note in sorted(directory.glob(f"*/{PID}")):
            pid = _read(note)
            if pid is not None and _is_held(note.with_name(LOCK)):
                found.setdefault(pid, []).append(note.parent.name)
    return found


def stop_all(
    directories: Iterable[Path], treadmill: str | None = None
) -> tuple[list[str], list[str]]:
    """Send the stop signal to every daemon, or to the one that runs this treadmill.

    Returns the treadmills reached, and those we may not signal. A daemon stops all its belts.
    """
    reached: list[str] = []
    forbidden: list[str] = []
    for pid, treadmills in find_daemons(directories).items():
        if treadmill is not None and treadmill not in treadmills:
            continue
        try:
            os.kill(pid, STOP)
        except PermissionError:
            forbidden += treadmills
        except ProcessLookupError:
            continue
        else:
            reached += treadmills
    return reached, forbidden


def _read(note: Path) -> int | None:
    try:
        return int(note.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _is_held(lock: Path) -> bool:
    try:
        file = lock.open("rb")
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
