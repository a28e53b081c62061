"""From the bytes of a message to a checked command, or to the code of what is wrong with it.

A payload is hostile until shown otherwise: its size is bounded before it is looked at, and nothing
here costs more than a few microseconds. Pure.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from backstride.domain.errors import BackstrideError
from backstride.domain.events import Ask
from backstride.domain.units import Ms, Speed
from backstride.mqtt.schema import VERSION, CommandNote

LARGEST: Final = 4096
"""Bytes of a payload that are looked at; the longest sensible command has 400."""
ASKS: Final = {ask.value: ask for ask in Ask}

_SHORT: Final = 64
"""Bytes of a plain text in which the word alone means stop."""
_STOP_WORD: Final = re.compile(rb"\bstop\b", re.IGNORECASE)
_COMMAND_BEFORE: Final = re.compile(rb"""["']command["']\s*:\s*["']\s*\Z""")
_QUOTE_AFTER: Final = re.compile(rb"""\s*["']""")
_LOOK_BACK: Final = 40
"""Bytes before the word in which its key must stand."""
_LOOK_AT: Final = 64
"""How often the word is looked at in one payload, so that a thousand of it cost little."""
_LEGIBLE_ID: Final = re.compile(rb'"id"\s*:\s*"([A-Za-z0-9._:-]{1,64})"')
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_DECIMAL: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?", re.ASCII)
_FEEDBACK: Final = re.compile(r"([0-9]{1,2})(?: +([0-9]{1,2}))?", re.ASCII)
_FASTEST: Final = 100.0
"""km/h. No treadmill goes as fast; the limits in force are looked at later."""
_MS_FROM: Final = 10**11
"""A time stamp from here on is in ms: as seconds it would be the year 5138."""


class Code(StrEnum):
    """Why a command was not passed on; part of the contract."""

    RETAINED = "retained"
    """It was published with the retain flag."""
    STALE = "stale"
    """Its time stamp is too far from our clock."""
    UNPROVEN = "unproven"
    """It can set the belt in motion or make it faster, and does not prove that it is new."""
    FOREIGN_BOOT = "foreign_boot"
    """It was made for another life of the daemon."""
    WRONG_PHASE = "wrong_phase"
    """The session is not in the expected phase."""
    UNKNOWN_PROGRAM = "unknown_program"
    """No program has that id."""
    NO_WALKER = "no_walker"
    """Nobody here has that id, or they are to ask a professional first."""
    NO_PLAN = "no_plan"
    """The plan has no session now: nobody is named, it is not due, or not for this machine."""
    PIN = "pin"
    """This treadmill asks for a PIN, and it was missing, wrong, or guessed too often."""
    TOO_LARGE = "too_large"
    """The payload is longer than any command."""
    NOT_TEXT = "not_text"
    """The payload is not UTF-8."""
    NOT_JSON = "not_json"
    """The payload is no JSON object, or nested too deep."""
    BAD_VERSION = "bad_version"
    """`v` is not 1."""
    BAD_VALUE = "bad_value"
    """A value is missing, of the wrong type or out of range."""
    UNKNOWN_KEY = "unknown_key"
    """A key that no command has."""
    UNKNOWN_COMMAND = "unknown_command"
    """No command has that name."""


ERRORS: Final = frozenset(
    {
        Code.TOO_LARGE,
        Code.NOT_TEXT,
        Code.NOT_JSON,
        Code.BAD_VERSION,
        Code.BAD_VALUE,
        Code.UNKNOWN_KEY,
        Code.UNKNOWN_COMMAND,
    }
)
"""Not understood; the other codes are refusals of what was understood."""


class Inbound(Struct, frozen=True, kw_only=True):
    """One message as it came.

    `topic` is below the prefix: `command` or `command/start`. `payload` may have been cut after
    LARGEST bytes; `size` is its true length. `expiry` is what remains of the message expiry, in
    seconds.
    """

    topic: str
    payload: bytes
    size: int
    retain: bool = False
    expiry: int | None = None
    response_topic: str | None = None
    correlation: bytes | None = None


