"""What is told of the walker's body: the heart rate with where it comes from, and what walking costs.

Parts of the payloads `state` and `session`. Energy is an estimate and is never told without its range.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from backstride.domain.heart import Source


class HeartState(Struct, frozen=True, kw_only=True):
    """The heart rate of a moment. What is not known is null, as a stale rate or one without contact."""

    rate: Annotated[int | None, Meta(description="1/min")] = None
    source: Annotated[Source | None, Meta(description="who measured it")] = None
    ceiling: Annotated[
        int | None, Meta(description="1/min; above it the session holds, then slows down")
    ] = None
    over: Annotated[
        bool, Meta(description="it was above the ceiling, and is not down again yet")
    ] = False
    contact: Annotated[bool | None, Meta(description="the strap feels the skin")] = None
    battery: Annotated[int | None, Meta(description="% of the strap's battery")] = None


class EnergyState(Struct, frozen=True, kw_only=True):
    """What the session has cost so far: an estimate from speed, incline and weight, with its range."""

    kcal: Annotated[float, Meta(ge=0)]
    low: Annotated[float, Meta(description="kcal; 25 % less", ge=0)]
    high: Annotated[float, Meta(description="kcal; 25 % more", ge=0)]
    met: Annotated[
        float | None, Meta(description="metabolic equivalents now, estimated; null at rest")
    ] = None
