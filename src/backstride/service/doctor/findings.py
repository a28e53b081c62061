"""What an examination finds, and the place that it looks at."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from backstride.domain.units import SECOND, Ms
from backstride.service.config import SYSTEM_STATE
from backstride.service.timekeeping import MARK

SUDO: Final = "sudo backstride doctor"
"""What only root may see, root can ask for."""
PROGRAM: Final[Ms] = 3 * SECOND
"""For a program that only says its version or its state."""


class Subject(StrEnum):
    """What a finding is about, in the order in which they are shown."""

    CONFIGURATION = "configuration"
    BLUETOOTH = "Bluetooth"
    TREADMILLS = "treadmills"
    BROKER = "broker"
    SECRETS = "secrets"
    HOST = "host"
    VERSIONS = "versions"


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    """As it should be."""
    NOTE = "note"
    """Worth knowing; a session can do without, or it could not be told."""
    PROBLEM = "problem"
    """A session cannot begin, or something that should protect it is missing."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `what` holds no secret; `remedy` is one sentence or command."""

    subject: Subject
    level: Level
    what: str
    remedy: str | None = None


class Place(Struct, frozen=True, kw_only=True):
    """Where to look: this host, or for the tests a made-up one.

    `bus` is a D-Bus address, None for the system's; `path` is where programs are looked for.
    """

    rfkill: Path = Path("/sys/class/rfkill")
    devices: Path = Path("/dev")
    credentials: Path = Path("/etc/credstore")
    state: Path = SYSTEM_STATE
    mark: Path = MARK
    bus: str | None = None
    path: str = os.pathsep.join(
        (
            os.environ.get("PATH", os.defpath),
            "/usr/sbin",
            "/usr/libexec/bluetooth",
            "/usr/lib/bluetooth",
        )
    )
    environ: Mapping[str, str] = os.environ

    def find(self, program: str) -> str | None:
        """Find a program, also where a user's PATH does not look."""
        return shutil.which(program, path=self.path)


def ok(subject: Subject, what: str) -> Finding:
    """As it should be."""
    return Finding(subject=subject, level=Level.OK, what=what)


def note(subject: Subject, what: str, remedy: str | None = None) -> Finding:
    """Worth knowing."""
    return Finding(subject=subject, level=Level.NOTE, what=what, remedy=remedy)


def problem(subject: Subject, what: str, remedy: str) -> Finding:
    """Not as it must be."""
    return Finding(subject=subject, level=Level.PROBLEM, what=what, remedy=remedy)


async def in_thread[T](work: Callable[[], T]) -> T:
    """Do what may block, such as a look at a network disk, where it can be given up.

    The thread is a daemon: unlike one of the loop's executor, it is not waited for at the end.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(how: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            how(value)

    def run() -> None:
        how: Callable[[Any], None] = future.set_result
        try:
            value: Any = work()
        except Exception as error:  # noqa: BLE001  raised again where it is awaited
            how, value = future.set_exception, error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, how, value)

    threading.Thread(target=run, daemon=True).start()
    return await future


async def ask(place: Place, program: str, *words: str) -> str | None:
    """Run a program and return what it says; None if it is not there, fails or says nothing in time."""
    found = place.find(program)
    if found is None:
        return None
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            found, *words, stdin=null, stdout=pipe, stderr=null
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(PROGRAM / SECOND):
            said, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode(errors="replace").strip() if process.returncode == 0 else None
