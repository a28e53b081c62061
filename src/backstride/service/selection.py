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


def choose_for_daemon(config: Config, wanted: str | None) -> Config:
    """Keep one treadmill of several for a daemon that may have others beside it; all when none is wanted.

    Daemons do not know whose machine is whose, as the treadmills of one daemon do. A name may fit the machine
    that another one is connected to, which then would be taken over, and let go under somebody: only an
    address is certain.

    Raises:
        ConfigError: there is none with this id, or it has no address.
    """
    chosen = choose_treadmill(config, wanted)
    real = [one for one in config.treadmills if one.virtual is None]
    for one in chosen.treadmills if wanted is not None and len(real) > 1 else ():
        if one in real and one.address is None:
            what = (
                f"a daemon of its own finds {one.id!r} by nothing but `address`, as a name may fit another"
                " one's machine; `backstride scan` lists those in range. Or run one daemon for all:"
                " backstride.service"
            )
            raise ConfigError((Problem(config.file or "the defaults", 0, "treadmill", what),))
    return chosen
