"""The message catalogues: take in new messages, drop old ones, put in what the CLDR knows, compile.

    .venv/bin/python tools/catalogues.py

Translators edit `src/backstride/locale/<language>/LC_MESSAGES/backstride.po`, with any editor for such
files; the messages with the context "unit" come from Babel. What is not translated yet is printed.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Literal

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.numbers import get_decimal_symbol
from babel.units import format_unit

from backstride.service import phrases
from backstride.service.languages import Language
from backstride.service.words import CATALOGUES, DOMAIN

type Length = Literal["short", "long"]
HEADER = "# What Backstride says. See tools/catalogues.py."


def units(language: Language) -> dict[str | tuple[str, str], str | tuple[str, ...]]:
    """What the CLDR says of numbers and units, by their messages."""

    def pattern(unit: str, length: Length, number: int = 2) -> str:
        shown = format_unit(number, unit, length, format="0", locale=language.value)
        return re.sub(r"\s", " ", shown).replace(str(number), "{0}")  # every voice knows a space

    def plural(unit: str) -> tuple[str, ...]:
        return pattern(unit, "long", 1), pattern(unit, "long")

    return {
        phrases.POINT: get_decimal_symbol(language.value),
        phrases.KMH: pattern("kilometer-per-hour", "short"),
        phrases.MPH: pattern("mile-per-hour", "short"),
        phrases.PERCENT: pattern("concentr-percent", "long"),
        phrases.SECONDS: plural("duration-second"),
        phrases.MINUTES: plural("duration-minute"),
    }


def update(language: Language, source: bytes) -> Catalog:
    """The catalogue of a language with exactly the messages that there are."""
    old = read_po(io.BytesIO(source), locale=language.value, domain=DOMAIN)
    new = Catalog(
        locale=language.value, domain=DOMAIN, project="Backstride", version="1", charset="utf-8",
        fuzzy=False, header_comment=HEADER, msgid_bugs_address="-", last_translator="-",
        language_team="-", creation_date=old.creation_date, revision_date=old.creation_date,
    )  # fmt: skip
    for message in sorted(phrases.MESSAGES):
        known = old.get(message)
        own = message if language is Language.ENGLISH else ""
        new.add(message, known.string if known and known.string else own)
    for unit, string in units(language).items():
        new.add(unit, string, context=phrases.UNIT)
    return new


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def folder(language: Language) -> Path:
    """Where the files of a language are."""
    return CATALOGUES / language.value / "LC_MESSAGES"


def main() -> int:
    """Update and compile all; 1 if something is not translated."""
    missing = 0
    for language in Language:
        path = folder(language) / f"{DOMAIN}.po"
        catalogue = update(language, path.read_bytes() if path.exists() else b"")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, catalogue, width=100, sort_output=True)
        path.with_suffix(".mo").write_bytes(compiled(catalogue))
        for message in catalogue:
            if message.id and not message.string:
                print(f"{language}: {message.id!r} is not translated")
                missing += 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
