"""What a message on a command topic is: a request, or an answer that refuses it.

Theory of operation
-------------------
Anybody who reaches the broker can write here, and a broker repeats itself: retained messages at
each subscription, queued ones after an outage, late ones through a bridge. So a message is judged
before it becomes a `Request`, by rules that need no trust in its author:

1. `stop` is always a request: as JSON, as plain text, in any case, as garbage on `command/stop`, of
   any age, retained or not, with any id or none, as often as it comes. The rest is about the
   others.
2. Retained: refused. Nothing that is stored on a broker may act.
3. Not legible (size, encoding, JSON, unknown key, wrong type): an error that says what is wrong.
4. `boot` of another life of the daemon: refused.
5. An id that was seen before: the stored answer again, and nothing else. 256 ids are remembered.
6. `ts` more than 10 s from our clock: refused, if our clock is synchronised; else it cannot be
   judged.
7. `start`, `confirm` and `continue` set the belt in motion; `speed`, `faster` and `skip` can make it
   faster, the last by a step that is; `walker` can lead to wider limits. They must prove that they are
   new, so that an old one can never work, whatever repeats it:
     - `ts` within 10 s of a synchronised clock; or
     - `boot` of this life and `ts` within 10 s of our clock, synchronised or not; or
     - `boot` of this life and an MQTT 5 message expiry of at most 10 s, which the broker counts
       down. `boot` alone is not enough: a message of this life may have waited in a bridge for
       minutes.
   What slows down, ends or only tells needs no proof.
8. `expect` names a phase: refused in any other one.
9. `start` needs the PIN where the site asks for one; see `pin`. Judged last, so that only what would
   have passed counts as a try, and a repeated message counts once.

The scalar topics (`command/start`, payload a program's id) carry no id, no `ts` and no `boot`.
There the seven of rule 7 need a message expiry of at most 10 s, which `mosquitto_pub -V 5 -D publish
message-expiry-interval 10` sets. A site whose broker has no bridge may configure `trust_scalars` and
do without.

Pure: no clock, no I/O. What is remembered is bounded in number and size.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.events import Ask, Request
from backstride.domain.notices import Answer, Reply
from backstride.domain.units import SECOND, Ms
from backstride.domain.workout import Program
from backstride.mqtt.decode import (
    ASKS,
    ERRORS,
    LARGEST,
    Code,
    CommandError,
    Inbound,
    as_speed,
    decode_command,
    decode_text,
    legible_id,
    parse_feedback,
    parse_speed,
    parse_switch,
    parse_ts,
    says_stop,
    unknown_command,
)
from backstride.mqtt.people import Names, People
from backstride.mqtt.pin import PinLock
from backstride.mqtt.schema import CommandNote

FRESH: Final[Ms] = 10 * SECOND
"""How far a time stamp may be from our clock, either way."""
FRESH_EXPIRY: Final = 10
"""Longest remaining message expiry, in seconds, that proves a message new."""
MEMORY: Final = 256
"""How many ids are remembered."""

MUST_BE_NEW: Final = frozenset(
    {Ask.WALKER, Ask.START, Ask.CONFIRM, Ask.CONTINUE, Ask.SPEED, Ask.FASTER, Ask.SKIP}
)
"""What can set the belt in motion, lead to it, or make it faster; another walker's limits may be wider."""
_VALUES: Final = {Ask.SPEED: ("speed",), Ask.VOICE: ("on",), Ask.FEEDBACK: ("effort", "pain")}
"""What goes with a command and with no other; one of them must be there."""


class Moment(Struct, frozen=True):
    """When a message came: `at` on the session's clock, `wall` in ms since 1970.

    `synchronised` says whether `wall` is worth anything.
    """

    at: Ms
    wall: Ms
    synchronised: bool


class Route(Struct, frozen=True):
    """Where the answer goes: a topic that the author named, or None for the default."""

    topic: str | None = None
    correlation: bytes | None = None
    source: str = ""
    """The command topic from which it came, for the log."""
    urgent: bool = False
    """The answer is to a stop."""


DEFAULT_ROUTE: Final = Route()


class Accepted(Struct, frozen=True):
    """Pass this request on; the session will answer it."""

    request: Request
    route: Route


class Rejected(Struct, frozen=True):
    """Send this answer; nothing else happens."""

    answer: Answer
    route: Route


