"""All treadmills of a broker as rows: folded from messages, filtered, sorted, written. No I/O.

Ages are of this process's clock. A retained message came before we did: its age is told by its own time
stamp, which is as good as that host's clock.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace
from rich.table import Table
from rich.text import Text

from backstride.cli.sight import STALE_MOVING, STALE_RESTING
from backstride.domain.session import ACTIVE
from backstride.domain.units import MINUTE, SECOND, Ms
from backstride.mqtt.health import Health
from backstride.mqtt.remote import News
from backstride.mqtt.schema import Connection, SessionSummary, State

HOUR: Final[Ms] = 60 * MINUTE
DAY: Final[Ms] = 24 * HOUR


class Mill(Struct, frozen=True, kw_only=True):
    """One treadmill as it is known here. `heard_at` is when its newest message was sent or came."""

    id: str
    online: bool | None = None
    state: State | None = None
    health: Health | None = None
    connection: Connection | None = None
    session: SessionSummary | None = None
    heard_at: Ms | None = None


class Row(Struct, frozen=True, kw_only=True):
    """What is shown and exported of a treadmill. Speeds in km/h, times in s; None is not known."""

    id: str
    host: str | None
    phase: str
    speed: float | None
    program: str | None
    step: str | None
    left: float | None
    last: str | None
    link: bool | None
    rssi: int | None
    version: str | None
    uptime: float | None
    faults: tuple[str, ...]
    age: float | None
    silent: bool


COLUMNS: Final[tuple[str, ...]] = Row.__struct_fields__
"""By which rows can be sorted."""


def absorb(mills: dict[str, Mill], news: News, wall: Ms) -> None:
    """Fold one message in. `wall` is the time of day in ms since 1970. What cannot be read is left out."""
    mill = mills.get(news.treadmill) or Mill(id=news.treadmill)
    try:
        changed = _absorb(mill, news)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    if changed is None:
        return
    sent = _heard_at(changed, news, wall)
    if sent is not None and (mill.heard_at is None or sent > mill.heard_at):
        changed = replace(changed, heard_at=sent)
    mills[news.treadmill] = changed


def _absorb(mill: Mill, news: News) -> Mill | None:
    decode = msgspec.json.decode
    match news.topic:
        case "availability":
            return replace(mill, online=news.payload == b"online")
        case "state":
            return replace(mill, state=decode(news.payload, type=State))
        case "health":
            return replace(mill, health=decode(news.payload, type=Health))
        case "connection":
            return replace(mill, connection=decode(news.payload, type=Connection))
        case "session":
            return replace(mill, session=decode(news.payload, type=SessionSummary))
        case "info" | "event" | "cue" | "response":
            return mill
        case _:
            return None


def _heard_at(mill: Mill, news: News, wall: Ms) -> Ms | None:
    if not news.retained:
        # The will is the broker's word, and no sign of life.
        return None if news.topic == "availability" and not mill.online else news.at
    told = {"state": mill.state, "health": mill.health, "connection": mill.connection}
    payload = told.get(news.topic)
    if payload is None:
        return None
    try:
        sent = round(datetime.fromisoformat(payload.time).timestamp() * 1_000)
    except ValueError:
        return None
    return news.at - max(wall - sent, 0)


def make_row(mill: Mill, now: Ms) -> Row:
    """What is known of a treadmill at this moment."""
    state, health, link = mill.state, mill.health, mill.connection
    age = None if mill.heard_at is None else max(now - mill.heard_at, 0)
    moving = state is not None and state.phase in ACTIVE
    silent = age is None or age > (STALE_MOVING if moving else STALE_RESTING)
    walking = state is not None and state.step is not None
    faults = {} if health is None else health.faults
    alarm = (state.alarm.cause,) if state is not None and state.alarm is not None else ()
    return Row(
        id=mill.id,
        host=health.host.name if health else None,
        phase="offline" if mill.online is False or state is None else state.phase.value,
        speed=state.speed.measured if state else None,
        program=state.program_name if state else None,
        step=f"{state.step.index}/{state.step.count} {state.step.name}"
        if state and state.step
        else None,
        left=state.script.remaining if walking and state and state.script else None,
        last=mill.session.outcome if mill.session else None,
        link=link.up if link else None,
        rssi=health.radio.rssi if health else None,
        version=health.versions.get("backstride") if health else None,
        uptime=health.uptime if health else None,
        faults=tuple(dict.fromkeys((*alarm, *faults))),
        age=None if age is None else age / SECOND,
        silent=silent or mill.online is False,
    )


def select(rows: Iterable[Row], wanted: str, by: str, *, backward: bool = False) -> list[Row]:
    """The rows in which all words of `wanted` occur (`!word`: does not), sorted by a column.

    A word is looked for in all that is text, and may be `silent`, `link` or `fault`. What is not known comes
    last, whichever way it is sorted.
    """
    words = wanted.casefold().split()
    found = [row for row in rows if _fits(words, _words(row))]
    known = [row for row in found if getattr(row, by) is not None]
    unknown = [row for row in found if getattr(row, by) is None]
    known.sort(key=lambda row: row.id)
    known.sort(key=_key(by), reverse=backward)
    return known + sorted(unknown, key=lambda row: row.id)


def _key(by: str) -> Callable[[Row], str | float | tuple[int, tuple[str, ...]]]:
    def key(row: Row) -> str | float | tuple[int, tuple[str, ...]]:
        value = getattr(row, by)
        if isinstance(value, tuple):
            return len(value), value
        return value.casefold() if isinstance(value, str) else float(value)

    return key


def _words(row: Row) -> str:
    marks = [
        word
        for word, holds in (("silent", row.silent), ("link", row.link), ("fault", row.faults))
        if holds
    ]
    texts = (row.id, row.host, row.phase, row.program, row.step, row.last, row.version)
    return " ".join((*filter(None, texts), *row.faults, *marks)).casefold()


def _fits(words: list[str], text: str) -> bool:
    return all((word[1:] not in text) if word[:1] == "!" else (word in text) for word in words)


def write_csv(rows: Iterable[Row]) -> str:
    """Write rows as CSV with a header; faults have a blank between them."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            " ".join(value) if isinstance(value, tuple) else value for value in asdict(row).values()
        )
    return file.getvalue()


