"""A stretch of a session, summed up from its samples: a lap, or the whole."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from backstride.domain.record import Lap, Record, Sample
from backstride.domain.units import SECOND, Ms, Speed


class Stretch(Struct, frozen=True, kw_only=True):
    """Instants in ms since the session's start, distance in m, energy in 0.01 kcal; None: never known."""

    start: Ms
    end: Ms
    distance: int | None = None
    energy: int | None = None
    mean_speed: Speed | None = None
    top_speed: Speed | None = None
    mean_heart_rate: int | None = None
    top_heart_rate: int | None = None


def stretches(record: Record) -> list[tuple[Lap, Stretch]]:
    """Each lap with what its samples add up to. A lap that never ended ends with the session."""
    found: list[tuple[Lap, Stretch]] = []
    after = 0
    samples = record.samples
    for lap in record.laps:
        end = max(record.head.length, lap.start) if lap.end is None else lap.end
        first = after
        while first < len(samples) and samples[first].at < lap.start:
            first += 1
        after = first
        while after < len(samples) and samples[after].at < end:
            after += 1
        # Counters are told from the sample before: what was added up to it is not this lap's.
        found.append((lap, _add_up(samples[first:after], samples[:first][-1:], lap.start, end)))
    return found


def stretch_of(record: Record) -> Stretch:
    """The whole session; its head knows what the samples do not."""
    last = record.samples[-1].at + SECOND if record.samples else 0
    return _add_up(record.samples, (), 0, max(record.head.length, last))


def _add_up(samples: Sequence[Sample], before: Sequence[Sample], start: Ms, end: Ms) -> Stretch:
    speeds = [one.speed for one in samples if one.speed is not None]
    rates = [one.heart_rate for one in samples if one.heart_rate is not None]
    return Stretch(
        start=start,
        end=end,
        distance=_risen([one.distance for one in (*before, *samples)], fresh=not before),
        energy=_risen([one.energy for one in (*before, *samples)], fresh=not before),
        mean_speed=sum(speeds) // len(speeds) if speeds else None,
        top_speed=max(speeds, default=None),
        mean_heart_rate=sum(rates) // len(rates) if rates else None,
        top_heart_rate=max(rates, default=None),
    )


def _risen(values: list[int | None], *, fresh: bool) -> int | None:
    """How far a counter rose; it began at 0 where nothing was before."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return known[-1] - (0 if fresh else known[0])
