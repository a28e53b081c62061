"""What an installation finds on a host: a session that runs, a package, a place that no service can read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

PACKAGE: Final = Path("/opt/backstride")
_HIDDEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  not used, refused
"""What ProtectHome= and PrivateTmp= of our units hide from the service."""
_WRITTEN_S: Final = 10
"""A journal that was written so lately is a session's: it is written all through one, and never outside."""


def find_sessions(state: Path, now: float) -> list[str]:
    """The treadmills with a session, or with a belt that was never proven still, at this time of day.

    The same as `walking` in tools/debian/prerm.
    """
    claimed = {path.parent.name for path in state.glob("*/owner.json")}
    written = {
        path.parent.parent.name
        for path in state.glob("*/journal/*.journal")
        if now - path.stat().st_mtime < _WRITTEN_S
    }
    return sorted(claimed | written)


def is_packaged(prefix: Path | None = None) -> bool:
    """This Backstride came as the Debian package, which has installed all that there is to install."""
    return (prefix or Path(sys.prefix)) == PACKAGE


def own_command() -> Path:
    """The command that this process would be started again with, by a service."""
    return Path(sys.prefix) / "bin" / "backstride"


def find_hidden(*places: Path) -> Path | None:
    """The first of these places that the service could not read."""
    for place in places:
        real = place.resolve()
        if any(real.is_relative_to(hidden) for hidden in _HIDDEN):
            return real
    return None
