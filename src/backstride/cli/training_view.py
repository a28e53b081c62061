"""The plan for a terminal: the next session with its reason, a table of weeks, a chart of speeds."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backstride.cli import palette
from backstride.domain.ladder import A_WEEK, LADDER, WEEKS
from backstride.domain.lesson import Lesson
from backstride.domain.progression import Now, Place, explain, jog_misses
from backstride.domain.readiness import explain as explain_readiness
from backstride.domain.units import KMH, MINUTE, show_duration, show_incline, show_speed
from backstride.service.training import date_of, wait
from backstride.service.walkers import Trainee

DONE: Final = "done"
NEXT: Final = "next"
PLANNED: Final = "planned"
_SIGN: Final = {DONE: "✓", NEXT: "▶", PLANNED: "·"}
COLOUR: Final = {DONE: palette.FORWARD, NEXT: palette.BACKWARD, PLANNED: palette.GRID}
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_SHADE: Final = {**COLOUR, PLANNED: "#7f868f"}
"""As in pictures; what is planned is readable on dark and light."""
_HEIGHT: Final = 9
_WIDTH: Final = 3
"""Columns of a session."""


class Course(Struct, frozen=True, kw_only=True):
    """A walker's plan as it is now; `lesson` is the next session where a machine was named."""

    trainee: Trainee
    place: Place
    now: Now
    lesson: Lesson | None = None

    @property
    def length(self) -> int:
        """So many sessions are shown: eight weeks, and those behind them once somebody is there."""
        return max(WEEKS, self.place.rung.week) * A_WEEK

    def state(self, index: int) -> str:
        """What a session of the ladder is to this walker."""
        if index == self.place.index:
            return NEXT
        return DONE if index < self.place.index else PLANNED


def show(course: Course) -> RenderableType:
    """The whole plan."""
    trainee, place, now = course.trainee, course.place, course.now
    rung = place.rung
    when = wait(place, now) or f"today, {date_of(now.day)}"
    parts: list[RenderableType] = [
        Text.assemble(
            (trainee.walker.name, "bold"), f"  next: week {rung.week}, session {rung.session}"
        ),
        Text(explain(place)),
        Text(f"When: {when}", style="dim"),
    ]
    if course.lesson is not None:
        parts += _show_lesson(course.lesson)
    parts += [Text(explain_readiness(trainee.walker.readiness, now.at, trainee.walked)), Text()]
    parts += [_table(course), _chart(course)]
    if missing := jog_misses(place):
        parts.append(Text("The jog stays locked until " + ", ".join(missing) + ".", style="dim"))
    return Group(*parts)


def _show_lesson(lesson: Lesson) -> list[Text]:
    if lesson.program is None:
        return [Text(f"✗ {lesson.refusal}", style="red")]
    return [Text(lesson.program.goal, style="italic"), *(Text(note) for note in lesson.notes)]


def _table(course: Course) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in ("week", "sessions", "speed", "work : rest x repeats", "work", "incline"):
        table.add_column(title, justify="right" if title in {"week", "work"} else "left")
    for first in range(0, course.length, A_WEEK):
        week = LADDER[first : first + A_WEEK]
        last = week[-1]
        speeds = [rung.speed for rung in week]
        pattern = last.pattern
        states = [course.state(first + n) for n in range(A_WEEK)]
        row = (
            str(last.week),
            " ".join(_SIGN[state] for state in states),
            show_speed(speeds[0])
            if speeds[0] == speeds[-1]
            else f"{speeds[0] / KMH:.1f} to {show_speed(speeds[-1])}",
            f"{show_duration(pattern.work)} : {show_duration(pattern.rest)} x {pattern.repeats}",
            f"{pattern.work * pattern.repeats / MINUTE:g} min",
            show_incline(last.incline) if last.incline else "level",
        )
        table.add_row(*row, style="bold" if NEXT in states else "dim" if DONE in states else "")
    table.caption = "✓ done  ▶ next  · planned; a week shows what it ends with"
    return table


def _chart(course: Course) -> Text:
    """Work speed of each session, one bar each."""
    rungs = LADDER[: course.length]
    top = -(-max(rung.speed for rung in rungs) // KMH) * KMH
    chart = Text()
    for row in range(_HEIGHT, 0, -1):
        whole, rest = divmod(top * row // _HEIGHT, KMH)
        label = " " * 5 if rest else f"{whole:>2}.0 "
        chart.append(label, style="dim").append("│")
        for index, rung in enumerate(rungs):
            eighths = rung.speed * _HEIGHT * 8 // top - 8 * (row - 1)
            colour = _SHADE[course.state(index)]
            # A full cell also has the colour behind it: some fonts leave gaps between rows.
            style = f"{colour} on {colour}" if eighths >= 8 else colour
            chart.append(_EIGHTHS[min(max(eighths, 0), 8)] * (_WIDTH - 1), style).append(" ")
        chart.append("\n")
    chart.append("km/h └" + "─" * (_WIDTH * len(rungs)) + "\n", style="dim")
    weeks = "".join(f"{rung.week:<{_WIDTH * A_WEEK}}" for rung in rungs[::A_WEEK])
    return chart.append(" " * 6 + weeks + " week", style="dim")
