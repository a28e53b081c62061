"""Passwords, keys and PINs: are they there, and safe from other users? Their content is never told."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from backstride.service.config import Broker, Config, Treadmill
from backstride.service.configreader import ConfigError
from backstride.service.credential import OTHERS_MAY_READ, read_password, read_pin
from backstride.service.doctor.findings import (
    SUDO,
    Finding,
    Place,
    Subject,
    in_thread,
    note,
    ok,
    problem,
)

_SECRETS: Final = Subject.SECRETS


def find_password(place: Place, broker: Broker) -> str | None:
    """Read the broker's password from where the service gets it.

    Raises:
        ConfigError: it is not there, empty, or open to every user.
        PermissionError: this user may not look.
    """
    environ: Mapping[str, str] = place.environ
    given = broker.credential and "CREDENTIALS_DIRECTORY" not in environ
    if given and place.credentials.is_dir():
        # What systemd would hand the service; only root may look.
        if os.access(place.credentials, os.R_OK | os.X_OK):
            environ = {"CREDENTIALS_DIRECTORY": str(place.credentials)}
        elif broker.password_file is None:
            raise PermissionError(place.credentials)
    if broker.password_file is not None:
        _demand(Path(broker.password_file))
    return read_password(broker, environ)


def _demand(path: Path) -> None:
    """See that this user may read a file, if it is there at all."""
    try:
        with path.open("rb"):
            return
    except PermissionError:
        raise
    except OSError:
        return  # told better by whoever reads it


async def check_secrets(place: Place, config: Config) -> list[Finding]:
    """Look at each file that the configuration names and that holds a secret."""
    return await in_thread(lambda: _look(place, config))


def _look(place: Place, config: Config) -> list[Finding]:
    found: list[Finding] = []
    for treadmill in config.treadmills:
        broker = config.broker.of(treadmill.id)
        if broker.password_file or broker.credential:
            what = f"the broker's password ({_where(broker)})"
            found.append(_judge(what, partial(find_password, place, broker)))
        if broker.tls is not None:
            named = {"ca": broker.tls.ca, "cert": broker.tls.cert, "key": broker.tls.key}
            found += [_judge_pem(key, Path(path)) for key, path in named.items() if path]
        if treadmill.pin_file is not None:
            what = f"the PIN of {treadmill.name} ({treadmill.pin_file})"
            found.append(_judge(what, partial(_find_pin, treadmill)))
    return list(dict.fromkeys(found)) or [ok(_SECRETS, "none is configured")]


def _find_pin(treadmill: Treadmill) -> None:
    if treadmill.pin_file is not None:
        _demand(Path(treadmill.pin_file))
    read_pin(treadmill)


def _where(broker: Broker) -> str:
    return f"credential {broker.credential}" if broker.credential else str(broker.password_file)


def _judge(what: str, read: Callable[[], object]) -> Finding:
    try:
        read()
    except PermissionError:
        return note(_SECRETS, f"{what} is not for this user to read, as it should be", SUDO)
    except ConfigError as error:
        first = error.problems[0].what
        reason, _, remedy = first.partition("; ")
        return problem(_SECRETS, f"{what}: {reason}", remedy or "see backstride.toml for how to")
    return ok(_SECRETS, f"{what} is there, and closed to others")


def _judge_pem(key: str, path: Path) -> Finding:
    """Look at a file of [broker.tls]; only that of `key` is a secret."""
    try:
        mode = path.stat().st_mode
    except PermissionError:
        return note(_SECRETS, f"{path} is not for this user to see", SUDO)
    except OSError as error:
        remedy = f"put it there, or correct `{key}` in [broker.tls]"
        return problem(_SECRETS, f"{path} is not there ({error.strerror})", remedy)
    if key != "key":
        return ok(_SECRETS, f"{path} is there")
    if mode & OTHERS_MAY_READ:
        return problem(_SECRETS, f"every user can read the key {path}", f"chmod o-r {path}")
    return ok(_SECRETS, f"the key {path} is there, and closed to others")
