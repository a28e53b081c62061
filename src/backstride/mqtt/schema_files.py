"""JSON Schemas (2020-12) of the payloads, made from their types and shipped in `schemas/`.

`python -m backstride.mqtt.schema_files [DIRECTORY]` writes them; a test sees that the shipped ones
are current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from backstride.mqtt.schema import PAYLOADS

SCHEMA_HOST: Final = "https://backstride.invalid/schema"
"""An identifier, not a place: nothing is ever fetched from there."""


def build_schema(name: str) -> dict[str, Any]:
    """Build the JSON Schema (2020-12) of one payload from its type.

    What Backstride publishes always has every field, so all are required there; in a command only
    those without a default are.
    """
    (root,), components = msgspec.json.schema_components(
        [PAYLOADS[name]], ref_template="#/$defs/{name}"
    )
    if name != "command":
        for component in components.values():
            if "properties" in component:
                component["required"] = list(component["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_HOST}/{name}.schema.json",
        **root,
        "$defs": components,
    }


def schema_text(name: str) -> str:
    """Write the JSON Schema of one payload as it is shipped."""
    return json.dumps(build_schema(name), indent=2, ensure_ascii=False) + "\n"


def shipped_schema(name: str) -> Path:
    """Locate the shipped schema of one payload."""
    return Path(__file__).parent / "schemas" / f"{name}.schema.json"


def write_schemas(directory: Path) -> list[Path]:
    """Write all schemas into a directory and return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in PAYLOADS:
        path = directory / f"{name}.schema.json"
        path.write_text(schema_text(name), encoding="utf-8")
        paths.append(path)
    return paths


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "schemas")
