"""The form of a commissioning sheet as JSON Schema 2020-12, for editors and for programs that read sheets.

`python -m backstride.service.sheetschema` writes it; the file that ships is compared with it by a test.
That `unlocked` follows from `findings` cannot be said in a schema; the reader sees to it.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from backstride.domain.commissioning import Check, OnLinkLoss, Proof
from backstride.domain.machine import BeltStart
from backstride.service.sheet import IDENTITY, NONE, RANGE, UNLOCKED, VERSION

FILE: Final = "sheet.schema.json"
"""Its name beside the virtual machines."""

type Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string", "pattern": r"\S"}
_YES_NO: Final[Schema] = {"enum": ["yes", "no"]}


def schema() -> Schema:
    """The whole schema."""
    unlocked: dict[str, Schema] = dict(
        zip(
            UNLOCKED,
            (_words(*BeltStart), _YES_NO, _YES_NO, _words(*OnLinkLoss)),
            strict=True,
        )
    )
    finding = _record({"proof": _words(*Proof), "figure": _TEXT})
    speed, incline = _range("km/h"), _range("%")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Backstride commissioning sheet",
        "description": "What was proven on one treadmill; written by `backstride commission`.",
        **_record(
            {
                "sheet": {"const": int(VERSION)},
                "machine": _TEXT,
                "date": {"type": "string", "format": "date"},
                "who": _TEXT,
                "identity": _record(dict.fromkeys(IDENTITY, _TEXT)),
                "speed": speed,
                "incline": {"oneOf": [{"const": NONE}, incline]},
                "unlocked": _record(unlocked),
                "findings": _record({check.value: {"$ref": "#/$defs/finding"} for check in Check}),
            }
        ),
        "$defs": {"finding": finding},
    }


def render() -> str:
    """The text of the file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _record(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _range(unit: str) -> Schema:
    quantity = {"type": "string", "pattern": rf"^-?[0-9]+(\.[0-9]+)? {unit}$"}
    return _record(dict.fromkeys(RANGE, quantity))


def _words(*words: str) -> Schema:
    return {"enum": [str(word) for word in words]}


if __name__ == "__main__":
    sys.stdout.write(render())
