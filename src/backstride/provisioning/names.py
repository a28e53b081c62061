"""What may be part of a broker's files: their syntax has no way to quote, so nothing strange gets in."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Final

from backstride.provisioning.plan import ProvisioningError

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)
_PREFIX: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)*", re.ASCII)
_LONGEST_COMMON_NAME: Final = 64
"""Characters in a certificate's subject (X.520)."""


def check_name(text: str) -> str:
    """Return the name of a treadmill or of anybody else.

    Raises:
        ProvisioningError: it cannot be in a topic, an access list or a certificate.
    """
    if not _NAME.fullmatch(text):
        raise ProvisioningError(
            f"{text[:80]!r} cannot be a name; use small letters, digits and hyphens, at most 64,"
            ' for example "living-room"'
        )
    return text


def check_host(text: str) -> str:
    """Return a host's name or address.

    Raises:
        ProvisioningError: it is neither.
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    if not _HOST.fullmatch(text) or len(text) > _LONGEST_COMMON_NAME:
        raise ProvisioningError(
            f"{text[:80]!r} is no host; write a name or an address, for example broker.local or 192.168.1.10"
        )
    return text


def check_prefix(text: str) -> str:
    """Return the first levels of all topics.

    Raises:
        ProvisioningError: they cannot be a treadmill's.
    """
    if not _PREFIX.fullmatch(text) or "command" in text.split("/"):
        raise ProvisioningError(
            f'{text[:80]!r} is no prefix of topics; write for example "backstride"'
        )
    return text


def check_path(path: Path) -> Path:
    """Return a path as mosquitto's configuration can name it: absolute.

    Raises:
        ProvisioningError: it has characters that end a line, a comment or a string.
    """
    found = path.expanduser().absolute()
    text = str(found)
    if not text.isprintable() or any(sign in text for sign in '#"\\') or text != text.strip():
        raise ProvisioningError(
            f"{text[:80]!r} cannot stand in a configuration; choose a plainer path"
        )
    return found