class Repeated(Struct, frozen=True):
    """A known id: repeat the stored answer, or wait for it when there is none yet."""

    answer: Answer | None
    route: Route


type Judgement = Accepted | Rejected | Repeated


class Desk:
    """Judges messages and remembers ids and answers. One per treadmill.

    Args:
        programs: finds a program by its id.
        phase: the session's present phase.
        boot: the nonce of this life.
        trust_scalars: no scalar command needs a message expiry.
        pin: asks for a PIN before `start`; None asks for none.
        people: who may walk, and what their plan has; None knows nobody.
    """

    def __init__(
        self,
        *,
        programs: Callable[[str], Program | None],
        phase: Callable[[], str],
        boot: str,
        trust_scalars: bool = False,
        pin: PinLock | None = None,
        people: People | None = None,
    ) -> None:
        self._names = Names(programs, people)
        self._phase = phase
        self._boot = boot
        self._trust_scalars = trust_scalars
        self._pin = pin
        self._answers: OrderedDict[str, Answer | None] = OrderedDict()
        self._routes: OrderedDict[str, Route] = OrderedDict()
        self._serial = 0

    def judge(self, message: Inbound, when: Moment, route: Route = DEFAULT_ROUTE) -> Judgement:
        """Judge one message. Never raises for anything a message contains."""
        if says_stop(message.topic, message.payload):
            return self._stop(message, when, route)
        try:
            return self._judge(message, when, route)
        except CommandError as fault:
            reply = Reply.ERROR if fault.code in ERRORS else Reply.REFUSED
            return Rejected(
                Answer(
                    id=legible_id(message.payload),
                    reply=reply,
                    code=fault.code.value,
                    sentence=fault.sentence,
                    phase=self._phase(),
                ),
                route,
            )

    def settle(self, answer: Answer) -> Route:
        """Store the session's answer for duplicates, and say where it goes."""
        if answer.id in self._answers:
            self._answers[answer.id] = answer
        return self._routes.pop(answer.id, DEFAULT_ROUTE)

    def _stop(self, message: Inbound, when: Moment, route: Route) -> Accepted:
        # Not remembered: the next stop with the same id is as good as this one.
        name = legible_id(message.payload) or self._next_id("stop")
        request = Request(at=when.at, id=name, ask=Ask.STOP, source=_source(message))
        route = replace(route, urgent=True)
        self._expect_answer(name, route)
        return Accepted(request, route)

    def _judge(self, message: Inbound, when: Moment, route: Route) -> Judgement:
        if message.retain:
            raise CommandError(
                Code.RETAINED, "a retained command is never obeyed; publish it without retain"
            )
        if message.size > LARGEST:
            raise CommandError(Code.TOO_LARGE, f"a command has at most {LARGEST} bytes")
        if message.topic == "command":
            return self._judge_json(message, when, route)
        return self._judge_scalar(message, when, route)

    def _judge_json(self, message: Inbound, when: Moment, route: Route) -> Judgement:
        note = decode_command(message.payload)
        if note.boot is not None and note.boot != self._boot:
            raise CommandError(
                Code.FOREIGN_BOOT,
                "this command was made before the daemon started anew; send it again",
            )
        if note.id in self._answers:
            return Repeated(self._answers[note.id], route)
        age = None if note.ts is None else when.wall - parse_ts(note.ts)
        self._check_age(note, age, message, when)
        values = _values(note)
        values["walker"] = walker = self._names.find_walker(note.command, note.walker)
        program = self._names.find_program(note.command, note.program, walker)
        phase = self._phase()
        if note.expect is not None and note.expect != phase:
            fault = f"the session is {phase}, not {note.expect[:40]}; look again and decide"
            return self._refuse(note.id, Code.WRONG_PHASE, fault, route)
        if (wrong := self._judge_pin(note.command, note.pin, when)) is not None:
            return self._refuse(note.id, Code.PIN, wrong, route)
        self._remember(note.id, None)
        self._expect_answer(note.id, route)
        request = Request(
            at=when.at, id=note.id, ask=note.command, program=program, source=_source(message), **values
        )  # fmt: skip
        return Accepted(request, route)

    def _refuse(self, request_id: str, code: Code, sentence: str, route: Route) -> Rejected:
        """Refuse and remember it: when the message comes again it could fit, or count again."""
        answer = Answer(
            id=request_id,
            reply=Reply.REFUSED,
            code=code.value,
            sentence=sentence,
            phase=self._phase(),
        )
        self._remember(request_id, answer)
        return Rejected(answer, route)

    def _judge_pin(self, ask: Ask, pin: str | None, when: Moment) -> str | None:
        """Say why a start does not pass; None for everything else."""
        if ask is not Ask.START:
            if pin is not None:
                raise CommandError(Code.BAD_VALUE, f"`pin` goes with start, not with {ask}")
            return None
        return None if self._pin is None else self._pin.refuse(pin, when.at)

    def _check_age(self, note: CommandNote, age: Ms | None, message: Inbound, when: Moment) -> None:
        if age is not None and when.synchronised:
            if abs(age) > FRESH:
                which = "old" if age > 0 else "ahead of our clock"
                raise CommandError(
                    Code.STALE, f"this command is {abs(age) // SECOND} s {which}; send it again"
                )
            return
        if note.command not in MUST_BE_NEW:
            return
        timely = age is not None and abs(age) <= FRESH
        if note.boot is not None and (timely or _expires_soon(message)):
            return
        if not when.synchronised:
            wanted = "`boot` from `info`, and `ts` or a message expiry of at most 10 s"
        else:
            wanted = "`ts`, the time at which it was sent"
        raise CommandError(
            Code.UNPROVEN, f"`{note.command}` must prove that it is new; add {wanted}"
        )

    def _judge_scalar(self, message: Inbound, when: Moment, route: Route) -> Judgement:
        name = message.topic.removeprefix("command/")
        ask = ASKS.get(name)
        if ask is None:
            raise CommandError(Code.UNKNOWN_COMMAND, unknown_command(name))
        if ask in MUST_BE_NEW and not self._trust_scalars and not _expires_soon(message):
            raise CommandError(
                Code.UNPROVEN,
                f"`{ask}` must prove that it is new; set an MQTT 5 message expiry of at most"
                f" {FRESH_EXPIRY} s, or send JSON with `ts` to `command`",
            )
        text = decode_text(message.payload).strip()
        program, values = None, dict[str, Any]()
        if ask in {Ask.START, Ask.SELECT}:
            values["walker"] = walker = self._names.find_walker(ask, None)
            program = self._names.find_program(ask, text or None, walker)
            if (wrong := self._judge_pin(ask, None, when)) is not None:
                raise CommandError(Code.PIN, wrong)
        elif ask is Ask.WALKER:
            values["walker"] = self._names.find_walker(ask, text or None)
        elif ask is Ask.SPEED:
            values["speed"] = parse_speed(text)
        elif ask is Ask.VOICE:
            values["on"] = parse_switch(text)
        elif ask is Ask.FEEDBACK:
            values["effort"], values["pain"] = parse_feedback(text)
        request_id = self._next_id(ask)
        self._expect_answer(request_id, route)
        request = Request(
            at=when.at, id=request_id, ask=ask, program=program, source=_source(message), **values
        )  # fmt: skip
        return Accepted(request, route)

    def _remember(self, request_id: str, answer: Answer | None) -> None:
        self._answers[request_id] = answer
        if len(self._answers) > MEMORY:
            self._answers.popitem(last=False)

    def _expect_answer(self, request_id: str, route: Route) -> None:
        self._routes.pop(request_id, None)
        self._routes[request_id] = route
        if len(self._routes) > MEMORY:
            self._routes.popitem(last=False)

    def _next_id(self, ask: str) -> str:
        self._serial += 1
        return f"{ask}:{self._boot[:8]}:{self._serial}"


def _values(note: CommandNote) -> dict[str, Any]:
    """The values that go with a command, each only with its own."""
    for ask, keys in _VALUES.items():
        given = [key for key in keys if getattr(note, key) is not None]
        if bool(given) is not (note.command is ask):
            which = f"`{given[0]}` goes with `{ask}`" if given else f"`{ask}` needs `{keys[0]}`"
            raise CommandError(Code.BAD_VALUE, which)
    values = {key: getattr(note, key) for key in _VALUES.get(note.command, ())}
    if note.speed is not None:
        values["speed"] = as_speed(note.speed)
    return values


def _source(message: Inbound) -> str:
    return f"mqtt:{message.topic[:64]}"


def _expires_soon(message: Inbound) -> bool:
    return message.expiry is not None and message.expiry <= FRESH_EXPIRY
