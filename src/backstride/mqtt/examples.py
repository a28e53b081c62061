"""One example of everything that is said over MQTT, for the contract's document and for its test.

The commands are written here, each with the answer that it gets, in an order in which they make two
whole sessions. A test sends every one to a running daemon and compares. What the daemon publishes is
not written but received: `examples.json` is what that test recorded, shortened to a readable length.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.events import Ask
from backstride.domain.notices import Reply
from backstride.domain.phases import Phase
from backstride.mqtt.decode import LARGEST, Code

RECORDED: Final = Path(__file__).parent / "examples.json"
"""What was received while the examples were sent."""

BOOT: Final = "9f86d081"
"""The `boot` of the examples; the real one stands in `info`."""
SENT: Final = "2026-11-20T07:35:00Z"
"""The `ts` of the examples; the real one is the time of sending."""
PIN: Final = "4711"
EARLIER: Final = "2026-11-20T07:34:00Z"
"""The `ts` of a command that is too old."""


class Example(Struct, frozen=True, kw_only=True):
    """A message to a command topic, and how it is answered.

    `payload` is text, or the fields of a JSON object. It is sent while the session is in `phase`
    (and at `stage`, where the phase has some). With `stamped`, `ts` and `boot` are replaced by real
    ones when it is sent. `expiry` is the MQTT 5 message expiry in seconds. With `guarded` it goes to a
    treadmill that asks for the PIN of the examples.
    """

    name: str
    summary: str
    topic: str
    payload: str | dict[str, Any]
    phase: Phase
    code: str
    reply: Reply = Reply.OK
    stage: str | None = None
    stamped: bool = True
    expiry: int | None = None
    retain: bool = False
    guarded: bool = False

    @property
    def ask(self) -> str:
        """The command that it gives, or tries to."""
        if isinstance(self.payload, dict):
            return str(self.payload.get("command", ""))
        return self.topic.removeprefix("command").removeprefix("/")


class Published(Struct, frozen=True):
    """A message that was received, and what it shows."""

    name: str
    payload: Any


@cache
def published() -> dict[str, tuple[Published, ...]]:
    """What was received on each topic that Backstride publishes to."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, tuple[Published, ...]])


def answers() -> dict[str, Any]:
    """The response that each example got, by the example's name."""
    return {each.name: each.payload for each in published()["response"]}


def _fields(name: str, ask: Ask | str, **more: Any) -> dict[str, Any]:
    return {"v": 1, "id": f"phone-{name}", "command": str(ask), **more}


def _do(ask: Ask, phase: Phase, code: str, summary: str, name: str = "", **more: Any) -> Example:
    """A JSON command that is granted, stamped as every dashboard should stamp its own."""
    name, stage = name or str(ask), more.pop("stage", None)
    payload = _fields(name, ask, **more, ts=SENT, boot=BOOT)
    return Example(
        name=name, summary=summary, topic="command", payload=payload, phase=phase, stage=stage,
        code=code, expiry=10,
    )  # fmt: skip


def _no(
    code: str, summary: str, ask: Ask, phase: Phase = Phase.IDLE, name: str = "", **more: Any
) -> Example:
    """A JSON command that is refused."""
    name = name or code.replace("_", "-")
    stamped, retain = more.pop("stamped", True), more.pop("retain", False)
    return Example(
        name=name, summary=summary, topic="command", payload=_fields(name, ask, **more),
        phase=phase, reply=Reply.REFUSED, code=code, stamped=stamped, retain=retain,
    )  # fmt: skip


def _wrong(code: Code, summary: str, payload: str | dict[str, Any]) -> Example:
    """A message that is no command."""
    return Example(
        name=code.replace("_", "-"), summary=summary, topic="command", payload=payload,
        phase=Phase.IDLE, reply=Reply.ERROR, code=code,
    )  # fmt: skip


def _plain(
    ask: Ask, phase: Phase, code: str, summary: str, payload: str = "", **more: Any
) -> Example:
    """A command by its topic."""
    return Example(
        name=more.pop("name", f"{ask}-by-topic"), summary=summary, topic=f"command/{ask}",
        payload=payload, phase=phase, code=code, **more,
    )  # fmt: skip


