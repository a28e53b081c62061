"""Talking to systemd: ready, alive, what is going on, going down (sd_notify(3)).

One datagram to the socket that `$NOTIFY_SOCKET` names, nothing where there is none. The libraries for it
are dead or need C headers; it is a few lines.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

from backstride.domain.units import Ms

READY: Final = "READY=1"
WATCHDOG: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"

_US_PER_MS: Final = 1_000
_SHARE: Final = 2
"""How often the watchdog is fed within its time: sd_watchdog_enabled(3) recommends every half of it."""


def notify(*states: str, environ: Mapping[str, str] | None = None) -> bool:
    """Tell systemd one or more states, such as READY; return whether it was told.

    Never raises: what systemd does not hear is not worth a belt that nobody steers.
    """
    address = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # the abstract namespace
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            # Called on the loop: a full queue is systemd's trouble, not ours.
            sock.setblocking(False)
            sock.sendto("\n".join(states).encode(), address)
    except OSError:
        return False
    return True


def status(text: str) -> str:
    """The state that `systemctl status` shows: one line."""
    return f"STATUS={' '.join(text.split())}"


def extend(duration: Ms) -> str:
    """The state by which a start, or an end, may take this long from now."""
    return f"EXTEND_TIMEOUT_USEC={duration * _US_PER_MS}"


def watchdog_interval(environ: Mapping[str, str] | None = None) -> Ms | None:
    """How often to send WATCHDOG, in ms; None when systemd does not watch this process."""
    env = os.environ if environ is None else environ
    owner = env.get("WATCHDOG_PID")
    try:
        microseconds = int(env.get("WATCHDOG_USEC", "0"))
        mine = owner is None or int(owner) == os.getpid()
    except ValueError:
        return None
    if not mine or microseconds <= 0:
        return None
    return max(microseconds // _US_PER_MS // _SHARE, 1)
