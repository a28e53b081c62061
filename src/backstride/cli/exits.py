"""Exit codes: part of the contract with scripts."""

from __future__ import annotations

from enum import IntEnum

from backstride.domain.errors import BackstrideError


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    """Done."""
    REFUSED = 1
    """Understood and not done; or `check` found a problem; or something failed."""
    USAGE = 2
    """The command line or the configuration is wrong."""
    NO_BROKER = 3
    """The MQTT broker cannot be reached or does not let us in."""
    NO_ANSWER = 4
    """The daemon did not answer."""


class CommandFailedError(BackstrideError):
    """A command ends here, with this exit code; the message is for a person."""

    def __init__(self, sentence: str, code: Exit = Exit.REFUSED) -> None:
        super().__init__(sentence)
        self.code = code


class NotYoursError(CommandFailedError):
    """Files are the service's own. Who calls the command adds how it was typed, with sudo before it."""

    def __init__(self, place: object) -> None:
        super().__init__(f"{place} is the service's own")
