"""What treadmills say as lines of InfluxDB's line protocol, which VictoriaMetrics and InfluxDB take.

`measurement,tag=value field=1.5,other=2 1700000000000000000`: tags name the series, fields are numbers, the
time is in ns. Nothing of it names a walker, and no text that people write becomes a tag: a series for each
sentence would fill any database.
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from backstride.domain.phases import Phase
from backstride.domain.session import ACTIVE
from backstride.domain.units import Ms
from backstride.mqtt.health import Health
from backstride.mqtt.remote import News
from backstride.mqtt.schema import SessionSummary, State

_NS: Final = 1_000_000
_PLAIN: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ "})
_MOVING: Final = frozenset(ACTIVE) - {Phase.COUNTDOWN}
_decode = msgspec.json.decode


def write_line(
    measurement: str, tags: Mapping[str, str | None], fields: Mapping[str, object], at: Ms
) -> str | None:
    """Write one line; None if no field has a number. `at` is ms since 1970."""
    numbers = [
        f"{name}={float(value):g}" if isinstance(value, bool) else f"{name}={value!r}"
        for name, value in fields.items()
        if isinstance(value, bool | int | float)
    ]
    if not numbers:
        return None
    series = [f"{name}={text.translate(_PLAIN)}" for name, text in tags.items() if text]
    return f"{','.join([measurement, *series])} {','.join(numbers)} {at * _NS}"


def write_lines(news: News, now: Ms) -> tuple[str, ...]:
    """The lines of one message; none of what is no history. `now` is ms since 1970, when it came.

    What is retained was said once before and is no news, but for the summary of a session that is over:
    its line has the time of its end, so the same one twice is one. What cannot be read is left out:
    another version may publish more.
    """
    site, _, treadmill = news.treadmill.rpartition("/")
    tags: dict[str, str | None] = {"site": site, "treadmill": treadmill}
    try:
        line = _write(news, tags, now)
    except (msgspec.DecodeError, ValueError):
        return ()
    return () if line is None else (line,)


def _write(news: News, tags: dict[str, str | None], now: Ms) -> str | None:
    match news.topic, news.retained:
        case "session", _:
            return _session(_decode(news.payload, type=SessionSummary), tags)
        case "state", False:
            return _state(_decode(news.payload, type=State), tags, now)
        case "health", False:
            return _health(_decode(news.payload, type=Health), tags, now)
        case "availability", False:
            online = {"online": news.payload == b"online"}
            return write_line("backstride_availability", tags, online, now)
        case _:
            return None


def _state(state: State, tags: dict[str, str | None], now: Ms) -> str | None:
    fields = {
        "speed": state.speed.measured,
        "target": state.speed.target,
        "setpoint": state.speed.setpoint,
        "cap": state.speed.cap,
        "incline": state.incline.measured,
        "distance": state.distance,
        "heart_rate": state.heart_rate,
        "age": state.age,
        "active": state.phase in _MOVING,
        "alarm": state.alarm is not None,
        "link": state.link,
    }
    return write_line("backstride_state", tags, fields, now)


def _session(over: SessionSummary, tags: dict[str, str | None]) -> str | None:
    if over.ended is None:
        return None
    fields = {
        "walked": over.walked,
        "backward": over.backward,
        "distance": over.distance,
        "top_speed": over.top_speed,
        "energy": over.energy,
    }
    ended = datetime.fromisoformat(over.ended)
    at = round(ended.timestamp() * 1_000)
    return write_line("backstride_session", {**tags, "program": over.program}, fields, at)


def _health(health: Health, tags: dict[str, str | None], now: Ms) -> str | None:
    host, radio = health.host, health.radio
    fields = {
        "uptime": health.uptime,
        "host_uptime": host.uptime,
        "memory": health.memory,
        "temperature": host.temperature,
        "throttled": host.throttled,
        "memory_free": host.memory_free,
        "disk_free": host.disk_free,
        "clock_synchronised": host.clock_synchronised,
        "connections": radio.connections,
        "rssi": radio.rssi,
        "faults": len(health.faults),
    }
    version = health.versions.get("backstride")
    named = {**tags, "host": host.name, "version": version}
    return write_line("backstride_health", named, fields, now)
