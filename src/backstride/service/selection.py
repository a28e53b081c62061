"""One treadmill of a configuration: for a daemon, or a rescue, that owns no other."""

from __future__ import annotations

from msgspec.structs import replace

from backstride.service.configreader import ConfigError, Problem
from backstride.service.settings import Config


def choose_treadmill(config: Config, wanted: str | None) -> Config:
    """Keep one treadmill of several; all of them when none is wanted.

    Raises:
        ConfigError: there is none with this id.
    """
    if wanted is None:
        return config
    chosen = tuple(one for one in config.treadmills if one.id == wanted)
    if not chosen:
        ids = ", ".join(one.id for one in config.treadmills)
        what = f"there is no {wanted!r}; there are {ids}"
        raise ConfigError((Problem(config.file or "the defaults", 0, "treadmill", what),))
    return replace(config, treadmills=chosen)
