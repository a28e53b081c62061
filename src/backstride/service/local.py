"""Stop without a broker: a signal to the daemon on this host.

The daemon opens no socket, so what still works when the broker is gone is the oldest way there is. It
writes its process id beside the lock of each treadmill, and SIGUSR1 stops every belt that it runs. A
process id whose lock is free belongs to a daemon that is no more, and is never signalled. On a disk that
takes nothing the kernel knows who holds the lock.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog

_LOG: Final = structlog.get_logger("backstride.service")

STOP: Final = signal.SIGUSR1
PID: Final = "pid"
LOCK: Final = "lock"
_LOCKS: Final = Path("/proc/locks")


def announce(home: Path) -> None:
    """Leave this process's id beside the lock that it holds, if the disk takes it."""
    try:
        (home / PID).write_text(f"{os.getpid()}\n", encoding="ascii")
    except OSError as error:
        _LOG.error("the process id is not recorded", directory=str(home), reason=str(error))


def find_daemons(directories: Iterable[Path]) -> dict[int, list[str]]:
    """The daemons that run treadmills of these state directories, with the treadmills' ids."""
    found: dict[int, list[str]] = {}
    for directory in directories:
        for note in sorted(directory.glob(f"*/{PID}")):
            lock = note.with_name(LOCK)
            pid = _choose(_read(note), _find_holders(lock))
            if pid is not None and is_held(lock):
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


def is_hidden(path: Path) -> bool:
    """Whether it is not for this user to see if a file is there, or what is in it."""
    try:
        path.open("rb").close()
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def is_held(lock: Path) -> bool:
    """Whether a process holds this lock."""
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


def _read(note: Path) -> int | None:
    try:
        return int(note.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _find_holders(lock: Path) -> set[int]:
    """Who holds the lock, as the kernel says; nobody where it does not say, as on some file systems."""
    try:
        file = lock.stat()
        lines = _LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return set()
    name = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    # 1: FLOCK  ADVISORY  WRITE 4711 b3:02:131090 0 EOF
    rows = [line.split() for line in lines]
    holders = {int(row[4]) for row in rows if row[1] == "FLOCK" and row[5] == name}
    return {pid for pid in holders if pid > 0}  # a process of another container has no number here


def _choose(written: int | None, holders: set[int]) -> int | None:
    """The written process id, unless the kernel knows that it is another one."""
    if written in holders or len(holders) != 1:
        return written
    return next(iter(holders))
