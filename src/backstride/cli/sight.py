"""What a watcher knows of the treadmills: folded from the messages of the broker. Pure.

`Screen` is the whole view model: `dashboard.render` makes a picture of it, and nothing else is looked at.
Times are ms of the watcher's own clock: it never trusts that two hosts agree on the time of day.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.session import ACTIVE, Phase
from backstride.domain.units import SECOND, Ms, Speed
from backstride.domain.workout import Facing
from backstride.mqtt.remote import News
from backstride.mqtt.schema import Connection, CueNote, Info, Programs, SessionSummary, State

TRAIL: Final[Ms] = 180 * SECOND
"""How much of the past the chart shows."""
STALE_MOVING: Final[Ms] = 3 * SECOND
"""State comes every second while the belt may move: three missed are too many."""
STALE_RESTING: Final[Ms] = 45 * SECOND
"""At rest it comes every 30 s."""
MESSAGE_LASTS: Final[Ms] = 10 * SECOND


class Point(Struct, frozen=True):
    """A moment of the past, for the chart. Speeds in 0.01 km/h; None is unknown."""

    at: Ms
    measured: Speed | None
    setpoint: Speed | None
    facing: Facing


class Said(Struct, frozen=True):
    """A cue, and when it was heard here."""

    at: Ms
    text: str


class Message(Struct, frozen=True):
    """What came of a command that was sent from here."""

    at: Ms
    text: str
    good: bool


class Sight(Struct, frozen=True, kw_only=True):
    """One treadmill as it is known here. `state_at` is when its newest state came."""

    id: str
    online: bool | None = None
    state: State | None = None
    state_at: Ms = 0
    info: Info | None = None
    connection: Connection | None = None
    programs: Programs | None = None
    summary: SessionSummary | None = None
    cue: Said | None = None
    trail: tuple[Point, ...] = ()

    def age(self, now: Ms) -> Ms | None:
        """How old the newest state is; None when there was none."""
        return None if self.state is None else max(now - self.state_at, 0)

    def is_stale(self, now: Ms) -> bool:
        """Whether what is known may no longer be true."""
        age = self.age(now)
        if age is None or self.online is False or self.state is None:
            return True
        return age > (STALE_MOVING if self.state.phase in ACTIVE else STALE_RESTING)

    @property
    def phase(self) -> Phase | None:
        """The phase that was last heard of."""
        return None if self.state is None else self.state.phase


class Screen(Struct, frozen=True, kw_only=True):
    """Everything that a live view shows. `trouble` is set while there is no broker."""

    now: Ms
    sights: tuple[Sight, ...] = ()
    selected: str | None = None
    trouble: str | None = None
    message: Message | None = None

    @property
    def sight(self) -> Sight | None:
        """The treadmill that is looked at and commanded."""
        chosen = next((s for s in self.sights if s.id == self.selected), None)
        return chosen or (self.sights[0] if self.sights else None)


def absorb(screen: Screen, news: News) -> Screen:
    """Fold one message in. What cannot be read is left out: another version may publish more."""
    known = {sight.id: sight for sight in screen.sights}
    sight = known.get(news.treadmill) or Sight(id=news.treadmill)
    try:
        known[news.treadmill] = _absorb(sight, news)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return screen
    ordered = tuple(known[name] for name in sorted(known))
    return replace(screen, sights=ordered, now=max(screen.now, news.at))


def _absorb(sight: Sight, news: News) -> Sight:
    decode = msgspec.json.decode
    match news.topic:
        case "availability":
            return replace(sight, online=news.payload == b"online")
        case "state":
            return _see(sight, decode(news.payload, type=State), news)
        case "info":
            return replace(sight, info=decode(news.payload, type=Info))
        case "connection":
            return replace(sight, connection=decode(news.payload, type=Connection))
        case "programs":
            return replace(sight, programs=decode(news.payload, type=Programs))
        case "session":
            return replace(sight, summary=decode(news.payload, type=SessionSummary))
        case "cue":
            return replace(sight, cue=Said(news.at, decode(news.payload, type=CueNote).text))
        case _:
            return sight


def _see(sight: Sight, state: State, news: News) -> Sight:
    facing = state.step.facing if state.step else Facing.FORWARD
    point = Point(news.at, _speed(state.speed.measured), _speed(state.speed.setpoint), facing)
    trail = tuple(p for p in sight.trail if news.at - p.at <= TRAIL)
    return replace(sight, state=state, state_at=news.at, trail=(*trail, point))


def _speed(kmh: float | None) -> Speed | None:
    return None if kmh is None else round(kmh * 100)
