"""Structured logs: JSON for a journal, colour for a terminal. Events with fields, never sentences."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Final

import structlog
from structlog.typing import Processor

from backstride.service.settings import LogFormat, LogLevel

_LEVELS: Final = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}


class _Pen:
    """Writes a line to stderr. A log that cannot be written must not stop a session, nor its Stop."""

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(message + "\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = msg


def configure(form: LogFormat, level: LogLevel) -> None:
    """Send all logs to stderr, one event a line."""
    colour = form is LogFormat.COLOUR or (form is LogFormat.AUTO and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if colour
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: _Pen(),
        # Module loggers exist before this is called and must follow it, so nothing is cached.
        cache_logger_on_first_use=False,
    )
    # Libraries speak through logging; what they warn of belongs in the same place.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s", force=True)
