"""The contract as a page for people: docs/mqtt.md, made from what the AsyncAPI document is made from.

`backstride contract --markdown > docs/mqtt.md` writes it; a test sees that it is current.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from backstride.domain.events import Ask
from backstride.domain.notices import Reply
from backstride.domain.phases import Phase
from backstride.mqtt import topics
from backstride.mqtt.asyncapi_codes import CODES
from backstride.mqtt.asyncapi_fields import describe_payloads, row
from backstride.mqtt.asyncapi_messages import shown
from backstride.mqtt.commands import FRESH, FRESH_EXPIRY, MEMORY, MUST_BE_NEW
from backstride.mqtt.decode import LARGEST
from backstride.mqtt.examples import EXAMPLES, Example, answers
from backstride.mqtt.schema import VERSION
from backstride.mqtt.topics import Direction, Topic
from backstride.mqtt.words import explain

FRESH_S: Final = FRESH // 1_000
_VALUES: Final = ("program", "speed", "on")
"""Keys that go with one command or another."""
_MUST_BE_NEW: Final = ", ".join(f"`{ask}`" for ask in Ask if ask in MUST_BE_NEW)

_TOP: Final = f"""\
# Backstride over MQTT

<!-- Made by `backstride contract --markdown`; a test keeps it current. Do not edit it here. -->

