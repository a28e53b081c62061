"""A session as CSV (one row a second, for spreadsheets) and as JSON (everything, for programs)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from backstride.domain.energy import UNCERTAINTY
from backstride.domain.record import Head, Lap, Record, Sample
from backstride.domain.units import SECOND, Speed

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
    """Everything as one JSON object, with decimal km/h, %, kcal and seconds; unknown is null."""
    return msgspec.json.format(msgspec.json.encode(to_dict(record)), indent=1)


def to_dict(record: Record) -> dict[str, Any]:
    """The same as plain values, for an export of several sessions."""
    return {
        "format": FORMAT,
        "version": VERSION,
        **_head(record.head),
        "samples": [
            {
                "s": sample.at / SECOND,
                "speed": _kmh(sample.speed),
                "setpoint": _kmh(sample.setpoint),
                "incline": _percent(sample.incline),
                "heart_rate": sample.heart_rate,
                "steps": sample.steps,
                "distance": sample.distance,
                "energy": _kcal(sample.energy),
                "facing": sample.facing,
            }
            for sample in record.samples
        ],
        "segments": [
            {
                "segment": lap.index + 1,
                "effort": lap.effort,
                "facing": lap.facing,
                "start": lap.start / SECOND,
                "end": None if lap.end is None else lap.end / SECOND,
                "speed": _kmh(lap.speed),
                "to_speed": _kmh(lap.ramp_to),
                "incline": _percent(lap.incline),
            }
            for lap in record.laps
        ],
        "cues": [
            {"s": cue.at / SECOND, "kind": cue.kind, "text": cue.text, "heard": cue.heard}
            for cue in record.said
        ],
        "alarms": [
            {"s": one.at / SECOND, "cause": one.cause, "action": one.action, "text": one.sentence}
            for one in record.troubles
        ],
    }


def _head(head: Head) -> dict[str, Any]:
    return {
        "id": head.id,
        "treadmill": head.treadmill,
        "walker": head.walker,
        "program": head.program,
        "program_name": head.program_name,
        "level": head.level,
        "started": _time(head.started),
        "utc_offset_minutes": head.offset,
        "length": head.length / SECOND,
        "outcome": head.outcome,
        "completed": head.completed,
        "walked": head.walked / SECOND,
        "backward": head.backward / SECOND,
        "distance": head.distance,
        "steps": head.steps,
        "top_speed": _kmh(head.top_speed),
        "top_incline": _percent(head.top_incline),
        "energy": _kcal(head.energy),
        "energy_uncertainty_percent": UNCERTAINTY,
        "heart_rate_mean": head.heart_rate_mean,
        "heart_rate_max": head.heart_rate_max,
        "alarm_count": head.alarms,
        "effort": head.effort,
        "pain": head.pain,
    }


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / SECOND, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _kmh(value: Speed | None) -> float | None:
    return None if value is None else value / 100


def _percent(value: int | None) -> float | None:
    return None if value is None else value / 10


def _kcal(value: int | None) -> float | None:
    return None if value is None else value / 100
