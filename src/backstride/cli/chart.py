"""A small chart in characters, as a Rich renderable: filled steps, and lines in Braille dots over them.

Our own, because the live view needs it as a renderable that is a pure function of its data, in a
base install; the library that was looked at costs half a second to import and paints escape codes.

Quantities are those of the domain (ms and 0.01 km/h); the axis labels are made from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from backstride.domain.units import KMH, MINUTE, SECOND, Ms, Speed, show_duration

_ROUND: Final = (1, 2, 4, 10, 20, 40, 100, 200, 400)
"""So many half units may be between two numbers of an axis."""
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_BRAILLE: Final = 0x2800
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a Braille character, by row and column of its dots."""
_ROWS, _COLUMNS = 4, 2
_AXIS: Final = Style(dim=True)
_LABEL: Final = Style()
_LABEL_WIDTH: Final = 5
_TICKS: Final[tuple[Ms, ...]] = (
    10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE
)  # fmt: skip


class Area(Struct, frozen=True):
    """A filled stretch of time at a height, or rising linearly from one to another."""

    start: Ms
    end: Ms
    low: Speed
    high: Speed
    style: str


class Line(Struct, frozen=True):
    """A line through points (ms, 0.01 km/h); None in place of a height interrupts it."""

    points: tuple[tuple[Ms, Speed | None], ...]
    style: str


class Mark(Struct, frozen=True):
    """A sign on the time axis."""

    at: Ms
    sign: str
    style: str


