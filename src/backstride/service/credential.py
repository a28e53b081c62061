"""What the configuration only names: the broker's password, the PIN's hash. Never from argv."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from backstride.mqtt.pin import PinError, PinHash
from backstride.service.configreader import ConfigError, Problem
from backstride.service.settings import Broker, Treadmill

OTHERS_MAY_READ: Final = 0o004
_LOG: Final = structlog.get_logger("backstride.service")


def read_password(broker: Broker, environ: Mapping[str, str] | None = None) -> str | None:
    """Read the broker's password from the credential, else from the file; None when neither is named.

    Raises:
        ConfigError: it is named and not there, empty, or open to every user of the host.
    """
    directory = (os.environ if environ is None else environ).get("CREDENTIALS_DIRECTORY")
    if broker.credential and directory:
        path = Path(directory) / broker.credential
        if path.exists() or not broker.password_file:
            return _read_secret(path, "broker.credential")
    if broker.password_file:
        return _read_secret(Path(broker.password_file), "broker.password_file")
    if broker.credential:
        raise _secret_error(
            "broker.credential",
            f"{broker.credential!r} is given by systemd only (LoadCredential=); to run by hand, add"
            " `password_file`",
        )
    return None


def read_pin(treadmill: Treadmill) -> PinHash | None:
    """Read the hash of the PIN without which a treadmill is not started; None when it asks for none.

    Raises:
        ConfigError: its file is not there, open to every user of the host, or holds something else.
    """
    if treadmill.pin_file is None:
        return None
    try:
        return PinHash.parse(_read_secret(Path(treadmill.pin_file), "treadmill.pin_file"))
    except PinError as error:
        raise _secret_error("treadmill.pin_file", f"{treadmill.pin_file}: {error}") from None


def require_pin(treadmill: Treadmill) -> PinHash | None:
    """As `read_pin`, but what cannot be read starts nothing and stops nothing: no PIN fits then.

    A daemon that stays down for it could not stop a belt that its last life left moving.
    """
    try:
        return read_pin(treadmill)
    except ConfigError as error:
        _LOG.error(
            "nobody can start: the PIN cannot be read", treadmill=treadmill.id, why=str(error)
        )
        return PinHash.nobody()


def _read_secret(path: Path, key: str) -> str:
    try:
        # A file system without modes shows everything as open; there is nothing to mend there.
        if path.stat().st_mode & OTHERS_MAY_READ and os.name == "posix":
            raise _secret_error(key, f"every user can read {path}; mend it with chmod o-r {path}")
        secret = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        remedy = (
            "; by hand, put sudo before the command" if isinstance(error, PermissionError) else ""
        )
        raise _secret_error(key, f"{path} cannot be read ({why}){remedy}") from None
    secret = secret.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise _secret_error(key, f"{path} is empty; write the secret into it")
    return secret


def _secret_error(key: str, what: str) -> ConfigError:
    return ConfigError((Problem("secret", 0, key, what),))
