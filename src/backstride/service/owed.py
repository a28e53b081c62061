"""Belts that a dead life left moving, known by its records alone.

A configuration is edited by people: it may be wrong, or name a treadmill no more, just when the next life
needs it to stop a belt. So every life writes beside the claim how it reaches its machine, and whoever comes
after it needs nothing else. No secret is in it: a `Treadmill` holds none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from backstride.service.config import Config, Service, find_config, state_directory
from backstride.service.local import LOCK, is_held
from backstride.service.recovery import CLAIM, UNKNOWN_AGE, FileLedger, write_durably
from backstride.service.settings import Treadmill

_LOG: Final = structlog.get_logger("backstride.recovery")

REACHED: Final = "treadmill.json"
"""In a treadmill's directory: how its machine is reached."""


def find_state(chosen: str | Path | None) -> Path:
    """`state_directory` of a configuration that may be wrong, as far as it can still be told."""
    path, given = find_config(chosen), None
    if path is not None:
        with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
            given = tomllib.loads(path.read_text(encoding="utf-8"))["service"]["state_directory"]
    known = Service(state_directory=given if isinstance(given, str) else None)
    return state_directory(Config(service=known, file=None if path is None else str(path)))


def remember(home: Path, treadmill: Treadmill) -> None:
    """Write how a treadmill is reached; nothing where it stands there already. A bad disk is reported.

    It is done before a claim is made, not at the start: the way to a belt that was left stays until that is
    settled, although a configuration that was changed meanwhile may lead to another machine.
    """
    path, content = home / REACHED, msgspec.json.encode(treadmill)
    try:
        if not path.exists() or path.read_bytes() != content:
            write_durably(path, content)
    except OSError as error:
        _LOG.error("how to reach the treadmill is not recorded", reason=str(error))


def find_strays(state: Path, known: Container[str] = ()) -> tuple[Treadmill, ...]:
    """The treadmills with a claim on their belt that are not `known`; what cannot be sought is reported.

    A claim as old as a day is not one on a moving belt: no treadmill is left walking for so long.
    """
    claims = sorted(state.glob(f"*/{CLAIM}"))
    found = [_recall(claim.parent) for claim in claims if claim.parent.name not in known]
    return tuple(treadmill for treadmill in found if treadmill is not None)


def find_left(state: Path) -> list[str]:
    """The treadmills whose belts were left moving by a daemon that is no more, and that no other one has."""
    claims = state.glob(f"*/{CLAIM}")
    return sorted(claim.parent.name for claim in claims if not is_held(claim.with_name(LOCK)))


def _recall(home: Path) -> Treadmill | None:
    claimed = FileLedger(home).load()
    if claimed is None or claimed[1] >= UNKNOWN_AGE:
        what = "a claim that is old or damaged is not followed: look at the belt, then remove it"
        _LOG.error(what, claim=str(home / CLAIM))
        return None
    try:
        return msgspec.json.decode((home / REACHED).read_bytes(), type=Treadmill)
    except (OSError, msgspec.DecodeError) as error:
        _LOG.critical(
            "a belt may be left moving and cannot be found: go and look",
            treadmill=home.name,
            reason=str(error),
        )
        return None
