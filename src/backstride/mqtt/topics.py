"""The topics of one treadmill, as data: what is said where, how, and for how long it is true.

Everything lives below one prefix, `backstride/<id>` unless configured. The table is the contract;
the link, the schemas and the documentation are read from it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

from backstride.domain.errors import BackstrideError

ROOT: Final = "backstride"
"""First level of the default prefix."""

_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_PREFIX: Final = re.compile(r"[^\s#+$/\x00-\x1f][^\s#+\x00-\x1f]{0,199}")
_WILDCARDS: Final = frozenset("#+\0")


class TopicError(BackstrideError):
    """An id or a prefix cannot be part of a topic.

    Attributes:
        text: what was written.
    """

    def __init__(self, text: str, sentence: str) -> None:
        super().__init__(sentence)
        self.text = text


class Direction(StrEnum):
    """Who speaks."""

    OUT = "out"
    """Backstride publishes."""
    IN = "in"
    """Backstride subscribes."""


class Content(StrEnum):
    """What the payload is, as the MQTT 5 content type says it."""

    JSON = "application/json"
    TEXT = "text/plain"


class Topic(Struct, frozen=True, kw_only=True):
    """One row of the table.

    `name` is below the prefix. `expiry` is in seconds, None for "as long as it is retained".
    `schema` names the JSON Schema of the payload, None for plain text.
    """

    name: str
    direction: Direction
    qos: int
    retain: bool
    content: Content
    summary: str
    expiry: int | None = None
    schema: str | None = None


def _out(name: str, summary: str, *, retain: bool = True, expiry: int | None = None) -> Topic:
    return Topic(
        name=name,
        direction=Direction.OUT,
        qos=1,
        retain=retain,
        content=Content.JSON,
        summary=summary,
        expiry=expiry,
        schema=name,
    )


STATE_EXPIRY: Final = 120
"""Seconds. State comes every 30 s at the latest; a dead daemon's last words must not look alive."""
CUE_EXPIRY: Final = 5
"""Seconds. What to say now is wrong later."""
RESPONSE_EXPIRY: Final = 10
"""Seconds. As long as a command may be old."""
EVENT_EXPIRY: Final = 300
"""Seconds. Events are numbered; a listener that was away for a moment still gets them."""

AVAILABILITY: Final = Topic(
    name="availability",
    direction=Direction.OUT,
    qos=1,
    retain=True,
    content=Content.TEXT,
    summary="`online` while commands are taken, else `offline` (also the will)",
)
CONNECTION: Final = _out("connection", "the radio link: up or down, since when and why")
INFO: Final = _out("info", "version, machine, limits in force, boot nonce")
PROGRAMS: Final = _out("programs", "the programs offered, with length and top speed")
STATE: Final = _out("state", "everything about this moment", expiry=STATE_EXPIRY)
SESSION: Final = _out("session", "the summary of the current or the last session")
HISTORY: Final = _out("history", "the last sessions and weeks, and whom to ask how it was")
WALKERS: Final = _out("walkers", "who may walk here, and who was chosen")
PLAN: Final = _out("plan", "the next session of the plan of whoever was chosen")
HEALTH: Final = _out("health", "how the host, the radio and the daemon are")
EVENT: Final = _out("event", "numbered events", retain=False, expiry=EVENT_EXPIRY)
CUE: Final = _out("cue", "what to say and show now", retain=False, expiry=CUE_EXPIRY)
RESPONSE: Final = _out(
    "response",
    "the answer to a command that named no response topic",
    retain=False,
    expiry=RESPONSE_EXPIRY,
)
COMMAND: Final = Topic(
    name="command",
    direction=Direction.IN,
    qos=1,
    retain=False,
    content=Content.JSON,
    summary="a command as JSON; never retained",
    expiry=10,
    schema="command",
)
SCALAR: Final = Topic(
    name="command/+",
    direction=Direction.IN,
    qos=1,
    retain=False,
    content=Content.TEXT,
    summary="a command by its topic; the payload is its value or nothing; never retained",
    expiry=10,
)

TABLE: Final[tuple[Topic, ...]] = (
    AVAILABILITY,
    CONNECTION,
    INFO,
    PROGRAMS,
    STATE,
    SESSION,
    HEALTH,
    HISTORY,
    WALKERS,
    PLAN,
    EVENT,
    CUE,
    RESPONSE,
    COMMAND,
    SCALAR,
)
BY_NAME: Final[dict[str, Topic]] = {topic.name: topic for topic in TABLE}


def check_id(text: str) -> str:
    """Return the id of a treadmill or a program if it may stand in a topic.

    Raises:
        TopicError: anything but 1 to 64 of a-z, 0-9 and hyphens, or a hyphen at an end.
    """
    if not _ID.fullmatch(text):
        raise TopicError(
            text,
            f"{text[:80]!r} cannot be an id; use small letters, digits and hyphens,"
            " for example `living-room`",
        )
    return text


def is_id(text: str) -> bool:
    """Tell whether a text is an id, without an error to build."""
    return _ID.fullmatch(text) is not None


def default_prefix(treadmill: str) -> str:
    """Build the prefix of a treadmill that configured none.

    Raises:
        TopicError: the id is none.
    """
    return f"{ROOT}/{check_id(treadmill)}"


def check_prefix(text: str) -> str:
    """Return a configured prefix if every topic below it is an ordinary one.

    Raises:
        TopicError: empty, too long, with wildcards, blanks, control characters, an empty level,
            a leading `$`, or a level `command`.
    """
    levels = text.split("/")
    if not _PREFIX.fullmatch(text) or "" in levels or "command" in levels:
        raise TopicError(
            text, f"{text[:80]!r} cannot be a topic prefix; write for example `{ROOT}/living-room`"
        )
    return text


def may_respond_to(topic: str, prefix: str) -> bool:
    """Tell whether an answer may go to the response topic that a stranger asked for.

    A response topic makes the daemon write where its author may not, so it must not look like a
    command, like another part of this or a neighbour's tree, or like Home Assistant's discovery.
    """
    levels = topic.split("/")
    if (
        not 0 < len(topic) <= 256
        or topic.startswith("$")
        or not topic.isprintable()
        or not _WILDCARDS.isdisjoint(topic)
        or "command" in levels
        or levels[0] == "homeassistant"
    ):
        return False
    parent = prefix.rsplit("/", 1)[0] + "/" if "/" in prefix else prefix
    if topic.startswith((parent, prefix + "/")) or topic == prefix:
        below = topic.removeprefix(parent).split("/")
        return "response" in below[:2]
    return True
