"""The hazards as data, and the code that they name."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec
from msgspec import Struct

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "safety" / "hazards.toml"


class Hazard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row. `weak` and `open` are sentences, and empty when there is nothing to say."""

    id: str
    title: str
    what: str
    seen: str
    answer: str
    rules: tuple[str, ...]
    proof: tuple[str, ...]
    residual: str
    weak: str = ""
    open: str = ""


class Catalogue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rows; `kinds` maps the beginning of a test's name to its kind, `meaning` explains the kinds."""

    kinds: dict[str, str]
    meaning: dict[str, str]
    hazard: tuple[Hazard, ...]

    def kind_of(self, test: str) -> str:
        """The kind of proof that a test is, by where it stands; "" when no entry fits."""
        fitting = [prefix for prefix in self.kinds if _begins(test, prefix)]
        return self.kinds[max(fitting, key=len)] if fitting else ""


def _begins(test: str, prefix: str) -> bool:
    return test == prefix or test.startswith((prefix + "/", prefix + "::"))


def load(path: Path = FILE) -> Catalogue:
    """Read the file.

    Raises:
        msgspec.ValidationError: a row lacks a field, or has one that nobody knows.
    """
    return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Catalogue)


def find(rule: str) -> ModuleType:
    """The module in which a rule's code stands.

    Raises:
        LookupError: there is no such code any more.
    """
    parts = rule.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name and not name.startswith(f"{error.name}."):
                raise
            continue
        found: object = module
        for part in parts[length:]:
            if not hasattr(found, part):
                raise LookupError(f"{rule}: {name} has no {part}")
            found = getattr(found, part)
        return module
    raise LookupError(f"{rule}: there is no such module")


def source_of(rule: str) -> str:
    """The file of a rule's code, from the root of the repository."""
    file = find(rule).__file__
    if file is None:
        raise LookupError(f"{rule}: it has no file")
    return str(Path(file).relative_to(ROOT))
