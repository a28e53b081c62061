"""The contract over MQTT as an AsyncAPI 3.1 document, made from the same types as the code.

Channels, QoS, retain flags and expiries come from `topics.TABLE`, payloads from `schema`, codes from
`asyncapi_codes`, examples from `examples`. `python -m backstride.mqtt.asyncapi [DIRECTORY]` writes the
document beside the schemas; a test sees that the shipped one is current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from backstride.domain.events import Ask
from backstride.mqtt import topics
from backstride.mqtt.asyncapi_messages import BINDING, TITLES, build_messages
from backstride.mqtt.client import LARGEST_PACKET
from backstride.mqtt.schema import PAYLOADS, VERSION
from backstride.mqtt.schema_files import build_schema
from backstride.mqtt.settings import KEEPALIVE_S
from backstride.mqtt.topics import Direction, Topic
from backstride.mqtt.words import explain

SHIPPED: Final = Path(__file__).parent / "schemas" / "asyncapi.json"
JSON_SCHEMA: Final = "application/schema+json;version=draft-2020-12"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PARAMETER: Final = "treadmill"

_DESCRIPTION: Final = """\
Backstride guides backward walking on a Bluetooth treadmill. This is everything that it says and hears
over MQTT, for one treadmill; a daemon with several speaks for each under its own id.

`action` is the daemon's: it **sends** what dashboards read, and **receives** commands.

- Every JSON payload carries `v`. Within a version fields are only added: ignore what you do not know.
- A value that is not known is `null`, never 0. Speeds are km/h, inclines %, times seconds.
- `stop` needs nothing: any form, any time, retained or not. Everything else must be fresh.
- It is not a safety device. Wear the safety clip."""

_TAGS: Final = {
    "status": "what stands around a session: daemon, radio, machine, programs",
    "session": "the session itself, moment by moment",
    "command": "what people and dashboards ask, and what they are told",
}
_TAG_OF: Final = {
    "availability": "status",
    "connection": "status",
    "info": "status",
    "programs": "status",
    "health": "status",
    "history": "status",
    "state": "session",
    "session": "session",
    "event": "session",
    "cue": "session",
}


def build_document() -> dict[str, Any]:
    """Build the whole document."""
    return {
        "asyncapi": "3.1.0",
        "id": "urn:backstride:mqtt",
        "info": {
            "title": "Backstride over MQTT",
            "version": f"{VERSION}.0.0",
            "description": _DESCRIPTION,
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
            "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        },
        "defaultContentType": topics.Content.JSON.value,
        "servers": _servers(),
        "channels": {_key(topic): _channel(topic) for topic in topics.TABLE},
        "operations": {_operation_key(topic): _operation(topic) for topic in topics.TABLE},
        "components": {
            "schemas": _schemas(),
            "messages": build_messages(),
            "parameters": _parameters(),
            "securitySchemes": _security(),
        },
    }


def document_text() -> str:
    """Write the document as it is shipped."""
    return json.dumps(build_document(), indent=1, ensure_ascii=False) + "\n"


def write_document(directory: Path) -> Path:
    """Write the document into a directory and return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / SHIPPED.name
    path.write_text(document_text(), encoding="utf-8")
    return path


def _servers() -> dict[str, Any]:
    bindings = {
        "mqtt": {
            "clientId": "backstride-{treadmill}",
            "cleanSession": True,
            "keepAlive": KEEPALIVE_S,
            "sessionExpiryInterval": 0,
            "maximumPacketSize": LARGEST_PACKET,
            "lastWill": {
                "topic": f"{topics.ROOT}/{{{PARAMETER}}}/{topics.AVAILABILITY.name}",
                "qos": topics.AVAILABILITY.qos,
                "retain": topics.AVAILABILITY.retain,
                "message": "offline",
            },
            "bindingVersion": BINDING,
        }
    }
    host = {"description": "host name or address of the broker", "default": "localhost"}
    return {
        "home": {
            "host": "{broker}:1883",
            "protocol": "mqtt",
            "protocolVersion": "5.0",
            "title": "A broker at home",
            "description": "MQTT 5, or 3.1.1 where the broker knows no better; name and password.",
            "variables": {"broker": host},
            "security": [{"$ref": "#/components/securitySchemes/password"}],
            "bindings": bindings,
        },
        "gym": {
            "host": "{broker}:8883",
            "protocol": "secure-mqtt",
            "protocolVersion": "5.0",
            "title": "A broker of many treadmills",
            "description": "TLS; each treadmill has a certificate of its own, which names its user.",
            "variables": {"broker": host},
            "security": [
                {"$ref": "#/components/securitySchemes/certificate"},
                {"$ref": "#/components/securitySchemes/password"},
            ],
            "bindings": bindings,
        },
    }


