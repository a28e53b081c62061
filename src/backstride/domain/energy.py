"""What backward walking costs: an estimate for people, never a basis of control.

Walking: VO2 = 3.5 + k * 0.1 * S + 1.8 * S * G, the ACSM walking equation (valid above 50 m/min) with a
backward factor k. k is 2.4 for a novice (Kim & Choi 2001: at 5 km/h 23.6 against 15.9 forward) and falls
linearly to 1.8 over 12 sessions (Heath 2001: 2.05 to 1.66 l/min in four weeks). The grade's term
is the forward one: Hooper 2004 found no interaction of direction and grade.
Jogging above 6.7 km/h: VO2 = 3.5 + 1.35 * (0.2 * S + 0.9 * S * G) (Rasica 2020; Wright & Weyand
2001: +35 %). Between 5.5 and 6.7 km/h the two are blended linearly.
S in m/min, G as a fraction, VO2 in ml/kg/min. MET = VO2 / 3.5; kcal/min = VO2 * kg / 200.

All of it is computed in integers over one common denominator and rounded once, half up.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from backstride.domain.units import MINUTE, Incline, Ms, Speed
from backstride.domain.workout import Facing, Workout

type Oxygen = int
"""Oxygen uptake in 0.01 ml/kg/min."""
type Met = int
"""Metabolic equivalents in 0.01."""
type Kcal = int
"""0.01 kcal, or 0.01 kcal/min for a rate."""
type Grams = int
"""A walker's weight."""

REST: Final[Oxygen] = 3_50
"""Uptake at rest; one MET."""
NOVICE: Final = 240
"""k of a first session, in 0.01."""
ADAPTED: Final = 180
"""k after LEARNING sessions, in 0.01."""
FORWARD: Final = 100
"""k of forward walking: the ACSM equation itself, in 0.01."""
LEARNING: Final = 12
"""Sessions over which the cost falls."""
WALK_BELOW: Final[Speed] = 5_50
"""Up to here it is a walk."""
JOG_ABOVE: Final[Speed] = 6_70
"""From here on it is a jog."""
UNCERTAINTY: Final = 25
"""The estimate is shown with this much to either side, in %."""

_WALK: Final = 300
"""Denominator of the walking equation in our units."""
_JOG: Final = 4_000
"""Denominator of the jogging equation in our units."""


class Estimate(Struct, frozen=True):
    """An amount with its honest range, all in the same unit."""

    low: int
    value: int
    high: int


def factor(sessions: int) -> int:
    """The backward factor k in 0.01 after so many finished sessions."""
    done = min(max(sessions, 0), LEARNING)
    return NOVICE - (NOVICE - ADAPTED) * done // LEARNING


def oxygen(speed: Speed, incline: Incline, k: int) -> Oxygen:
    """Uptake at a steady speed (0.01 km/h) and incline (0.1 %) with a factor k (0.01).

    The jogging part is the backward one; with `k` FORWARD it holds below WALK_BELOW only.
    """
    if speed <= 0:
        return REST
    walk = REST * _WALK + 5 * k * speed + 9 * speed * incline
    jog = REST * _JOG + 18_000 * speed + 81 * speed * incline
    jogging = min(max(speed - WALK_BELOW, 0), JOG_ABOVE - WALK_BELOW)
    walking = JOG_ABOVE - WALK_BELOW - jogging
    above = walk * _JOG * walking + jog * _WALK * jogging
    return _divide(above, _WALK * _JOG * (walking + jogging))


def met(uptake: Oxygen) -> Met:
    """Metabolic equivalents of an uptake."""
    return _divide(uptake * 100, REST)


def kcal_per_minute(uptake: Oxygen, weight: Grams) -> Kcal:
    """Energy per minute of an uptake for a walker of this weight."""
    return _divide(uptake * weight, 200_000)


def spread(value: int) -> Estimate:
    """An amount with its uncertainty."""
    low = _divide(value * (100 - UNCERTAINTY), 100)
    return Estimate(low, value, _divide(value * (100 + UNCERTAINTY), 100))


def estimate(workout: Workout, weight: Grams, sessions: int) -> Estimate:
    """The energy of a whole workout (0.01 kcal) for somebody with so many finished sessions.

    Each segment counts at its mean speed, which is exact as long as it is walked.
    """
    weighted = 0
    for segment in workout.segments:
        k = factor(sessions) if segment.facing is Facing.BACKWARD else FORWARD
        mean = (segment.speed + segment.ramp_to) // 2
        weighted += oxygen(mean, segment.incline, k) * segment.duration
    return spread(energy(weighted, weight))


def energy(uptake_ms: int, weight: Grams) -> Kcal:
    """The energy of a sum of uptake * ms, so that a session can be added up without rounding."""
    return _divide(uptake_ms * weight, 200_000 * MINUTE)


def uptake_over(uptake: Oxygen, duration: Ms) -> int:
    """What a stretch of time adds to the sum that `energy()` takes."""
    return uptake * duration


def _divide(above: int, below: int) -> int:
    """A quotient of non-negative integers, rounded half up."""
    return (2 * above + below) // (2 * below)
