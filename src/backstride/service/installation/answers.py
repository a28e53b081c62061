"""What a person said about their treadmill and broker, and the configuration that comes of it.

Nothing is written before all is known. The draft is checked as the daemon would check it; only a valid one
replaces the file, whole, and the old one is kept beside it. A password goes where systemd finds it for the
service, never into the configuration.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from backstride.service.config import SYSTEM_FILE, SYSTEM_STATE, read_config
from backstride.service.configreader import ConfigError, Problem
from backstride.service.installation.editing import (
    EditError,
    Value,
    add_table,
    drop_key,
    read_values,
    set_key,
)
from backstride.service.settings import TLS_PORT, Config

CREDENTIAL: Final = "backstride.mqtt-password"
"""The name in `LoadCredential=` of the units."""
CREDSTORE: Final = Path("/etc/credstore")
EXAMPLE: Final = "treadmill"
"""The id in the shipped example; a first treadmill of this name is nobody's yet."""


class Answers(Struct, frozen=True, kw_only=True):
    """None: leave it as it is. `treadmill` is the id of the one that the answers are about."""

    treadmill: str | None = None
    name: str | None = None
    address: str | None = None
    adapter: str | None = None
    sheet: str | None = None
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    max_speed: str | None = None


class Place(Struct, frozen=True, kw_only=True):
    """Where the configuration is, and where passwords go that systemd hands to the service."""

    file: Path = SYSTEM_FILE
    credstore: Path | None = None

    @classmethod
    def of(cls, file: Path | None) -> Place:
        """The place of a configuration: root's own goes with systemd's store."""
        chosen = file or SYSTEM_FILE
        is_system = chosen == SYSTEM_FILE and os.geteuid() == 0
        return cls(file=chosen.absolute(), credstore=CREDSTORE if is_system else None)

    @property
    def secret(self) -> Path:
        """The file for the broker's password."""
        if self.credstore is not None:
            return self.credstore / CREDENTIAL
        return self.file.with_name("mqtt-password")


def find_treadmill(text: str, wanted: str | None) -> int:
    """Which `[[treadmill]]` the answers are about: the one with this id, the example's, else a new one.

    Raises:
        EditError: there is a `[treadmill]`.
    """
    tables: list[Mapping[str, Any]] = read_values(text).get("treadmill") or []
    if not isinstance(tables, list):
        raise EditError("each treadmill is a table of its own: write [[treadmill]], and try again")
    for number, table in enumerate(tables):
        if wanted is None or table.get("id") == wanted:
            return number
    ways = {"address", "bluetooth_name", "virtual", "sheet"}
    if len(tables) == 1 and tables[0].get("id") == EXAMPLE and not ways & tables[0].keys():
        return 0
    return len(tables)


def apply(text: str, answers: Answers, place: Place) -> str:
    """The configuration with the answers in it; comments and everything else stay.

    Raises:
        EditError: the file is written in a way that only a person understands.
    """
    number = find_treadmill(text, answers.treadmill)
    treadmill = {
        "id": answers.treadmill,
        "name": answers.name,
        "address": answers.address,
        "adapter": answers.adapter,
        "sheet": answers.sheet,
    }
    text = _set(text, "treadmill", treadmill, number)
    if answers.address is not None:
        for other in ("bluetooth_name", "virtual"):
            text = drop_key(text, "treadmill", other, number)
    broker: dict[str, Value | None] = {
        "host": answers.host,
        "port": answers.port,
        "user": answers.user,
    }
    text = _set(text, "broker", broker)
    if answers.password is not None:
        # systemd hands it to the service as a credential; root's own commands read the file itself.
        text = set_key(text, "broker", "password_file", str(place.secret))
        if place.credstore is not None:
            text = set_key(text, "broker", "credential", CREDENTIAL)
        else:
            text = drop_key(text, "broker", "credential")
    if answers.port == TLS_PORT:
        text = add_table(text, "broker.tls")
    tls = {"ca": answers.ca, "cert": answers.cert, "key": answers.key}
    text = _set(text, "broker.tls", tls)
    if place.file == SYSTEM_FILE:
        # The service has it from systemd; whoever commissions or replays by hand must mean the same one.
        text = set_key(text, "service", "state_directory", str(SYSTEM_STATE))
    return _set(text, "site", {"max_speed": answers.max_speed})


def _set(text: str, table: str, values: Mapping[str, Value | None], number: int = 0) -> str:
    for key, value in values.items():
        if value is not None:
            text = set_key(text, table, key, value, number)
    return text


def check(text: str, place: Place) -> Config:
    """Read a draft as the daemon would.

    Raises:
        ConfigError: it cannot be used; nothing was written.
    """
    draft = place.file.with_name(f".{place.file.name}.draft")
    place.file.parent.mkdir(parents=True, exist_ok=True)
    draft.write_text(text, encoding="utf-8")
    try:
        return read_config(draft)
    except ConfigError as error:
        told = tuple(
            Problem(str(place.file), one.line, one.key, one.what) for one in error.problems
        )
        raise ConfigError(told) from None
    finally:
        draft.unlink()


def save(text: str, answers: Answers, place: Place, now: datetime) -> Path | None:
    """Write password and configuration; return where the old configuration is kept, if there was one.

    Raises:
        OSError: something cannot be written; a configuration is never half written.
    """
    if answers.password is not None:
        _replace(place.secret, f"{answers.password}\n", 0o600)
    backup = None
    mode = 0o644
    if place.file.exists():
        stamp = now.strftime("%Y%m%d-%H%M%S")
        backup = place.file.with_name(f"{place.file.name}.{stamp}")
        shutil.copy2(place.file, backup)
        mode = place.file.stat().st_mode & 0o777
    _replace(place.file, text, mode)
    return backup


def _replace(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        kept = path.stat()
        os.chown(draft, kept.st_uid, kept.st_gid)
    draft.chmod(mode)
    draft.replace(path)
