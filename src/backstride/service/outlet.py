"""Everything that a session says to the outside: states, cues, events, answers, and the log's lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

import structlog
from msgspec import Struct

from backstride.domain.events import Event, Tick
from backstride.domain.notices import Alarm, Answer, Cue, Moved, Notice, Refused, Reply
from backstride.domain.session import ACTIVE, Phase, Session
from backstride.domain.units import SECOND, Ms
from backstride.domain.workout import Program
from backstride.mqtt import schema
from backstride.mqtt.reception import SparseLog
from backstride.ports import Bus, Publication
from backstride.service.clock import WallClock
from backstride.service.training import Training
from backstride.service.view import View, same

MOVING_STATE: Final[Ms] = 1 * SECOND
IDLE_STATE: Final[Ms] = 30 * SECOND
"""The state is published at least this often, changed or not."""
REQUESTS_S: Final = 1.0
"""At most one line of log in this time for each kind of request that was granted."""
COUNTS: Final[Ms] = 10 * SECOND
"""Refusals are counted in the info at most this often: a flood must not become one of ours."""
LIVELY: Final = ACTIVE | {Phase.ARMED, Phase.HANDED_OVER}
"""Phases in which time matters by the tenth of a second."""


class Outlet:
    """One treadmill's voice. `stage` and `trouble` say how far the link is and why it is not up.

    `rssi`, `refused`, `demands` and `training` are what `Ports` has under these names.
    """

    def __init__(
        self,
        view: View,
        bus: Bus,
        wall: WallClock,
        programs: tuple[Program, ...],
        *,
        stage: Callable[[], str],
        trouble: Callable[[], str | None],
        rssi: Callable[[], int | None],
        refused: Callable[[], dict[str, int]],
        demands: tuple[str, ...],
        training: Training | None,
    ) -> None:
        self._view = view
        self._bus = bus
        self._wall = wall
        self._programs = programs
        self._stage = stage
        self._trouble = trouble
        self._rssi = rssi
        self._sparse = SparseLog(REQUESTS_S, treadmill=view.treadmill)
        self._refused = refused
        self._demands = demands
        self._counted: dict[str, int] = {}
        self._counted_at: Ms = 0
        self._log = structlog.get_logger("backstride.session").bind(treadmill=view.treadmill)
        self._shown: schema.State | None = None
        self._shown_at: Ms = 0
        self._training = training
        self._trained: tuple[object, ...] = ()
        self._link_shown: tuple[bool, int, str, str | None] | None = None

    def tell(self, notice: Notice) -> None:
        """Pass on one notice."""
        self._view.note(notice)
        bus, stamp = self._bus, self._wall.stamp
        match notice:
            case Answer():
                bus.answer(notice)
                if notice.reply is Reply.OK:  # the bus logs the others
                    self._sparse.tell(
                        "request", notice.code, id=notice.id or None, phase=notice.phase
                    )
            case Cue():
                payload = schema.encode(self._view.cue(notice, stamp()))
                bus.publish(Publication("cue", payload, cue=notice.number))
            case Alarm():
                note = self._view.event(
                    stamp(), "alarm", notice.sentence, cause=notice.cause, action=notice.action
                )
                bus.publish(Publication("event", schema.encode(note)))
                self._log.warning("alarm", cause=notice.cause, action=notice.action)
            case Moved():
                sentence = f"{notice.before} to {notice.after}"
                note = self._view.event(stamp(), "moved", sentence, trigger=notice.trigger)
                bus.publish(Publication("event", schema.encode(note)))
                self._log.info(
                    "phase", before=notice.before, after=notice.after, trigger=notice.trigger
                )
            case Refused():
                note = self._view.event(stamp(), "refused", notice.sentence, rule=notice.rule)
                bus.publish(Publication("event", schema.encode(note)))
                self._log.error("gate refused", command=notice.command, rule=notice.rule)
            case _:
                assert_never(notice)

    def publish(self, before: Session, after: Session, event: Event, now: Ms) -> None:
        """Publish what changed: the state at each change and now and then, the rest when it differs."""
        stamp = self._wall.stamp
        pause = MOVING_STATE if after.phase in LIVELY else IDLE_STATE
        due = self._shown is None or now - self._shown_at >= pause
        moved = before.phase is not after.phase
        if moved or due or not isinstance(event, Tick):
            state = self._view.state(after, now, stamp())
            if due or not same(self._shown, state):
                self._send("state", state)
                self._shown, self._shown_at = state, now
        self._publish_link(after, stamp)
        if (before.linked, before.epoch) != (after.linked, after.epoch) or after.bus > before.bus:
            self._publish_info(after, now)
            self._publish_programs(after)
        elif before.envelope is not after.envelope:
            self._publish_info(after, now)
        elif before.selected is not after.selected:
            self._publish_programs(after)
        self._publish_training(after)
        if now - self._counted_at >= COUNTS and self._refused() != self._counted:
            self._publish_info(after, now)
            self._log.warning("commands refused so far", refused=self._counted)
        if moved and after.program is not None:
            summary = self._view.summary(after, stamp())
            if summary is not None:
                self._send("session", summary)

    def _publish_info(self, session: Session, now: Ms) -> None:
        self._counted, self._counted_at = self._refused(), now
        self._send("info", self._view.info(session, self._demands, self._counted))

    def _publish_programs(self, session: Session) -> None:
        offered = self._view.programs(session, self._programs)
        self._send("programs", self._training.join(offered) if self._training else offered)

    def _publish_training(self, session: Session) -> None:
        """Who may walk and what their plan has: when anything of it changes."""
        if self._training is None:
            return
        self._training.follow()
        if (version := self._training.version()) == self._trained:
            return
        self._trained = version
        self._send("walkers", self._training.walkers())
        self._send("plan", self._training.plan())
        self._publish_programs(session)

    def _publish_link(self, session: Session, stamp: Callable[[], str]) -> None:
        """The link is published when it changes, and when the reason why there is none does."""
        stage, trouble = self._stage(), self._trouble()
        link = session.linked, session.epoch, stage, trouble
        if link != self._link_shown:
            self._link_shown = link
            shown = self._view.connection(
                session, stamp(), stage=stage, reason=trouble, rssi=self._rssi()
            )
            self._send("connection", shown)

    def _send(self, topic: str, payload: Struct) -> None:
        self._bus.publish(Publication(topic, schema.encode(payload), retain=True))
