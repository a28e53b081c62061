"""Why there is no broker, told when it is news: a log must not fill while a broker is away for a week."""

from __future__ import annotations

from typing import Final

import structlog

_log: Final = structlog.get_logger("backstride.mqtt")

REMINDED: Final = 100
"""Attempts in vain between two lines about the same trouble: 40 minutes at the longest pause [CHOICE]."""


class Outage:
    """The time without a broker. `tell` each attempt in vain, `end` when there is one."""

    def __init__(self) -> None:
        self._reason: str | None = None
        self._attempts = 0

    def tell(self, reason: str, *, protocol: str) -> None:
        """Log the reason if it is a new one, or has been the same for long."""
        if reason != self._reason:
            self._reason, self._attempts = reason, 0
        if self._attempts % REMINDED == 0:
            _log.warning("mqtt_lost", reason=reason, protocol=protocol, attempts=self._attempts + 1)
        self._attempts += 1

    def end(self) -> None:
        """The broker is there; the next trouble is a new one."""
        self._reason = None
