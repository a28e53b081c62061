"""The messages of the AsyncAPI document, with their payloads and examples."""

from __future__ import annotations

from typing import Any, Final

from backstride.domain.notices import Reply
from backstride.mqtt import topics
from backstride.mqtt.asyncapi_codes import CODES
from backstride.mqtt.decode import LARGEST
from backstride.mqtt.examples import EXAMPLES, Example, answers, published
from backstride.mqtt.schema import PAYLOADS
from backstride.mqtt.topics import Direction

BINDING: Final = "0.2.0"
"""Version of the MQTT bindings."""
TITLES: Final = {
    "availability": "Commands are taken, or not",
    "connection": "The radio link",
    "info": "Daemon, machine and limits",
    "programs": "The programs on offer",
    "state": "Everything about this moment",
    "session": "The session's summary",
    "health": "Host, radio and daemon",
    "history": "The last sessions and weeks",
    "walkers": "Who may walk here",
    "plan": "The next session of the plan",
    "event": "Something happened",
    "cue": "Say and show this now",
    "response": "The answer to a command",
    "command": "A command",
}


def build_messages() -> dict[str, Any]:
    """Build every message by its name."""
    out = [topic for topic in topics.TABLE if topic.schema and topic.direction is Direction.OUT]
    messages = {
        topic.name: _message(topic.name, _seen(topic.name), id_at="/id")
        if topic is topics.RESPONSE
        else _message(topic.name, _seen(topic.name))
        for topic in out
    }
    messages["response"]["x-codes"] = {
        title: {each.code: {"meaning": each.meaning, "remedy": each.remedy} for each in table}
        for _, title, table in CODES
    }
    return {
        "availability": _text(
            "availability",
            "Commands are taken, or not",
            {"type": "string", "enum": ["online", "offline"]},
            _seen("availability"),
        ),
        **messages,
        **_command_messages(),
    }


def _command_messages() -> dict[str, Any]:
    sent = [each for each in EXAMPLES if shown(each) is not None]
    by_topic = [each for each in sent if each.topic != "command"]
    illegible = [each for each in sent if each.reply is Reply.ERROR]
    full = [each for each in sent if isinstance(each.payload, dict) and each not in illegible]
    words = [each for each in sent if each.name == "stop-as-text"]
    stop = {"type": "string", "pattern": "^ *[Ss][Tt][Oo][Pp] *$", "maxLength": 64}
    value = {
        "type": "string",
        "maxLength": 64,
        "description": "`start` and `select`: a program's id; `speed`: km/h; `voice`: ON or OFF;"
        " `feedback`: effort, or effort and pain.",
    }
    messages = {
        "command": _message("command", _asked(full), id_at="/id"),
        "stopWord": _text("stopWord", "The word alone stops", stop, _asked(words)),
        "illegible": {
            "name": "illegible",
            "title": "Anything else",
            "summary": f"Is answered with `error` and does nothing; at most {LARGEST} bytes are read.",
            "payload": {"description": "any bytes"},
            "examples": _asked(illegible),
        },
        "commandByTopic": _text(
            "commandByTopic",
            "The value that goes with the command, or nothing",
            value,
            _asked(by_topic),
        ),
    }
    for name, examples in zip(messages, (full, words, illegible, by_topic), strict=True):
        messages[name]["x-answers"] = _answered(examples)
    return messages


def _message(name: str, examples: list[dict[str, Any]], *, id_at: str = "") -> dict[str, Any]:
    kind = PAYLOADS[name]
    message: dict[str, Any] = {
        "name": name,
        "title": TITLES[name],
        "summary": " ".join((kind.__doc__ or "").split("\n\n", maxsplit=1)[0].split()),
        "contentType": topics.Content.JSON.value,
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "bindings": {"mqtt": {"payloadFormatIndicator": 1, "bindingVersion": BINDING}},
        "examples": examples,
    }
    if id_at:
        message["correlationId"] = {
            "location": f"$message.payload#{id_at}",
            "description": "The command's id comes back in its response.",
        }
    return message


def _text(
    name: str, summary: str, schema: dict[str, Any], examples: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "name": name,
        "title": summary,
        "contentType": topics.Content.TEXT.value,
        "payload": schema,
        "bindings": {"mqtt": {"payloadFormatIndicator": 1, "bindingVersion": BINDING}},
        "examples": examples,
    }


def shown(example: Example) -> str | dict[str, Any] | None:
    """The payload of an example as documents show it; None if it is too long to show."""
    return example.payload if len(str(example.payload)) < LARGEST else None


def _asked(examples: list[Example]) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "summary": f"{each.summary} (while {each.phase}): {each.reply}, {each.code}",
            "payload": shown(each),
        }
        for each in examples
    ]


def _answered(examples: list[Example]) -> dict[str, Any]:
    """How each example is sent, and the answer that it really got; an example has no room for that."""
    replies = answers()
    return {
        each.name: {
            "topic": each.topic,
            "retain": each.retain,
            "messageExpiryInterval": each.expiry,
            "response": replies.get(each.name),
        }
        for each in examples
    }


def _seen(topic: str) -> list[dict[str, Any]]:
    return [{"name": each.name, "payload": each.payload} for each in published().get(topic, ())]
