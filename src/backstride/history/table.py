"""A session as CSV (one row a second, for spreadsheets) and as JSON (everything, for programs)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Final

import msgspec

from backstride.domain.energy import UNCERTAINTY
from backstride.domain.record import Head, Lap, Record, Sample
from backstride.domain.units import SECOND, Speed
from backstride.history.plain import record_data

COLUMNS: Final = (
    *("time", "seconds", "speed km/h", "setpoint km/h", "incline %", "heart rate 1/min"),
    *("steps", "distance m", "energy kcal (estimate)", "facing", "segment", "effort"),
)
FORMAT: Final = "backstride-session"
VERSION: Final = 1
"""Of the JSON: within a version fields are only added."""


def to_csv(record: Record) -> bytes:
    """The samples as CSV (RFC 4180, UTF-8); what was not known is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    laps = sorted(record.laps, key=lambda lap: lap.start)
    for sample in record.samples:
        while len(laps) > 1 and laps[1].start <= sample.at:
            laps.pop(0)
        lap = laps[0] if laps and laps[0].start <= sample.at else None
        writer.writerow(_row(record.head, sample, lap))
    return text.getvalue().encode()


def _row(head: Head, sample: Sample, lap: Lap | None) -> tuple[object, ...]:
    return (
        _time(head.started + sample.at),
        f"{sample.at / SECOND:.1f}",
        _kmh(sample.speed),
        _kmh(sample.setpoint),
        _percent(sample.incline),
        sample.heart_rate,
        sample.steps,
        sample.distance,
        _kcal(sample.energy),
        sample.facing.value,
        None if lap is None else lap.index + 1,
        None if lap is None else lap.effort.value,
    )


def to_json(record: Record) -> bytes:
    """Everything as one JSON object: what `history show --json` tells, with format and version."""
    told = {"format": FORMAT, "version": VERSION, "energy_uncertainty": UNCERTAINTY}
    return msgspec.json.format(msgspec.json.encode(told | record_data(record)), indent=1)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / SECOND, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _kmh(value: Speed | None) -> float | None:
    return None if value is None else value / 100


def _percent(value: int | None) -> float | None:
    return None if value is None else value / 10


def _kcal(value: int | None) -> float | None:
    return None if value is None else value / 100