# -- the picture -------------------------------------------------------------------------------------


_TITLES: Final = {
    "id": "treadmill", "speed": "km/h", "left": "left", "last": "last session", "rssi": "dBm",
}  # fmt: skip
_NUMBERS: Final = frozenset({"speed", "left", "rssi", "uptime", "age"})
_SHOWN: Final = tuple(name for name in COLUMNS if name != "silent")
_SPARE: Final = ("version", "uptime", "host", "rssi", "last", "step", "left")
"""Left out on a narrow screen, in this order."""
_PHASE_STYLES: Final = {
    "running": "bold green", "holding": "yellow", "slowing": "yellow", "stopping": "yellow",
    "faulted": "bold red", "handed_over": "magenta", "offline": "red",
}  # fmt: skip


def make_table(
    rows: list[Row],
    by: str,
    *,
    backward: bool = False,
    chosen: str | None = None,
    width: int | None = None,
) -> Table:
    """The rows as a table; the sorted column has an arrow, the chosen row a mark.

    On a screen of `width` columns, what matters least is left out before anything is cut off.
    """
    table = Table(box=None, pad_edge=False, expand=False)
    names = _fitting(rows, by, width)
    for name in names:
        arrow = ("↓" if backward else "↑") if name == by else ""
        title = f"{_TITLES.get(name, name)}{arrow}"
        table.add_column(title, justify="right" if name in _NUMBERS else "left", no_wrap=True)
    for row in rows:
        style = "dim" if row.silent else ""
        if row.id == chosen:
            style = f"{style} reverse".strip()
        table.add_row(*(_cell(row, name) for name in names), style=style)
    return table


def _fitting(rows: list[Row], by: str, width: int | None) -> list[str]:
    names = list(_SHOWN)
    if width is None:
        return names
    widths = {
        name: max(map(len, (_TITLES.get(name, name), *(_cell(r, name).plain for r in rows)))) + 2
        for name in names
    }
    for name in _SPARE:
        if sum(widths[each] for each in names) <= width:
            break
        if name != by:
            names.remove(name)
    return names


def _cell(row: Row, name: str) -> Text:
    value = getattr(row, name)
    match name:
        case "phase":
            return Text(row.phase, _PHASE_STYLES.get(row.phase, ""))
        case "speed":
            # A speed that is not heard of any more is nobody's.
            return Text("" if value is None or row.silent else f"{value:.1f}")
        case "left" | "uptime":
            return Text("" if value is None else show_span(value))
        case "age":
            text = "never" if value is None else show_span(value)
            return Text(f"silent {text}" if row.silent else text, "red" if row.silent else "")
        case "link":
            return Text("" if value is None else "up" if value else "down", "" if value else "red")
        case "faults":
            return Text(", ".join(value), "red")
        case _:
            return Text("" if value is None else str(value))


def show_span(seconds: float) -> str:
    """A length of time in its largest unit and the next one: 42 s, 3:05, 2 h 10, 5 d 3 h."""
    ms = int(seconds * SECOND)
    if ms < MINUTE:
        return f"{ms // SECOND} s"
    if ms < HOUR:
        return f"{ms // MINUTE}:{ms % MINUTE // SECOND:02}"
    if ms < DAY:
        return f"{ms // HOUR} h {ms % HOUR // MINUTE:02}"
    return f"{ms // DAY} d {ms % DAY // HOUR} h"


def summarise(rows: list[Row]) -> str:
    """One line about all of them."""
    moving = sum(row.phase in {phase.value for phase in ACTIVE} and not row.silent for row in rows)
    silent = sum(row.silent for row in rows)
    troubled = sum(bool(row.faults) for row in rows)
    counted = f"{len(rows)} treadmill{'s' * (len(rows) != 1)}"
    return f"{counted}, {moving} in a session, {troubled} with faults, {silent} silent"
