"""The unsafe variants as data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Edit:
    """One replacement in one file; `before` must occur exactly once."""

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class Variant:
    """A defect: what it is, the hazards that it opens, why, and the tests that must notice it."""

    id: str
    hazards: tuple[str, ...]
    why: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


class AnchorError(LookupError):
    """The text that a variant replaces is not there exactly once."""


def catalogue() -> tuple[Variant, ...]:
    """Every variant, in the order of the files."""
    return tuple(
        Variant(
            id=entry["id"],
            hazards=tuple(entry["hazards"]),
            why=entry["why"],
            edits=tuple(Edit(**edit) for edit in entry["edits"]),
            tests=tuple(entry["tests"]),
        )
        for path in sorted(HERE.glob("*.toml"))
        for entry in tomllib.loads(path.read_text())["variant"]
    )


def broken(variant: Variant, root: Path = ROOT) -> dict[str, str]:
    """The files that the variant changes, with their new text.

    Raises:
        AnchorError: a place is gone, or there is more than one.
    """
    texts: dict[str, str] = {}
    for edit in variant.edits:
        text = texts.get(edit.file) or (root / edit.file).read_text()
        found = text.count(edit.before)
        if found != 1:
            raise AnchorError(f"{variant.id}: in {edit.file} its anchor is there {found} times")
        texts[edit.file] = text.replace(edit.before, edit.after)
        compile(texts[edit.file], edit.file, "exec", dont_inherit=True)
    return texts
