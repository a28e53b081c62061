"""The form of a program as JSON Schema 2020-12, for editors.

`python -m backstride.scripts.schema` writes it; the file that ships is compared with it by a test. The
schema accepts all that the reader accepts. What it cannot say (sums, neighbours, limits that
depend on other keys) stays with the reader and `backstride check`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Final

from backstride.scripts import form
from backstride.scripts.form import EFFORTS, Field, Key
from backstride.scripts.kinds import Schema

FILE: Final = "program.schema.json"
"""Its name beside the shipped programs."""


def schema() -> Schema:
    """The whole schema."""
    head = _record(form.HEAD)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Backstride program",
        "description": "An interval script for guided backward walking on a treadmill.",
        **head,
        "$defs": {
            "steps": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "oneOf": [
                        {"$ref": "#/$defs/step"},
                        {"$ref": "#/$defs/turn"},
                        {"$ref": "#/$defs/repeat"},
                    ]
                },
            },
            "step": {
                "title": "A step",
                **_record(form.STEP),
                "allOf": [_exactly_one(list(EFFORTS)), _exactly_one([Key.SPEED, Key.RAMP])],
            },
            "turn": {"title": "A turn", **_record(form.TURN)},
            "repeat": {"title": "A repeat", **_record(form.REPEAT)},
        },
    }


def render() -> str:
    """The text of the file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _record(fields: Mapping[Key, Field]) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key.value for key, field in fields.items() if field.required],
        "properties": {key.value: _field(field) for key, field in fields.items()},
    }


def _field(field: Field) -> Schema:
    content = {"$ref": "#/$defs/steps"} if field.kind is None else field.kind.schema()
    return {"description": field.about, **content}


def _exactly_one(keys: list[Key]) -> Schema:
    return {"oneOf": [{"required": [key.value]} for key in keys]}


if __name__ == "__main__":
    sys.stdout.write(render())
