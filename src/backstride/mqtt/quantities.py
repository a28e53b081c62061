"""Quantities on the wire: km/h, % and seconds as decimal numbers; inside they are integers.

A value that is not known is null, never 0.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from backstride.domain.session import Phase
from backstride.domain.units import Incline, Ms, Speed

type Kmh = Annotated[float, Meta(description="km/h", ge=0)]
type Percent = Annotated[float, Meta(description="% of grade; negative is downhill")]
type Seconds = Annotated[float, Meta(description="seconds", ge=0)]
type Count = Annotated[int, Meta(ge=0)]
type Timestamp = Annotated[
    str,
    Meta(
        description="ISO 8601 with offset; as good as the host's clock",
        examples=["2026-11-20T07:35:00.250Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
type Boot = Annotated[
    str,
    Meta(description="nonce of this life of the daemon", pattern="^[A-Za-z0-9_-]{4,64}$"),
]
type Version = Annotated[int, Meta(description="version of this payload", ge=1)]
type PhaseName = Annotated[str, Meta(extra_json_schema={"enum": [phase.value for phase in Phase]})]
type CommandId = Annotated[
    str,
    Meta(
        description="made by the author, new for each command; comes back in the response",
        pattern="^[A-Za-z0-9._:-]{1,64}$",
        examples=["b7f3-0001"],
    ),
]
type ProgramId = Annotated[
    str, Meta(description="goes with start and select", pattern="^[a-z0-9-]{1,64}$")
]

type Pin = Annotated[
    str, Meta(description="goes with start, where a site asks for one", max_length=64)
]


def kmh(speed: Speed | None) -> float | None:
    """Turn 0.01 km/h into km/h; unknown stays unknown."""
    return None if speed is None else speed / 100


def percent(incline: Incline | None) -> float | None:
    """Turn 0.1 % into %; unknown stays unknown."""
    return None if incline is None else incline / 10


def seconds(ms: Ms | None) -> float | None:
    """Turn ms into seconds; unknown stays unknown."""
    return None if ms is None else ms / 1000
