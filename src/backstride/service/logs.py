"""Structured logs: JSON for a journal, colour for a terminal. Events with fields, never sentences.

Every line that comes out of a treadmill's tasks says whose it is, whichever module wrote it, and while a
session lasts it carries the session's id: the one that history and exports have.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from backstride.service.settings import LogFormat, LogLevel

_LEVELS: Final = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}


_SESSIONS: Final[dict[str, str]] = {}
"""The session of each treadmill of this process, while it has one."""


def speak_for(treadmill: str) -> None:
    """Mark what this task and those that it starts will log as this treadmill's."""
    structlog.contextvars.bind_contextvars(treadmill=treadmill)


def name_session(treadmill: str, session: str | None) -> None:
    """Let a treadmill's lines carry a session's id from now on, or none any more."""
    if session is None:
        _SESSIONS.pop(treadmill, None)
    else:
        _SESSIONS[treadmill] = session


def add_session(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Add the session's id to a line (a processor)."""
    session = _SESSIONS.get(str(line.get("treadmill")))
    if session is not None:
        line.setdefault("session", session)
    return line


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
        add_session,
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
