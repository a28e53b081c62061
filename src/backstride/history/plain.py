"""The history for scripts: quantities as over MQTT - km/h, %, s, m, kcal - and null for what is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import to_builtins

from backstride.domain.record import Head, Lap, Record, Said, Sample, Trouble
from backstride.domain.units import KMH, PERCENT, SECOND
from backstride.history.week import Week

_SCALES = {
    **dict.fromkeys(("speed", "setpoint", "ramp_to", "top_speed", "work_speed"), KMH),
    **dict.fromkeys(("incline", "top_incline"), PERCENT),
    **dict.fromkeys(("at", "start", "end", "length", "walked", "backward"), SECOND),
    "energy": 100,
}
"""Fields that are integers inside: how many make one of the unit outside."""


def began(head: Head) -> datetime:
    """When a session began, on the clock of where it was walked."""
    return datetime.fromtimestamp(head.started / SECOND, UTC) + timedelta(minutes=head.offset)


def _scaled(part: Head | Sample | Lap | Said | Trouble | Week) -> dict[str, Any]:
    fields: dict[str, Any] = to_builtins(part)
    return {
        name: value / _SCALES[name] if name in _SCALES and value is not None else value
        for name, value in fields.items()
    }


def head_data(head: Head) -> dict[str, Any]:
    """One session in one line; `started` is ISO 8601 with its offset."""
    data = _scaled(head)
    sign, minutes = "-" if head.offset < 0 else "+", abs(head.offset)
    local = began(head).replace(tzinfo=None).isoformat(timespec="seconds")
    data["started"] = f"{local}{sign}{minutes // 60:02}:{minutes % 60:02}"
    del data["offset"]
    return data


def record_data(record: Record) -> dict[str, Any]:
    """Everything about one session."""
    return {
        **head_data(record.head),
        "laps": [_scaled(lap) for lap in record.laps],
        "alarms": [_scaled(trouble) for trouble in record.troubles],
        "cues": [_scaled(said) for said in record.said],
        "samples": [_scaled(sample) for sample in record.samples],
    }


def week_data(week: Week) -> dict[str, Any]:
    """One week, from its Monday on; `effort` is a mean."""
    data = _scaled(week)
    return {**data, "effort": None if week.effort is None else week.effort / 10}
