"""The lines that a daemon's configuration needs to find its way to the broker."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final, assert_never

from backstride.provisioning.mosquitto import Kind

PLACE: Final = PurePosixPath("/etc/backstride/broker")
"""Where a treadmill's files go on its host."""
TREADMILL: Final = "{treadmill}"
"""In the configuration this stands for the id of each of its treadmills."""


def write_daemon_lines(kind: Kind, host: str, port: int, prefix: str) -> str:
    """Write the part `[broker]` of backstride.toml; the same for all treadmills."""
    lines = ["[broker]", f'host = "{host}"', f"port = {port}", f'prefix = "{prefix}"']
    tls = ["", "[broker.tls]", f'ca = "{PLACE}/ca.pem"']
    match kind:
        case Kind.HOME:
            lines += [f'user = "{TREADMILL}"', f'password_file = "{PLACE}/{TREADMILL}.password"']
        case Kind.GYM:
            tls += [f'cert = "{PLACE}/{TREADMILL}.pem"', f'key = "{PLACE}/{TREADMILL}.key"']
        case _:
            assert_never(kind)
    return "\n".join([*lines, *tls, ""])