TURNED: Final = "waiting for confirm"
"""The stage of `turning` in which the belt rests."""
PAUSED: Final = "paused"
"""The stage of `holding` in which the belt rests."""

REFUSALS: Final[tuple[Example, ...]] = (
    _wrong(Code.NOT_JSON, "something else than a JSON object", "faster, please"),
    _wrong(Code.BAD_VERSION, "a version that is not known", {**_fields("bad-version", Ask.PAUSE), "v": 2}),
    _wrong(Code.BAD_VALUE, "a value of the wrong type", _fields("bad-value", Ask.SPEED, speed="fast")),
    _wrong(Code.UNKNOWN_KEY, "a key that no command has", _fields("unknown-key", Ask.START, limit=9)),
    _wrong(Code.UNKNOWN_COMMAND, "a name that is no command", _fields("unknown-command", "sprint")),
    _wrong(Code.TOO_LARGE, f"more than {LARGEST} bytes", _fields("too-large", "x" * LARGEST)),
    _no(Code.STALE, "made a while ago, and held back somewhere", Ask.START, ts=EARLIER, stamped=False),
    _no(Code.UNPROVEN, "does not prove that it is new", Ask.START),
    _no(Code.FOREIGN_BOOT, "made before the daemon started anew", Ask.START, ts=SENT, boot="00000000",
        stamped=False),
    _no(Code.RETAINED, "published with the retain flag", Ask.START, ts=SENT, boot=BOOT, retain=True),
    _no(Code.UNKNOWN_PROGRAM, "a program that is not on offer", Ask.SELECT, program="everest"),
    _no(Code.NO_WALKER, "somebody who is not known here", Ask.WALKER, walker="nemo", ts=SENT, boot=BOOT),
    _no(Code.NO_PLAN, "the plan's session, and nobody is named", Ask.START, program="today", ts=SENT,
        boot=BOOT),
    _no(Code.WRONG_PHASE, "expects another phase", Ask.START, program="demo", expect="armed", ts=SENT,
        boot=BOOT, name="unexpected-phase"),
    _no("wrong_phase", "a command that this phase has no use for", Ask.PAUSE),
    _no("nothing_to_confirm", "a confirm without a start", Ask.CONFIRM, ts=SENT, boot=BOOT),
    _no("not_paused", "a continue without a pause", Ask.CONTINUE, ts=SENT, boot=BOOT),
    _no("locked", "a program that a coach must unlock", Ask.START, program="backward-jog", ts=SENT,
        boot=BOOT),
)  # fmt: skip
"""What is not obeyed, while nothing moves."""

SESSION: Final[tuple[Example, ...]] = (
    _do(Ask.WALKER, Phase.IDLE, "walker", "nobody in particular walks; else `walker` names who"),
    _do(Ask.SELECT, Phase.IDLE, "selected", "choose what `start` will arm", program="demo"),
    _do(Ask.VOICE, Phase.IDLE, "voice_off", "show the cues, say only alarms", on=False),
    _do(Ask.VOICE, Phase.IDLE, "voice_on", "say the cues again", name="voice-on", on=True),
    _do(Ask.START, Phase.IDLE, "armed", "arm a program; nothing moves", program="demo", expect="idle"),
    _no("other_program", "a confirm of another program than the armed one", Ask.CONFIRM, Phase.ARMED,
        program="first-steps", ts=SENT, boot=BOOT),
    _do(Ask.CONFIRM, Phase.ARMED, "countdown", "I stand on the rails, the clip is on", program="demo",
        expect="armed"),
    _do(Ask.SPEED, Phase.RUNNING, "adjusted", "wish for a speed in this step", speed=1.2),
    _do(Ask.FASTER, Phase.RUNNING, "adjusted", "one increment faster"),
    _do(Ask.SLOWER, Phase.RUNNING, "adjusted", "one increment slower"),
    _no("too_fast", "above a limit in force", Ask.SPEED, Phase.RUNNING, speed=9.0, ts=SENT, boot=BOOT),
    _no("too_slow", "below the machine's lowest speed", Ask.SPEED, Phase.RUNNING, speed=0.1, ts=SENT,
        boot=BOOT),
    _no("not_over", "how it was, before it is over", Ask.FEEDBACK, Phase.RUNNING, effort=12),
    _do(Ask.PAUSE, Phase.RUNNING, "pausing", "bring the belt to rest, keep the place"),
    _do(Ask.CONTINUE, Phase.HOLDING, "countdown", "go on after the pause", stage=PAUSED),
    _do(Ask.SKIP, Phase.RUNNING, "skipped", "on to the next step; here it is a turn"),
    _do(Ask.CONFIRM, Phase.TURNING, "countdown", "I have turned", name="confirm-a-turn", stage=TURNED),
    _do(Ask.PRESENT, Phase.RUNNING, "thanks", "answer to a check-in"),
    _do(Ask.FINISH, Phase.RUNNING, "cooldown", "go to the cool-down, then stop"),
    _do(Ask.STOP, Phase.RUNNING, "stopping", "stop now; nothing but the word is needed"),
    _do(Ask.FEEDBACK, Phase.FINISHED, "noted", "how hard it was, and how much it hurt", effort=11, pain=0),
    _do(Ask.ACKNOWLEDGE, Phase.FINISHED, "acknowledged", "I have seen how it ended"),
)  # fmt: skip
"""A whole session, in JSON."""

