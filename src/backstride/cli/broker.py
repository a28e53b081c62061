"""From the command line to a treadmill: which broker, which treadmill, and the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.lookup import get_config
from backstride.mqtt.client import Tls
from backstride.mqtt.remote import Remote, RemoteSettings
from backstride.service.config import Config
from backstride.service.configreader import ConfigError
from backstride.service.credential import read_password

NO_BROKER_HINT: Final = (
    "On the treadmill's own host `sudo backstride stop` needs no broker, nor does"
    " `sudo systemctl stop backstride 'backstride@*'`; the safety clip always works."
)


def get_settings(
    config: Config, address: str | None, treadmill: str | None = None
) -> RemoteSettings:
    """How to reach the broker; `address` (HOST or HOST:PORT) overrides the configuration's.

    Where each treadmill has its own access, `treadmill` says whose is used; else the first one's.

    Raises:
        CommandFailedError: the password or the address cannot be used (2).
    """
    broker = config.broker.of(treadmill or config.treadmills[0].id)
    try:
        password = read_password(broker)
    except ConfigError as error:
        raise CommandFailedError(str(error), Exit.USAGE) from error
    tls = broker.tls
    settings = RemoteSettings(
        host=broker.host,
        port=broker.port,
        user=broker.user,
        password=password,
        tls=None if tls is None else Tls(ca=tls.ca, certificate=tls.cert, key=tls.key),
        prefix=broker.prefix,
        protocol=broker.protocol.value,
    )
    if address is None:
        return settings
    host, colon, port = address.rpartition(":")
    if not colon:
        return replace(settings, host=address)
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise CommandFailedError(f"{address!r} is no broker; write HOST or HOST:PORT", Exit.USAGE)
    return replace(settings, host=host, port=int(port))


def load_settings(
    config: Path | None, address: str | None, treadmill: str | None = None
) -> tuple[Config, RemoteSettings]:
    """The configuration and how to reach its broker, as `get_settings` does.

    Raises:
        CommandFailedError: one of them cannot be used (2).
    """
    loaded = get_config(config)
    return loaded, get_settings(loaded, address, treadmill)


def check_choice(config: Config, chosen: str | None) -> None:
    """See that a treadmill is chosen where each has its own access: one sees nothing of the others.

    Raises:
        CommandFailedError: none is (2).
    """
    if chosen is None and len(config.treadmills) > 1 and config.broker.distinguishes:
        ids = ", ".join(treadmill.id for treadmill in config.treadmills)
        raise CommandFailedError(
            f"each treadmill has its own access here; choose one with --id: {ids}", Exit.USAGE
        )


async def choose_treadmill(remote: Remote, config: Config, chosen: str | None) -> str:
    """The treadmill that is meant: the chosen, the configured, or the only one that the broker knows.

    Raises:
        CommandFailedError: several could be meant (2), or there is none (4).
    """
    check_choice(config, chosen)
    if chosen is not None:
        return chosen
    if config.file is not None and len(config.treadmills) == 1:
        return config.treadmills[0].id
    known = await remote.find_treadmills()
    if len(known) == 1:
        return known[0]
    if known:
        raise CommandFailedError(
            f"there are several treadmills; choose one with --id: {', '.join(known)}", Exit.USAGE
        )
    raise CommandFailedError(
        "the broker knows no treadmill; is the daemon running, and on this broker?", Exit.NO_ANSWER
    )
