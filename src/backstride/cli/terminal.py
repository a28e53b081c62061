"""What all commands write to: one console for results, one for troubles, and JSON for scripts.

Colour goes only to a terminal and never against `NO_COLOR`; what is piped is plain and not cut off.
"""

from __future__ import annotations

import shutil
import sys
from typing import Final

import msgspec
from rich.console import Console
from rich.text import Text

PIPE_WIDTH: Final = 120
"""Columns when nobody looks: a table must not be squeezed into 80 for a file."""
NARROWEST: Final = 40


def make_console(*, stderr: bool = False) -> Console:
    """A console for this process's output as it is now."""
    stream = sys.stderr if stderr else sys.stdout
    width = (
        None
        if stream.isatty()
        else max(shutil.get_terminal_size((PIPE_WIDTH, 24)).columns, NARROWEST)
    )
    return Console(stderr=stderr, width=width, highlight=False, emoji=False)


def tell(sentence: str) -> None:
    """Write a sentence to standard output, in one line however long."""
    make_console().print(Text(sentence), soft_wrap=True)


def complain(sentence: str) -> None:
    """Write a trouble to standard error, in one line however long."""
    make_console(stderr=True).print(Text(sentence, style="red"), soft_wrap=True)


def quiet_logs() -> None:
    """Keep the service's log out of a command's output, but for what is broken."""
    from backstride.service.logs import configure
    from backstride.service.settings import LogFormat, LogLevel

    configure(LogFormat.AUTO, LogLevel.ERROR)


def print_json(value: object) -> None:
    """Write one JSON document to standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_json_line(value: object) -> None:
    """Write one JSON document as one line, at once."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
