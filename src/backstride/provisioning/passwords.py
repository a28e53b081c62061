"""Passwords: made here, never chosen, and kept by the broker as hashes in mosquitto's own form.

`$7$<iterations>$<salt>$<hash>`: PBKDF2 with HMAC-SHA512, a hash of 64 bytes, salt and hash in base64
(mosquitto_passwd(1), since 2.0; 2.1 reads it too). The tests hold it against mosquitto itself.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

ITERATIONS: Final = 1_000
"""Of PBKDF2. What is guessed is 79 bits of chance and not a word, so a broker need not work hard for
each of its clients' connections."""
_SALT_BYTES: Final = 12
"""As mosquitto 2.0 writes it; it reads no longer one."""
_HASH_BYTES: Final = 64
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""No two of them look alike on a phone: no i, l, o, 0, 1."""
_GROUPS: Final = 4
_GROUP: Final = 4


def make_password() -> str:
    """Make a password that a person can read aloud and type: four groups of four, 79 bits."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def write_entry(name: str, password: str) -> str:
    """Write one line of mosquitto's password file, with its end."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, _HASH_BYTES)
    encoded = "$".join(base64.b64encode(part).decode() for part in (salt, digest))
    return f"{name}:$7${ITERATIONS}${encoded}\n"


def take_out(entries: str, name: str) -> str:
    """Take a name out of a password file; the rest stays as it is."""
    kept = [line for line in entries.splitlines() if line.partition(":")[0] != name]
    return "".join(f"{line}\n" for line in kept)
