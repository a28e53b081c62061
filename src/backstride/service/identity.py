"""Which treadmills are this host's, where one configuration serves several hosts.

A treadmill with `host = "pi-3"` is that host's, one without is every host's. A host is meant by its whole
name or by the part before the first dot: a network that adds a domain changes nothing.
"""

from __future__ import annotations

import socket

from msgspec.structs import replace

from backstride.service.configreader import ConfigError, Problem
from backstride.service.settings import Config


def own_name(config: Config, chosen: str | None = None) -> str:
    """This host's name: the chosen, else the configured, else the one that the system has."""
    return chosen or config.service.host_name or socket.gethostname()


def is_host(written: str, name: str) -> bool:
    """Whether `written`, of a configuration, means the host of this name."""
    wanted, full = written.casefold(), name.casefold()
    return wanted in {full, full.partition(".")[0]}


def take_own(config: Config, chosen: str | None = None) -> Config:
    """The same configuration with this host's treadmills only; with none, if none is its own."""
    name = own_name(config, chosen)
    own = tuple(each for each in config.treadmills if each.host is None or is_host(each.host, name))
    return replace(config, treadmills=own, service=replace(config.service, host_name=name))


def require_own(config: Config, chosen: str | None = None) -> Config:
    """As `take_own`, for a daemon: it needs a treadmill.

    Raises:
        ConfigError: none belongs to this host.
    """
    own = take_own(config, chosen)
    if own.treadmills:
        return own
    hosts = ", ".join(sorted({each.host for each in config.treadmills if each.host}))
    what = (
        f"no treadmill belongs to this host, {own.service.host_name!r}; there are treadmills of {hosts}."
        ' Add one with `host = "..."`, or say which host this is: backstride run --host-name NAME'
    )
    raise ConfigError((Problem(config.file or "the configuration", 0, "treadmill", what),))
