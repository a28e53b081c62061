"""The heart rate of a session and its ceiling: above it nothing rises, and then the belt slows down.

Theory of operation
-------------------
The ceiling is below 85 % of the walker's highest heart rate, as told; without that there is none. Above it
for HOLD_AFTER the session holds, as for any doubt; above it for EASE_AFTER the hold lowers the belt step by
step down to the machine's lowest speed; a hold of END_AFTER ends the session with a ramp down.

A hold for the heart ends when the rate has been RELIEF below the ceiling for CALM_TIME, by the word of
whoever was above it: an unknown rate ends no hold, nor does a treadmill's grip sensor answer for a strap.
What was lowered stays lowered: the trim keeps the setpoint at what the belt does, until a person asks for
more, and whatever rises later in the program is announced anew.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from backstride.domain import cues
from backstride.domain.failsafe import Action, Cause, Finding
from backstride.domain.heart import PULSE_AGE, Heart, Source, is_pulse, rest
from backstride.domain.session import Draft, Session
from backstride.domain.units import SECOND, Ms
from backstride.domain.workout import setpoint

SHARE: Final = 85
"""The rate stays below this much of the walker's highest, in % (progression, facts on gait)."""
HOLD_AFTER: Final[Ms] = 5 * SECOND
"""Above the ceiling this long: hold. One wild reading is no reason [CHOICE]."""
EASE_AFTER: Final[Ms] = 20 * SECOND
"""Above it this long: slow down step by step [CHOICE]."""
END_AFTER: Final[Ms] = 300 * SECOND
"""And not down again after this long: ramp down and stop [CHOICE]."""
RELIEF: Final = 5
"""A hold ends this much below the ceiling, 1/min [CHOICE]."""
CALM_TIME: Final[Ms] = 10 * SECOND
"""After this long [CHOICE]."""
LOST_AFTER: Final[Ms] = 20 * SECOND
"""A walker with a ceiling is told when their pulse is unknown for this long [CHOICE]."""


def heart_rate_of(s: Session) -> int | None:
    """The heart rate, 1/min: the strap's while it is fresh, else the treadmill's own; None if unknown."""
    worn = _of_strap(s)
    return _of_treadmill(s) if worn is None else worn


def source_of(s: Session) -> Source | None:
    """Who measured the rate of `heart_rate_of`."""
    if _of_strap(s) is not None:
        return Source.STRAP
    return None if _of_treadmill(s) is None else Source.TREADMILL


def ceiling_of(s: Session) -> int | None:
    """The highest rate that is no reason to hold, 1/min; None if nobody told the walker's highest."""
    told = (s.max_heart_rate, s.person.max_heart_rate if s.person else None)
    known = [highest for highest in told if highest is not None]
    return -(-min(known) * SHARE // 100) - 1 if known else None


def follow_heart(s: Session) -> Heart:
    """Where the rate stands against the ceiling, now that a moment has passed under way."""
    heart, ceiling, rate = s.heart, ceiling_of(s), heart_rate_of(s)
    if ceiling is None:
        return rest(heart)
    over = rate is not None and rate > ceiling
    if heart.held_by is not None:
        return _await_relief(s, heart, heart.held_by, ceiling)
    if not over:
        return rest(heart)
    since = s.now if heart.over_since is None else heart.over_since
    held_by = source_of(s) if s.now - since > HOLD_AFTER else None
    return replace(heart, over_since=since, held_by=held_by)


def _await_relief(s: Session, heart: Heart, held_by: Source, ceiling: int) -> Heart:
    rate = _of_strap(s) if held_by is Source.STRAP else heart_rate_of(s)
    if rate is None or rate > ceiling - RELIEF:
        return replace(heart, calm_since=None)
    since = s.now if heart.calm_since is None else heart.calm_since
    return rest(heart) if s.now - since > CALM_TIME else replace(heart, calm_since=since)


def strain(s: Session) -> Finding | None:
    """The rate went above its ceiling, and is not proven to be down again."""
    heart, ceiling = s.heart, ceiling_of(s)
    if heart.held_by is None or heart.over_since is None or ceiling is None:
        return None
    if s.now - heart.over_since > END_AFTER:
        sentence = f"your heart rate does not come down below {ceiling - RELIEF}: the belt stops"
        return Finding(Action.SLOW_DOWN, Cause.HEART_RATE, sentence)
    return Finding(Action.HOLD, Cause.HEART_RATE, f"{_strained(s, ceiling)}: no faster until then")


def _strained(s: Session, ceiling: int) -> str:
    rate = heart_rate_of(s)
    known = "was above its ceiling" if rate is None else f"is {rate}"
    return f"your heart rate {known}; it must come down to {ceiling - RELIEF}"


def unfelt(s: Session) -> Finding | None:
    """There is a ceiling, and the strap that told the rate in this run no longer does."""
    at, since = s.heart.at, s.moving_since
    if ceiling_of(s) is None or at is None or since is None or at < since:
        return None
    if heart_rate_of(s) is not None or s.now - at <= LOST_AFTER:
        return None
    sentence = "your heart rate is unknown: look at the strap, its ceiling cannot be kept"
    return Finding(Action.ANNOUNCE, Cause.HEART_RATE_LOST, sentence)


def eases(s: Session) -> bool:
    """The hold for the heart has lasted so long, without relief, that the belt slows down for it."""
    since, calm = s.heart.over_since, s.heart.calm_since
    lasting = since is not None and calm is None and s.now - since > EASE_AFTER
    return lasting and Cause.HEART_RATE in s.holds


def spare(d: Draft) -> None:
    """Keep the setpoint down where the belt is: what rises after this hold is announced first."""
    s = d.s
    if s.workout is None:
        return
    kept = s.drive.target - setpoint(s.workout, s.script).speed
    if kept < s.trim:
        d.set(trim=kept)
    cues.forget(d)


def _of_strap(s: Session) -> int | None:
    return s.heart.rate if _fresh(s, s.heart.at) else None


def _of_treadmill(s: Session) -> int | None:
    rate = s.evidence.heart_rate
    pulse = rate is not None and is_pulse(rate) and _fresh(s, s.evidence.heart_rate_at)
    return rate if pulse else None


def _fresh(s: Session, at: Ms | None) -> bool:
    return at is not None and s.now - at <= PULSE_AGE