class Chart(Struct, frozen=True, kw_only=True):
    """What to draw between `start` and `end`, from 0 to `top` or a little more."""

    start: Ms
    end: Ms
    top: Speed
    areas: tuple[Area, ...] = ()
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    height: int = 10
    unit: str = "km/h"
    scale: int = KMH
    """How many of the integers make one unit of the axis."""
    ago: bool = False
    """The time axis counts back from its end, which is now."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw over the whole width that is offered."""
        width = max(options.max_width - _LABEL_WIDTH - 2, 10)
        top = _round_up(self.top, self.scale)
        cells = _paint(self, width, top)
        labels = _labels(self, top)
        for row in range(self.height):
            yield Segment(f"{labels.get(row, ''):>{_LABEL_WIDTH}} ", _LABEL)
            yield Segment("┤" if row in labels else "│", _AXIS)
            yield from _merge(cells[row])
            yield Segment.line()
        yield from self._time_axis(width)

    def _time_axis(self, width: int) -> Iterator[Segment]:
        axis, labels = ["─"] * width, [" "] * (width + 8)
        span = max(self.end - self.start, 1)
        pause = next((t for t in _TICKS if span / t * 10 <= width), _TICKS[-1])
        offset = span % pause if self.ago else -self.start % pause
        for at in range(self.start + offset, self.end + 1, pause):
            column = min((at - self.start) * width // span, width - 1)
            text = f"-{show_duration(self.end - at)}" if self.ago else show_duration(at)
            text = "now" if self.ago and at == self.end else text
            # A label begins at its tick; the last one ends there.
            place = min(column, width - len(text))
            axis[column] = "┬"
            labels[place : place + len(text)] = text
        styles: dict[int, Style] = {}
        for mark in self.marks:
            column = min((mark.at - self.start) * width // span, width - 1)
            axis[column] = mark.sign
            styles[column] = Style.parse(mark.style)
        yield Segment(f"{self.unit:>{_LABEL_WIDTH}} ", _AXIS)
        yield Segment("└", _AXIS)
        yield from _merge([(sign, styles.get(i, _AXIS)) for i, sign in enumerate(axis)])
        yield Segment.line()
        yield Segment(" " * (_LABEL_WIDTH + 2) + "".join(labels)[:width].rstrip(), _AXIS)
        yield Segment.line()


type Cell = tuple[str, Style]


def _round_up(top: Speed, scale: int) -> Speed:
    """The end of the axis: the next half unit that is not below, and at least one unit."""
    half = max(scale // 2, 1)
    return max(-(-top // half) * half, scale)


def _labels(chart: Chart, top: Speed) -> dict[int, str]:
    """Numbers beside the rows: as many as fit with an empty row between them."""
    half = max(chart.scale // 2, 1)
    fitting = (half * n for n in _ROUND if top // (half * n) * 2 <= chart.height)
    step = next(fitting, top)
    labels: dict[int, str] = {}
    for value in range(0, top + 1, step):
        # The row whose upper edge is the value: there a filled step of this height ends.
        row = chart.height - max(-(-value * chart.height // top), 1)
        whole, tenth = divmod(value * 10 // chart.scale, 10)
        labels.setdefault(row, f"{whole}.{tenth}" if chart.scale > 1 else f"{whole}")
    return labels


def _paint(chart: Chart, width: int, top: Speed) -> list[list[Cell]]:
    cells: list[list[Cell]] = [[(" ", Style.null())] * width for _ in range(chart.height)]
    span = max(chart.end - chart.start, 1)
    for column in range(width):
        moment = chart.start + (2 * column + 1) * span // (2 * width)
        area = next((a for a in chart.areas if a.start <= moment < a.end), None)
        if area is not None:
            _fill(cells, column, _height(area, moment) * chart.height * 8 // top, area.style)
    for line in chart.lines:
        _draw(cells, chart, line, top)
    return cells


def _height(area: Area, moment: Ms) -> Speed:
    into = moment - area.start
    return area.low + (area.high - area.low) * into // max(area.end - area.start, 1)


def _fill(cells: list[list[Cell]], column: int, eighths: int, style: str) -> None:
    colour = Style.parse(style)
    for row in range(len(cells)):
        here = eighths - 8 * (len(cells) - 1 - row)
        if here > 0:
            # A full cell also has the colour behind it: some fonts leave gaps between rows.
            full = Style(color=colour.color, bgcolor=colour.color)
            cells[row][column] = ("█", full) if here >= 8 else (_EIGHTHS[here], colour)


def _draw(cells: list[list[Cell]], chart: Chart, line: Line, top: Speed) -> None:
    """Put a line over what is there; a full cell under it stays as the background."""
    width, height = len(cells[0]), len(cells)
    dots: dict[tuple[int, int], int] = {}
    for x, y in _dots(chart, line.points, width * _COLUMNS, height * _ROWS, top):
        place = (y // _ROWS, x // _COLUMNS)
        dots[place] = dots.get(place, 0) | _DOTS[y % _ROWS][x % _COLUMNS]
    style = Style.parse(line.style)
    for (row, column), bits in dots.items():
        sign, under = cells[row][column]
        back = Style(bgcolor=under.color) if sign == "█" else Style.null()
        cells[row][column] = (chr(_BRAILLE + bits), style + back)


def _dots(
    chart: Chart, points: Sequence[tuple[Ms, Speed | None]], wide: int, high: int, top: Speed
) -> Iterator[tuple[int, int]]:
    span = max(chart.end - chart.start, 1)
    before: tuple[int, int] | None = None
    for at, value in points:
        if value is None or not chart.start <= at <= chart.end:
            before = None
            continue
        x = min((at - chart.start) * wide // span, wide - 1)
        y = high - 1 - min(max(value, 0) * (high - 1) // top, high - 1)
        yield from _between(before or (x, y), (x, y))
        before = (x, y)


def _between(first: tuple[int, int], last: tuple[int, int]) -> Iterator[tuple[int, int]]:
    steps = max(abs(last[0] - first[0]), abs(last[1] - first[1]), 1)
    for i in range(steps + 1):
        yield (
            first[0] + (last[0] - first[0]) * i // steps,
            first[1] + (last[1] - first[1]) * i // steps,
        )


def _merge(cells: Sequence[Cell]) -> Iterator[Segment]:
    """Cells as few segments: neighbours of one style together."""
    text, style = "", Style.null()
    for sign, this in cells:
        if this != style and text:
            yield Segment(text, style)
            text = ""
        text, style = text + sign, this
    yield Segment(text, style)
