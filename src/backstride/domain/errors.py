"""The one error root of Backstride, and the core's few leaves."""

from __future__ import annotations


class BackstrideError(Exception):
    """Anything Backstride refuses or cannot do.

    The message is one or two sentences for a person: what is wrong, and what to do next.
    """


class UnitError(BackstrideError):
    """A text is not a quantity of the wanted kind.

    Attributes:
        text: what was written.
        accepted: an example of what would be accepted.
    """

    def __init__(self, text: str, accepted: str) -> None:
        super().__init__(f"{text!r} is not understood; write for example {accepted}")
        self.text = text
        self.accepted = accepted


class PermitError(BackstrideError):
    """Somebody tried to make a permit outside the envelope: a defect of the program, never input."""


class TransitionError(BackstrideError):
    """A phase was asked for a transition that its table does not have: a defect, never input."""
