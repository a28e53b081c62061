"""The history for a terminal, for scripts and as a picture: made from records, and nothing decided."""

from __future__ import annotations

from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backstride.cli import palette
from backstride.cli.chart import Area, Chart, Line, Mark
from backstride.cli.figure import Panel, Picture, Stretch
from backstride.domain.energy import spread
from backstride.domain.record import Head, Lap, Record, Sample
from backstride.domain.units import (
    KMH,
    PERCENT,
    SECOND,
    Ms,
    show_duration,
    show_incline,
    show_speed,
)
from backstride.domain.workout import Facing
from backstride.history.plain import began
from backstride.history.week import Week

_TEXTS: Final = frozenset({"when", "program", "walker", "outcome", "step", "facing", "week of", ""})
_WRAPPED: Final = frozenset({"when", "outcome"})
"""A narrow terminal breaks these in two, and cuts no number off."""
_LOW: Final = 4
"""Rows of a chart below the speeds."""


def _table(*titles: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
    for title in titles:
        table.add_column(
            title, justify="left" if title in _TEXTS else "right", no_wrap=title not in _WRAPPED
        )
    return table


def _or_blank(value: object) -> str:
    return "" if value is None else str(value)


def describe_head(head: Head) -> str:
    """One session in a few words."""
    return f"{began(head):%Y-%m-%d %H:%M}, {head.program_name}, {show_duration(head.walked)} min"


def list_heads(heads: tuple[Head, ...]) -> RenderableType:
    """The sessions, one a row, the newest first."""
    if not heads:
        return Text("no session yet")
    table = _table(
        "#", "when", "program", "walked", "backward", "m", "km/h", "effort", "pain", "outcome",
        *(["walker"] if any(head.walker for head in heads) else []),
    )  # fmt: skip
    for number, head in enumerate(heads, 1):
        row: list[str | Text] = [
            str(number), f"{began(head):%Y-%m-%d %H:%M}", head.program, show_duration(head.walked),
            show_duration(head.backward), _or_blank(head.distance), f"{head.top_speed / KMH:.1f}",
            _or_blank(head.effort), _or_blank(head.pain), _outcome(head),
        ]  # fmt: skip
        table.add_row(*row, *([_or_blank(head.walker)] if len(table.columns) > len(row) else []))
    return table


def _outcome(head: Head) -> Text:
    alarms = f", {head.alarms} alarm{'s' * (head.alarms != 1)}" if head.alarms else ""
    style = "green" if head.completed and not head.alarms else "yellow"
    return Text((head.outcome or "under way") + alarms, style=style if head.outcome else "bold")


def list_weeks(weeks: tuple[Week, ...]) -> RenderableType:
    """The weeks, one a row, the newest first."""
    if not weeks:
        return Text("no session yet")
    table = _table(
        "week of", "sessions", "backward", "walked", "m", "top km/h", "effort", "kcal ±25 %"
    )
    for week in weeks:
        table.add_row(
            f"{week.monday:%Y-%m-%d}", str(week.sessions), show_duration(week.backward),
            show_duration(week.walked), str(week.distance), f"{week.top_speed / KMH:.1f}",
            "" if week.effort is None else f"{week.effort / 10:.1f}", str(round(week.energy / 100)),
        )  # fmt: skip
    return table


# -- one session -----------------------------------------------------------------------------------


def show_record(record: Record) -> RenderableType:
    """One session: headline, figures, charts, laps, alarms."""
    head = record.head
    headline = Text.assemble(
        (head.program_name, "bold"), (f"  {began(head):%A, %Y-%m-%d %H:%M}", "")
    )
    parts: list[RenderableType] = [headline, Text(head.id, style="dim"), _outcome(head)]
    parts += [Text(line) for line in _figures(head)]
    if record.samples:
        parts += [Text(), *_charts(record)]
    if record.laps:
        parts.append(_laps(record.laps))
    for trouble in record.troubles:
        told = f"✗ {show_duration(trouble.at)}  {trouble.sentence} ({trouble.action})"
        parts.append(Text(told, style="red"))
    if record.said:
        heard = sum(said.heard for said in record.said)
        parts.append(Text(f"{len(record.said)} cues, {heard} heard", style="dim"))
    return Group(*parts)


def _figures(head: Head) -> list[str]:
    figures = [
        f"walked {show_duration(head.walked)} min, {show_duration(head.backward)} of it backward",
        f"up to {show_speed(head.top_speed)}",
    ]
    if head.distance is not None:
        figures.insert(1, f"{head.distance} m")
    if head.top_incline:
        figures.append(f"up to {show_incline(head.top_incline)}")
    if head.steps:
        figures.append(f"{head.steps} steps")
    body = []
    if head.energy:
        kcal = spread(head.energy)
        body.append(f"an estimated {kcal.low // 100} to {kcal.high // 100} kcal")
    if head.heart_rate_mean is not None:
        body.append(f"heart rate {head.heart_rate_mean} on average, {head.heart_rate_max} at most")
    if head.effort is not None:
        body.append(f"effort {head.effort} of 20")
    if head.pain is not None:
        body.append(f"pain {head.pain} of 10")
    return [", ".join(line) for line in (figures, body) if line]


def _charts(record: Record) -> list[RenderableType]:
    samples, end = record.samples, max(record.samples[-1].at, SECOND)
    areas = tuple(
        Area(lap.start, lap.end or end, lap.speed, lap.ramp_to, palette.SHADE[lap.facing])
        for lap in record.laps
    )
    belt = Line(tuple((sample.at, sample.speed) for sample in samples), "default")
    marks = tuple(Mark(trouble.at, "✗", "red") for trouble in record.troubles)
    fastest = max([record.head.top_speed, *(max(lap.speed, lap.ramp_to) for lap in record.laps)])
    key = Text("       ")
    for facing in Facing:
        if any(lap.facing is facing for lap in record.laps):
            key.append("█ ", palette.SHADE[facing]).append(f"setpoint, facing {facing}   ")
    key.append("⠒ belt")
    charts: list[RenderableType] = [
        key, Chart(start=0, end=end, top=fastest, areas=areas, lines=(belt,), marks=marks)
    ]  # fmt: skip
    for unit, scale, style, points in _curves(samples):
        top = max(value for _, value in points if value is not None)
        curve = Line(points, style)
        charts.append(
            Chart(start=0, end=end, top=top, lines=(curve,), height=_LOW, unit=unit, scale=scale)
        )
    return charts


type _Curve = tuple[str, int, str, tuple[tuple[Ms, int | None], ...]]
"""The unit of an axis, how many integers make one of it, a colour, and points."""


def _curves(samples: tuple[Sample, ...]) -> list[_Curve]:
    """What is known of a session beside the speeds."""
    found: list[_Curve] = [
        ("%", PERCENT, palette.INCLINE, tuple((s.at, s.incline) for s in samples)),
        ("1/min", 1, palette.ALARM, tuple((s.at, s.heart_rate) for s in samples)),
        ("kstep", 1_000, palette.FORWARD, tuple((s.at, s.steps) for s in samples)),
    ]
    return [curve for curve in found if any(value for _, value in curve[3])]


def _laps(laps: tuple[Lap, ...]) -> Table:
    table = _table("at", "for", "step", "facing", "km/h", "incline")
    for lap in laps:
        ramp = "" if lap.speed == lap.ramp_to else f" to {lap.ramp_to / KMH:.1f}"
        table.add_row(
            show_duration(lap.start),
            "" if lap.end is None else show_duration(lap.end - lap.start),
            lap.effort,
            Text(f"{palette.ARROW[lap.facing]} {lap.facing}", style=palette.FACING[lap.facing]),
            f"{lap.speed / KMH:.1f}{ramp}",
            show_incline(lap.incline) if lap.incline else "",
        )
    return table


def picture_of(record: Record) -> Picture:
    """A session to draw: the laps' setpoints, the belt that was measured, and what else is known."""
    end = record.samples[-1].at
    return Picture(
        title=f"{record.head.program_name}, {began(record.head):%Y-%m-%d %H:%M}",
        subtitle=_figures(record.head)[0],
        stretches=tuple(
            Stretch(
                start=lap.start, end=lap.end or end, speed=lap.speed, ramp_to=lap.ramp_to, incline=0,
                facing=lap.facing,
            )
            for lap in record.laps
        ),
        turns=tuple(
            after.start
            for before, after in zip(record.laps, record.laps[1:], strict=False)
            if after.facing is not before.facing
        ),
        belt=tuple((s.at, s.speed) for s in record.samples if s.speed is not None),
        belt_label="belt, as measured",
        panels=tuple(
            Panel(
                unit, colour, tuple((at, None if y is None else y / scale) for at, y in points)
            )
            for unit, scale, colour, points in _curves(record.samples)
        ),
    )  # fmt: skip