def _security() -> dict[str, Any]:
    return {
        "password": {
            "type": "userPassword",
            "description": "The broker's access list says who may read and who may command.",
        },
        "certificate": {
            "type": "X509",
            "description": "A client certificate; its common name is the user.",
        },
    }


def _parameters() -> dict[str, Any]:
    return {
        PARAMETER: {
            "description": "Id of the treadmill: a-z, 0-9 and hyphens, at most 64. The part of the"
            " address up to it is the prefix, which a configuration may replace.",
            "examples": ["living-room"],
        },
        "command": {
            "description": "\n".join(f"- `{ask}`: {text}" for ask, text in explain(Ask).items()),
            "enum": [ask.value for ask in Ask],
        },
    }


# -- channels and operations -----------------------------------------------------------------------


def _key(topic: Topic) -> str:
    return "commandByTopic" if topic is topics.SCALAR else topic.name


def _operation_key(topic: Topic) -> str:
    verb = "receive" if topic.direction is Direction.IN else "send"
    key = _key(topic)
    return f"{verb}{key[0].upper()}{key[1:]}"


def address(topic: Topic) -> str:
    """The address of a topic, with its parameters."""
    return f"{topics.ROOT}/{{{PARAMETER}}}/{topic.name.replace('+', '{command}')}"


def _channel(topic: Topic) -> dict[str, Any]:
    servers = [{"$ref": "#/servers/home"}, {"$ref": "#/servers/gym"}]
    names = [PARAMETER, "command"] if topic is topics.SCALAR else [PARAMETER]
    return {
        "address": address(topic),
        "title": TITLES.get(topic.name, "A command by its topic"),
        "description": _sentence(topic.summary),
        "servers": servers,
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in names},
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in _messages_of(topic)
        },
    }


def _messages_of(topic: Topic) -> tuple[str, ...]:
    if topic is topics.COMMAND:
        return "command", "stopWord", "illegible"
    return (_key(topic),)


def _operation(topic: Topic) -> dict[str, Any]:
    key = _key(topic)
    binding: dict[str, Any] = {
        "qos": topic.qos,
        "retain": topic.retain,
        "bindingVersion": BINDING,
    }
    if topic.expiry is not None:
        binding["messageExpiryInterval"] = topic.expiry
    operation: dict[str, Any] = {
        "action": "receive" if topic.direction is Direction.IN else "send",
        "channel": {"$ref": f"#/channels/{key}"},
        "title": TITLES.get(topic.name, "A command by its topic"),
        "summary": _sentence(topic.summary),
        "tags": [{"name": _TAG_OF.get(topic.name, "command")}],
        "bindings": {"mqtt": binding},
        "messages": [{"$ref": f"#/channels/{key}/messages/{name}"} for name in _messages_of(topic)],
    }
    if topic.direction is Direction.IN:
        operation["description"] = (
            "Subscribed with QoS 1, without retained messages and with their flag kept. The answer goes"
            " to the MQTT 5 response topic, or to `response` if none is named."
        )
        operation["reply"] = {
            "channel": {"$ref": "#/channels/response"},
            "messages": [{"$ref": "#/channels/response/messages/response"}],
        }
    return operation


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text[0].isalpha() else f"{text}."


# -- schemas ---------------------------------------------------------------------------------------


def _schemas() -> dict[str, Any]:
    """Every type of every payload once, with references that hold inside this document."""
    found: dict[str, Any] = {}
    for name in PAYLOADS:
        for component, schema in build_schema(name)["$defs"].items():
            found[component] = {
                "schemaFormat": JSON_SCHEMA,
                "schema": {"$schema": DIALECT, **_relocate(schema)},
            }
    return dict(sorted(found.items()))


def _relocate(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: f"#/components/schemas/{value.removeprefix('#/$defs/')}/schema"
            if key == "$ref"
            else _relocate(value)
            for key, value in node.items()
        }
    return [_relocate(each) for each in node] if isinstance(node, list) else node


if __name__ == "__main__":
    write_document(Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED.parent)
