"""What cannot be read is a value, not an exception; it is counted, and logged now and then."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Final

import structlog
from msgspec import Struct

from backstride.domain.units import MINUTE, Ms
from backstride.ports import Clock

_LOG: Final = structlog.get_logger("backstride.ftms")

QUIET: Final[Ms] = 1 * MINUTE
"""Between two log lines of the same kind: a machine that sends rubbish does so five times a second."""


class Flaw(StrEnum):
    """Why something that arrived was not used as it is."""

    SHORT = "short"
    """Fewer bytes than the smallest frame of its kind."""
    CUT = "cut"
    """Ends before its flags say; what came before the cut was used."""
    UNKNOWN = "unknown"
    """A code that FTMS 1.0 does not define, or defines for other machines."""
    SENSELESS = "senseless"
    """Well formed, but its values contradict each other."""
    DUPLICATE = "duplicate"
    """The same bytes twice within an instant."""
    ABANDONED = "abandoned"
    """Parts of a telemetry record whose end never came."""
    EARLY = "early"
    """Telemetry from before the connection was ready."""
    LATE = "late"
    """An answer to a procedure that nobody waits for any more."""
    REPEATED = "repeated"
    """An answer that was given before."""
    MISMATCHED = "mismatched"
    """An answer to a procedure that was not sent."""
    AMBIGUOUS = "ambiguous"
    """An answer that may belong to this procedure or to an earlier one that was given up."""


_ORDINARY: Final = frozenset({Flaw.DUPLICATE, Flaw.EARLY})
"""Happen with good machines on good days: counted, but no reason to warn anybody."""


class Rejected(Struct, frozen=True):
    """A frame that could not be read."""

    flaw: Flaw
    frame: bytes


class Tally:
    """Counts flaws by kind, such as `data.cut` or `answer.late`, and logs them rate limited."""

    def __init__(self, clock: Clock, **context: str | None) -> None:
        self._clock = clock
        self._log = _LOG.bind(**context)
        self._counts: Counter[str] = Counter()
        self._logged: dict[str, Ms] = {}

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind was seen, over all connections."""
        return dict(self._counts)

    def add(self, origin: str, flaw: Flaw, frame: bytes) -> None:
        """Count one flaw of `origin`, such as `data` or `status`."""
        kind = f"{origin}.{flaw}"
        self._counts[kind] += 1
        now = self._clock.now()
        last = self._logged.get(kind)
        if last is None or now - last >= QUIET:
            self._logged[kind] = now
            log = self._log.debug if flaw in _ORDINARY else self._log.warning
            log("frame flawed", kind=kind, frame=frame.hex(" "), count=self._counts[kind])