class CommandError(BackstrideError):
    """A message is no command, or one that is not obeyed; `code` says why."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def says_stop(topic: str, payload: bytes) -> bool:
    """Tell whether a message on a command topic asks to stop, in whatever form.

    On `command/stop` the payload does not matter. On `command` it is the word as plain text of at
    most 64 bytes (any case, UTF-16 too, also inside a JSON string or list), or `"command": "stop"`
    in something like JSON. The scalar topics of other commands say what they mean: a program may be
    called `stop`.
    """
    if topic != "command":
        return topic.rstrip("/").casefold() == "command/stop"
    head = payload[:LARGEST].replace(b"\0", b"").strip(b"\xff\xfe\xef\xbb\xbf \t\r\n")
    if head.startswith(b"{"):
        return _stop_in_json(head.lower()) or _escaped_stop(head)
    return len(head) <= _SHORT and _STOP_WORD.search(head) is not None


def may_say_stop(data: bytes) -> bool:
    """Tell quickly whether there is nothing in a piece of the stream that `says_stop` could accept."""
    # Three searches for bytes are twenty times quicker than one regular expression.
    low = data.lower()
    return b"stop" in low or b"\\u" in low or b"s\0t\0o\0p" in low


def _stop_in_json(head: bytes) -> bool:
    at = -1
    for _ in range(_LOOK_AT):
        at = head.find(b"stop", at + 1)
        if at < 0:
            return False
        before = head[max(at - _LOOK_BACK, 0) : at]
        if _COMMAND_BEFORE.search(before) and _QUOTE_AFTER.match(head, at + 4):
            return True
    return False


class _CommandOnly(Struct):
    command: str = ""


def _escaped_stop(head: bytes) -> bool:
    """Whether JSON that hides the word behind escapes means stop all the same."""
    if b"\\u" not in head:
        return False
    try:
        return msgspec.json.decode(head, type=_CommandOnly).command.strip().casefold() == "stop"
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return False


def legible_id(payload: bytes) -> str:
    """Find the id in a payload that may be broken; empty if there is none."""
    match = _LEGIBLE_ID.search(payload[:LARGEST])
    return match[1].decode("ascii") if match else ""


def decode_text(payload: bytes) -> str:
    """Decode a payload as UTF-8.

    Raises:
        CommandError: it is not.
    """
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandError(Code.NOT_TEXT, "the payload is not UTF-8 text") from None


def decode_command(payload: bytes) -> CommandNote:
    """Decode and check a JSON command of at most LARGEST bytes.

    Raises:
        CommandError: with the code of the first thing that is wrong.
    """
    decode_text(payload)
    try:
        note = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise _explain(payload, str(error)) from None
    except (msgspec.DecodeError, RecursionError):
        raise CommandError(Code.NOT_JSON, _example("the payload is not a JSON object")) from None
    if note.v != VERSION:
        raise CommandError(
            Code.BAD_VERSION, f"version {note.v} is not known here; send `v`: {VERSION}"
        )
    # msgspec's `$` lets a line feed pass, as Python's does.
    if not _ID.fullmatch(note.id):
        raise CommandError(Code.BAD_VALUE, "`id` has 1 to 64 letters, digits, dots, colons, - or _")
    return note


_decoder: Final = msgspec.json.Decoder(CommandNote)


def _explain(payload: bytes, error: str) -> CommandError:
    """Turn msgspec's account of what does not fit into a code and a sentence."""
    if "unknown field" in error:
        key = error.split("`")[1][:40] if "`" in error else "?"
        return CommandError(Code.UNKNOWN_KEY, _example(f"no command has the key `{key}`"))
    if error.endswith("`$.command`"):
        try:
            name = msgspec.json.decode(payload, type=_CommandOnly).command
        except (msgspec.MsgspecError, RecursionError):
            return CommandError(Code.BAD_VALUE, _example("`command` is not text"))
        return CommandError(Code.UNKNOWN_COMMAND, unknown_command(name))
    if not payload.lstrip().startswith(b"{"):
        return CommandError(Code.NOT_JSON, _example("the payload is not a JSON object"))
    return CommandError(Code.BAD_VALUE, _example(error[:200]))


def unknown_command(name: str) -> str:
    """Write the sentence for a name that is no command."""
    return f"{name[:40]!r} is no command; there are {', '.join(ASKS)}"


def _example(what: str) -> str:
    return f'{what}; write for example {{"v": 1, "id": "a1", "command": "pause"}}'


def parse_ts(ts: float | str) -> Ms:
    """Read a time stamp as ms since 1970."""
    if isinstance(ts, str):
        try:
            moment = datetime.fromisoformat(ts[:64])
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise CommandError(
                Code.BAD_VALUE,
                "`ts` is not a time; write seconds since 1970 or 2026-11-20T07:35:00Z",
            )
        return int(moment.timestamp() * 1000)
    if not abs(ts) < 10**15:
        raise CommandError(Code.BAD_VALUE, "`ts` is out of range; write seconds since 1970")
    return int(ts) if abs(ts) >= _MS_FROM else int(ts * 1000)


def as_speed(kmh: float) -> Speed:
    """Turn km/h into 0.01 km/h.

    Raises:
        CommandError: it is no speed that a treadmill has.
    """
    if not 0 <= kmh < _FASTEST:
        raise CommandError(Code.BAD_VALUE, "write a speed in km/h, like 2.4")
    return round(kmh * 100)


def parse_speed(text: str) -> Speed:
    """Read a speed in km/h, as 0.01 km/h."""
    if not _DECIMAL.fullmatch(text):
        raise CommandError(Code.BAD_VALUE, "write a speed in km/h, like 2.4")
    return as_speed(float(text))


def parse_switch(text: str) -> bool:
    """Read ON or OFF."""
    if text.upper() not in {"ON", "OFF"}:
        raise CommandError(Code.BAD_VALUE, "write ON or OFF")
    return text.upper() == "ON"


def parse_feedback(text: str) -> tuple[int, int | None]:
    """Read an effort (6 to 20), or an effort and a pain (0 to 10)."""
    match = _FEEDBACK.fullmatch(text)
    effort, pain = (int(match[1]), int(match[2] or 0)) if match else (0, 0)
    if match is None or effort not in range(6, 21) or pain not in range(11):
        raise CommandError(
            Code.BAD_VALUE, "write an effort from 6 to 20, and a pain from 0 to 10 behind it: 12 1"
        )
    return effort, pain if match[2] else None
