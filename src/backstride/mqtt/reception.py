"""What happens to a message from a command topic: judged, passed on, answered, counted.

All of it runs in the call in which the reader found the message; nothing waits. A stop goes to the
sink in that same call. If stops come faster than one in 20 ms, the last of each 20 ms does: the
belt is being stopped already, and a flood of stops must not become a flood of events.

What is not obeyed, here or by the session, is counted by the code of its answer, and logged. It is
answered too, but not without end: answers wait for one another at the broker, and a flood of them
would keep cues and the answer to a stop waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog
from msgspec import Struct

from backstride.domain.events import Ask, Request
from backstride.domain.notices import Answer, Reply
from backstride.domain.units import Ms
from backstride.mqtt import topics
from backstride.mqtt.commands import Accepted, Desk, Moment, Rejected, Repeated, Route
from backstride.mqtt.decode import Inbound
from backstride.mqtt.intake import Bucket
from backstride.mqtt.outbox import Item, Outbox
from backstride.mqtt.schema import ResponseNote, encode
from backstride.ports import Clock, Sink

STOP_SPACING_S: Final = 0.02
"""Stops closer than this are one stop: far below anything a belt can notice."""
LARGEST_CORRELATION: Final = 256
"""Bytes of correlation data that are kept for an answer; a UUID as text has 36."""
FLOOD: Final = "flood"
"""Counted among the refusals: what came faster than people and dashboards command, and was not read."""
LOGGED: Final = 80
"""Characters of a topic that are logged."""
LOG_SPACING_S: Final = 10.0
"""At most one line of each kind in this time, with the number of those left out: 20 kinds of refusal
without end are some 30 MB a day."""

_log: Final = structlog.get_logger("backstride.mqtt")


class Taken(Struct):
    """What became of the commands, since the start of the process."""

    accepted: int = 0
    refused: int = 0
    """Understood and not passed on: retained, stale, unproven, wrong phase, unknown program."""
    errors: int = 0
    """Not understood."""
    duplicates: int = 0
    stops_merged: int = 0


class SparseLog:
    """Logs at most one line in `spacing` s of each event and kind: a flood must not fill the disk.

    A kind is one of few: never text from outside.
    """

    def __init__(self, spacing: float = LOG_SPACING_S, **bound: str) -> None:
        self._spacing = spacing
        self._log = _log.bind(**bound)
        self._last: dict[str, tuple[float, int]] = {}

    def warn(self, event: str, kind: str, **fields: Any) -> None:
        """Log a warning, or count it for the next line."""
        self._write(self._log.warning, event, kind, fields)

    def tell(self, event: str, kind: str, **fields: Any) -> None:
        """Log what is in order, or count it for the next line."""
        self._write(self._log.info, event, kind, fields)

    def _write(self, write: Callable[..., Any], event: str, kind: str, fields: Any) -> None:
        key = f"{event}:{kind}"
        last, hidden = self._last.get(key, (float("-inf"), 0))
        now = loop_now()
        if now - last < self._spacing:
            self._last[key] = (last, hidden + 1)
            return
        self._last[key] = (now, 0)
        write(event, kind=kind, left_out=hidden, **fields)


class Reception:
    """Takes messages and gives requests to the sink, and answers to the outbox.

    Args:
        desk: judges.
        outbox: takes the answers.
        prefix: the treadmill's prefix.
        clock: stamps the requests.
        wall: the time of day in ms since 1970.
        synchronised: whether `wall` can be trusted.
        phase: the session's present phase.
        log: for what is refused.
    """

    def __init__(
        self,
        *,
        desk: Desk,
        outbox: Outbox,
        prefix: str,
        clock: Clock,
        wall: Callable[[], Ms],
        synchronised: Callable[[], bool],
        phase: Callable[[], str],
        log: SparseLog,
    ) -> None:
        self.sink: Sink | None = None
        self.taken = Taken()
        self.refusals: dict[str, int] = {}
        """Commands that were not obeyed, by the code of the answer."""
        self._desk = desk
        self._outbox = outbox
        self._prefix = prefix
        self._clock = clock
        self._wall = wall
        self._synchronised = synchronised
        self._phase = phase
        self._log = log
        self._stop_at = float("-inf")
        self._late_stop: Request | None = None
        self._spare_answers = Bucket()
        """For answers that may be left out: to what was refused, and to stops that were merged."""

    def take(self, message: Inbound) -> None:
        """Judge one message and act on it. Returns at once."""
        route = self._route(message)
        when = Moment(self._clock.now(), self._wall(), self._synchronised())
        match self._desk.judge(message, when, route):
            case Accepted(request=request) if request.ask is Ask.STOP:
                self._take_stop(request)
            case Accepted(request=request):
                self._pass_on(request)
            case Rejected(answer=answer, route=route):
                if answer.reply is Reply.ERROR:
                    self.taken.errors += 1
                else:
                    self.taken.refused += 1
                self._note_refusal(answer, route)
                if self._spare_answers.take(loop_now()):
                    self._respond(answer, route)
            case Repeated(answer=stored, route=route):
                self.taken.duplicates += 1
                if stored is not None:
                    self._respond(stored, route)

    def answer(self, answer: Answer) -> None:
        """Send the session's answer to wherever its author asked for it."""
        route = self._desk.settle(answer)
        if answer.reply is not Reply.OK:
            self._note_refusal(answer, route)
            if not self._spare_answers.take(loop_now()):
                return
        self._respond(answer, route)

    def _note_refusal(self, answer: Answer, route: Route) -> None:
        self.refusals[answer.code] = self.refusals.get(answer.code, 0) + 1
        self._log.warn(
            "mqtt_command_refused", answer.code, source=route.source, id=answer.id or None
        )

    def _take_stop(self, request: Request) -> None:
        now = loop_now()
        if self._late_stop is None and now - self._stop_at >= STOP_SPACING_S:
            self._stop_at = now
            self._pass_on(request)
            return
        if self._late_stop is None:
            wait = self._stop_at + STOP_SPACING_S - now
            asyncio.get_running_loop().call_later(wait, self._pass_late_stop)
        else:
            self.taken.stops_merged += 1
            answer = _merged(self._late_stop, self._phase())
            route = self._desk.settle(answer)
            if self._spare_answers.take(now):
                self._respond(answer, route)
        self._late_stop = request

    def _pass_late_stop(self) -> None:
        request, self._late_stop = self._late_stop, None
        if request is not None:
            self._stop_at = loop_now()
            self._pass_on(request)

    def _pass_on(self, request: Request) -> None:
        self.taken.accepted += 1
        if self.sink is not None:
            self.sink(request)

    def _route(self, message: Inbound) -> Route:
        topic, correlation = message.response_topic, message.correlation
        if correlation is not None and len(correlation) > LARGEST_CORRELATION:
            correlation = None
        if topic is not None and not topics.may_respond_to(topic, self._prefix):
            self._log.warn("mqtt_response_topic_refused", "topic", topic=topic[:LOGGED])
            topic = None
        return Route(topic, correlation, message.topic[:LOGGED])

    def _respond(self, answer: Answer, route: Route) -> None:
        note = ResponseNote(
            id=answer.id or None,
            reply=answer.reply,
            code=answer.code,
            sentence=answer.sentence,
            phase=answer.phase,
        )
        self._outbox.put(
            Item(
                topic=route.topic or f"{self._prefix}/{topics.RESPONSE.name}",
                payload=encode(note),
                qos=topics.RESPONSE.qos,
                retain=False,
                put_at=loop_now(),
                expiry=topics.RESPONSE.expiry,
                content=topics.RESPONSE.content.value,
                correlation=route.correlation,
                urgent=route.urgent,
            )
        )


def _merged(request: Request, phase: str) -> Answer:
    return Answer(
        id=request.id,
        reply=Reply.OK,
        code="stop",
        sentence="a stop is under way already",
        phase=phase,
    )


def loop_now() -> float:
    """Read the loop's clock, in seconds."""
    return asyncio.get_running_loop().time()