Everything that a dashboard needs to know: what is published, what can be asked, and how it is answered.
The same contract for programs is an [AsyncAPI](https://www.asyncapi.com) document, `backstride contract
--asyncapi`, and one JSON Schema for each payload, `backstride contract --schema state`; both come with the
package. Every example below was sent to a running daemon, or received from it, by the tests.

Backstride is not a safety device and its Stop is no emergency stop. Wear the safety clip.

## In a minute

A session from a terminal, for the treadmill `home`, on the broker's own machine:

```sh
mosquitto_sub -t 'backstride/home/#' -v                                    # follow everything
fresh='-V 5 -D publish message-expiry-interval {FRESH_EXPIRY}'
mosquitto_pub $fresh -t backstride/home/command/start -m demo              # arm; nothing moves
mosquitto_pub $fresh -t backstride/home/command/confirm -n                 # I stand on the rails
mosquitto_pub $fresh -t backstride/home/command/faster -n
mosquitto_pub -t backstride/home/command/stop -n                           # any time, in any form
```

Three rules make a good dashboard:

1. Subscribe to `backstride/<id>/#` and draw what `state` says, with its age. Never draw what you asked for.
2. Ask with JSON on `command`, with a new `id`, `ts` and the `boot` of `info`; show the answer's `sentence`.
3. Keep Stop on screen and enabled, whatever else is stale, and repeat it until the phase confirms it.
"""

_FRESHNESS: Final = f"""\
## What makes a command fresh

Brokers repeat themselves: retained messages, queues, bridges. So a command is judged before it is obeyed.

| rule | else |
| --- | --- |
| `stop` is obeyed in any form, of any age, retained or not, as often as it comes | |
| it was not published with the retain flag | `retained` |
| it is legible: at most {LARGEST} bytes of UTF-8, a JSON object without strange keys | an `error` |
| its `boot`, if it has one, is that of `info` | `foreign_boot` |
| its `id` is new; of the last {MEMORY} the answer is repeated, and nothing else happens | the old answer |
| its `ts`, if it has one, is within {FRESH_S} s of our clock, if a time service keeps that | `stale` |
| it expects the present phase, if it says `expect` | `wrong_phase` |
| {_MUST_BE_NEW} can make the belt move or go faster: one of the three proofs below | `unproven` |

1. `ts` within {FRESH_S} s, where the daemon's clock is kept by a time service; or
2. `boot` and a `ts` within {FRESH_S} s of the daemon's clock, whatever keeps it; or
3. `boot` and an MQTT 5 message expiry of at most {FRESH_EXPIRY} s.

**Send all of them: `id`, `ts`, `boot`, and an expiry of {FRESH_EXPIRY} s.** A command on a topic of its own
(`command/start`) has no room for them; there the expiry alone decides.
"""

_VERSIONS: Final = f"""\
## Versions

Each JSON payload carries `v`, now {VERSION}. Within a version fields are only added: a reader ignores what it
does not know, and a value that is not known is `null`, never 0. A command is checked strictly: a key that no
command has is an error. `info` lists the newest version of each payload, the commands and the capabilities.
"""


def page_text() -> str:
    """Write the whole page."""
    parts = (
        _TOP,
        "\n".join(_topics()),
        "\n".join(_phases()),
        "\n".join(_commands()),
        _FRESHNESS,
        "\n".join(_codes()),
        "\n".join(describe_payloads()),
        _VERSIONS,
    )
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _topics() -> Iterator[str]:
    yield "## Topics"
    yield ""
    yield (
        "All below `backstride/<id>`, unless the configuration names another `prefix`. QoS 1 throughout,"
        " no matter what a dashboard subscribes with."
    )
    yield ""
    yield row("topic", "", "retained", "expires", "what")
    yield row("---", "---", "---", "---", "---")
    for topic in topics.TABLE:
        incoming = topic.direction is Direction.IN
        yield row(
            f"`{topic.name.replace('+', '<name>')}`",
            "you ask" if incoming else "it says",
            "yes" if topic.retain else "never",
            _expiry(topic, incoming=incoming),
            f"[{topic.summary}](#{topic.schema})"
            if topic.schema and not incoming
            else topic.summary,
        )
    yield ""


def _expiry(topic: Topic, *, incoming: bool) -> str:
    if topic.expiry is None:
        return ""
    return f"at most {topic.expiry} s" if incoming else f"{topic.expiry} s"


def _phases() -> Iterator[str]:
    yield "## Phases"
    yield ""
    yield "`phase` in `state` and in each answer; the only thing that a dashboard should decide by."
    yield ""
    yield row("phase", "means")
    yield row("---", "---")
    for phase, meaning in explain(Phase).items():
        yield row(f"`{phase}`", meaning)
    yield ""


# -- commands --------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    yield "## Commands"
    yield ""
    yield (
        "As JSON on `command`, or as plain text on `command/<name>` for buttons and terminals. The answer"
        " goes to the MQTT 5 response topic that the command names, with its correlation data, else to"
        " `response`."
    )
    yield ""
    yield row("command", "what it does", "with", "as text")
    yield row("---", "---", "---", "---")
    for ask, meaning in explain(Ask).items():
        keys = [f"`{key}`" for key in _VALUES if key in _json_of(ask)]
        yield row(f"`{ask}`", meaning, ", ".join(keys), _text_of(ask))
    yield ""
    yield "### A session, message by message"
    yield ""
    yield (
        "Sent on `command` (`>`), and what came back (`<`): `reply`, `code`, `phase`, `sentence`. The whole"
        " form of an answer is [below](#response)."
    )
    yield ""
    yield from _transcript(
        each for each in EXAMPLES if each.topic == "command" and each.reply is Reply.OK
    )
    yield "### Refusals"
    yield ""
    yield "What is not obeyed is answered, too:"
    yield ""
    yield from _transcript(each for each in EXAMPLES if each.reply is not Reply.OK)


def _transcript(examples: Iterable[Example]) -> Iterator[str]:
    yield "```text"
    for number, example in enumerate(examples):
        if number:
            yield ""
        where = "" if example.topic == "command" else f" on {example.topic}"
        how = ", retained" if example.retain else ""
        yield f"# while {example.phase}{how}{where}: {example.summary}"
        yield f"> {_sent(example)}"
        answer = answers().get(example.name)
        if answer is not None:
            yield f"< {answer['reply']} {answer['code']} ({answer['phase']}): {answer['sentence']}"
    yield "```"
    yield ""


def _json_of(ask: str) -> dict[str, Any]:
    return next(
        example.payload
        for example in EXAMPLES
        if example.name == ask and isinstance(example.payload, dict)
    )


def _text_of(ask: str) -> str:
    example = next(example for example in EXAMPLES if example.name == f"{ask}-by-topic")
    if ask == Ask.STOP:
        return "anything"
    payload = f"`{example.payload}`" if example.payload else "nothing"
    return payload + (f", expiry {FRESH_EXPIRY} s" if example.expiry else "")


def _sent(example: Example) -> str:
    if isinstance(example.payload, str):
        return example.payload or "(nothing)"
    text = _compact(example.payload)
    return text if shown(example) is not None else f"{text[:60]}... ({len(text)} bytes)"


def _compact(payload: Any) -> str:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _codes() -> Iterator[str]:
    yield "## Answers, and what to do about them"
    yield ""
    yield (
        "`reply` is `ok`, `refused` (understood and not done) or `error` (not understood). `code` is for"
        " programs and stays; `sentence` is for people, says which limit or phase it was, and may change."
    )
    for reply, title, table in CODES:
        yield ""
        yield f"### {title} (`{reply}`)"
        yield ""
        remedies = any(each.remedy for each in table)
        yield row("code", "means", *(["what to do"] if remedies else []))
        yield row("---", "---", *(["---"] if remedies else []))
        for each in table:
            yield row(f"`{each.code}`", each.meaning, *([each.remedy] if remedies else []))
    yield ""
