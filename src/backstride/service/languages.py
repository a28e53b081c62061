"""The languages in which Backstride can speak: those that have a message catalogue."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """What cues can be said in, by its code."""

    ENGLISH = "en"
    NORWEGIAN = "no"
    GERMAN = "de"
    SPANISH = "es"
    FRENCH = "fr"


def read_language(code: str | None) -> Language | None:
    """The language with this code; None for none, and for one that we do not speak."""
    return next((language for language in Language if language.value == code), None)
