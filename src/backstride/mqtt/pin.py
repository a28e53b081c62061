"""The PIN that a site may ask for before a belt is started.

Theory of operation
-------------------
A gym may want that only those start a belt who were shown how. The PIN goes with `start` and with nothing
else: whoever walks must be able to pause, confirm and above all stop without it.

- It is never kept. The configuration names a file with a salted hash of it, made by `backstride pin`.
- A PIN is short. What makes it hard to guess is that guessing is slow: after five wrong ones in a row
  nothing is looked at for a minute, after each further one for twice as long, up to an hour. The right
  one is refused meanwhile too; otherwise waiting would tell.
- Judging happens on the loop on which a stop arrives. So the hash costs 5 ms on a Raspberry Pi and not
  the second that a password's should: who can read the file knows the PIN in minutes either way, and is
  kept from it by the file's mode.
- Nothing here writes the PIN anywhere: no log, no answer, no journal, no exception has it.

Whoever may command the treadmill at the broker can lock `start` by guessing. That is their privilege
anyway; the broker's access list says who they are.

Pure but for the salt.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.domain.units import MINUTE, SECOND, Ms

SHORTEST: Final = 4
LONGEST: Final = 64
"""Characters; letters are welcome."""
ITERATIONS: Final = 10_000
"""Of PBKDF2 with SHA-256: see above."""
TRIES: Final = 5
"""Wrong ones in a row before the first pause."""
FIRST_PAUSE: Final[Ms] = 1 * MINUTE
LONGEST_PAUSE: Final[Ms] = 60 * MINUTE

_SALT_BYTES: Final = 16
_FORM: Final = re.compile(
    r"pbkdf2-sha256\$([1-9][0-9]{0,5})\$([0-9a-f]{16,64})\$([0-9a-f]{64})", re.ASCII
)
_MOST_ITERATIONS: Final = 50_000
"""More would hold up a stop that comes right behind: 25 ms on a Raspberry Pi 4."""


class PinError(BackstrideError):
    """This cannot be a PIN, or is no hash of one. The message does not repeat it."""


class PinHash(Struct, frozen=True):
    """What a PIN is recognised by."""

    iterations: int
    salt: bytes
    digest: bytes

    @classmethod
    def make(cls, pin: str) -> PinHash:
        """Make the hash of a new PIN.

        Raises:
            PinError: too short, too long, or not printable.
        """
        if not SHORTEST <= len(pin) <= LONGEST or not pin.isprintable() or pin != pin.strip():
            raise PinError(f"a PIN has {SHORTEST} to {LONGEST} characters, digits as a rule")
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(ITERATIONS, salt, _digest(pin, salt, ITERATIONS))

    @classmethod
    def nobody(cls) -> PinHash:
        """A hash that no PIN fits, for a site that asks for one which cannot be read."""
        return cls(1, secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(32))

    @classmethod
    def parse(cls, text: str) -> PinHash:
        """Read what `write` wrote.

        Raises:
            PinError: it is something else.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None or int(found[1]) > _MOST_ITERATIONS or len(found[2]) % 2:
            raise PinError("this is no hash of a PIN; `backstride pin` makes one")
        return cls(int(found[1]), bytes.fromhex(found[2]), bytes.fromhex(found[3]))

    def write(self) -> str:
        """Write it as one line, without its end."""
        return f"pbkdf2-sha256${self.iterations}${self.salt.hex()}${self.digest.hex()}"

    def fits(self, pin: str) -> bool:
        """Tell whether it is this PIN, in the same time whatever it is."""
        return hmac.compare_digest(_digest(pin, self.salt, self.iterations), self.digest)


class PinLock:
    """Lets a start pass with the right PIN. One per treadmill; forgets with the process."""

    def __init__(self, pin: PinHash) -> None:
        self._pin = pin
        self._wrong = 0
        self._closed_until: Ms = 0

    def refuse(self, pin: str | None, now: Ms) -> str | None:
        """Say why a start must not pass, for a person; None when it may."""
        if now < self._closed_until:
            wait = -(-(self._closed_until - now) // SECOND)
            return f"too many wrong PINs; try again in {wait} s"
        if not pin:
            return "this treadmill asks for a PIN; send JSON with `pin` to `command`"
        if len(pin) <= LONGEST and self._pin.fits(pin):
            self._wrong = 0
            return None
        self._wrong += 1
        over = self._wrong - TRIES
        if over < 0:
            return f"this is not the PIN; {-over} more and there is a pause"
        self._closed_until = now + min(FIRST_PAUSE << min(over, 10), LONGEST_PAUSE)
        return f"this is not the PIN; try again in {(self._closed_until - now) // SECOND} s"


def _digest(pin: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", pin.encode("utf-8", "replace"), salt, iterations)
