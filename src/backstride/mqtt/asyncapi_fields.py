"""The payloads, field by field, for the page: from their JSON Schemas and the words beside their types."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from backstride.mqtt import schema
from backstride.mqtt.examples import published
from backstride.mqtt.schema_files import build_schema
from backstride.mqtt.words import explain

_PLAIN: Final = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
}


def row(*cells: object) -> str:
    """One row of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def describe_payloads() -> Iterator[str]:
    """The chapter about payloads, line by line."""
    yield "## Payloads"
    yield ""
    yield "Speeds are in km/h, inclines in %, times in seconds, time stamps in ISO 8601 with their offset."
    for name, kind in schema.PAYLOADS.items():
        yield ""
        yield f"### {name}"
        yield ""
        yield _unfold(kind.__doc__)
        yield ""
        yield row("field", "kind", "meaning")
        yield row("---", "---", "---")
        yield from _fields(build_schema(name)["$defs"], kind.__name__, "")
        if name != "command":
            yield from _example_of(name)


def _unfold(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n"))


def _fields(types: dict[str, Any], name: str, prefix: str) -> Iterator[str]:
    words = explain(_find(name))
    for field, node in types[name].get("properties", {}).items():
        kind, inner, hint = _kind(node, types)
        meaning = words.get(field) or node.get("description") or hint
        yield row(f"`{prefix}{field}`", kind, meaning)
        if inner is not None:
            below = (
                "[]"
                if kind.startswith("list")
                else ".<name>"
                if kind.startswith("object of")
                else ""
            )
            yield from _fields(types, inner, f"{prefix}{field}{below}.")


def _find(name: str) -> type:
    """The type of this name, in whichever module beside the payloads it stands."""
    modules = (module for module in sorted(sys.modules) if module.startswith(__package__ or ""))
    found = (getattr(sys.modules[module], name, None) for module in modules)
    return next(kind for kind in found if isinstance(kind, type))


def _kind(node: dict[str, Any], types: dict[str, Any]) -> tuple[str, str | None, str]:
    """The kind of a field in words, the name of the type inside it, and what that says of itself."""
    if "anyOf" in node:
        known = [each for each in node["anyOf"] if each.get("type") != "null"]
        kinds = [_kind(each, types) for each in known]
        names = list(dict.fromkeys(kind for kind, _, _ in kinds))
        null = ["null"] if len(known) < len(node["anyOf"]) else []
        return " or ".join([*names, *null]), kinds[0][1], kinds[0][2]
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        target = types[name]
        if "enum" in target:
            return _choice(target["enum"]), None, target.get("description", "")
        return "object", name, target.get("description", "").split("\n")[0]
    hint = node.get("description", "")
    if "enum" in node:
        return _choice(node["enum"]), None, hint
    if node.get("type") == "array":
        kind, inner, below = _kind(node["items"], types)
        return f"list of {kind}", inner, hint or below
    if isinstance(node.get("additionalProperties"), dict):
        kind, inner, below = _kind(node["additionalProperties"], types)
        return f"object of {kind}", inner, hint or below
    return _PLAIN.get(node.get("type", ""), "anything"), None, hint


def _choice(values: list[str]) -> str:
    return "a phase" if "offline" in values else " ".join(f"`{value}`" for value in values)


def _example_of(name: str) -> Iterator[str]:
    seen = published()[name]
    wanted = {"state": "running", "event": "alarm", "cue": "faster", "response": "speed"}
    chosen = next((each for each in seen if each.name == wanted.get(name)), seen[-1])
    yield ""
    yield "<details><summary>Received</summary>"
    yield ""
    yield "```json"
    yield json.dumps(chosen.payload, indent=1, ensure_ascii=False)
    yield "```"
    yield "</details>"