BY_TOPIC: Final[tuple[Example, ...]] = (
    _plain(Ask.START, Phase.IDLE, Code.UNPROVEN, "without an expiry it may be old", "demo",
           name="unproven-by-topic", reply=Reply.REFUSED),
    _plain(Ask.SELECT, Phase.IDLE, "selected", "the payload is a program's id", "demo"),
    _plain(Ask.WALKER, Phase.IDLE, "walker", "a walker's id, or nothing; needs an expiry", expiry=10),
    _plain(Ask.VOICE, Phase.IDLE, "voice_off", "ON or OFF", "OFF"),
    _plain(Ask.START, Phase.IDLE, "armed", "a program's id, or nothing for the selected one", "demo",
           expiry=10),
    _plain(Ask.CONFIRM, Phase.ARMED, "countdown", "needs an expiry of at most 10 s", expiry=10),
    _plain(Ask.SPEED, Phase.RUNNING, "adjusted", "km/h; needs an expiry of at most 10 s", "1.2", expiry=10),
    _plain(Ask.FASTER, Phase.RUNNING, "adjusted", "needs an expiry of at most 10 s", expiry=10),
    _plain(Ask.SLOWER, Phase.RUNNING, "adjusted", "no payload"),
    _plain(Ask.PAUSE, Phase.RUNNING, "pausing", "no payload"),
    _plain(Ask.CONTINUE, Phase.HOLDING, "countdown", "needs an expiry of at most 10 s", expiry=10,
           stage=PAUSED),
    _plain(Ask.SKIP, Phase.RUNNING, "skipped", "needs an expiry of at most 10 s", expiry=10),
    _plain(Ask.FINISH, Phase.TURNING, "finished", "no payload; the belt rests already", stage=TURNED),
    _plain(Ask.PRESENT, Phase.FINISHED, "thanks", "no payload"),
    _plain(Ask.STOP, Phase.FINISHED, "stopping", "any payload, any time, retained or not", "now!"),
    Example(name="stop-as-text", summary="the word alone will do", topic="command", payload="STOP",
            phase=Phase.FINISHED, code="stopping"),
    _plain(Ask.FEEDBACK, Phase.FINISHED, "noted", "an effort, or an effort and a pain", "12 1"),
    _plain(Ask.ACKNOWLEDGE, Phase.FINISHED, "acknowledged", "no payload"),
)  # fmt: skip
"""Another session, by topics of their own with plain text: for buttons and `mosquitto_pub`."""

GUARDED: Final[tuple[Example, ...]] = (
    replace(_no(Code.PIN, "this treadmill asks for a PIN", Ask.START, program="demo", ts=SENT, boot=BOOT),
            guarded=True),
    replace(_do(Ask.START, Phase.IDLE, "armed", "arm, where a PIN is asked for", name="start-with-pin",
                program="demo", pin=PIN), guarded=True),
)  # fmt: skip
"""At a treadmill with a PIN."""

EXAMPLES: Final = (*REFUSALS, *SESSION, *BY_TOPIC, *GUARDED)
"""All, in the order in which they can be sent to one daemon."""
