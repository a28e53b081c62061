"""Plans for a terminal: the list of programs, and one program as a plot and a table."""

from __future__ import annotations

from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backstride.cli import palette
from backstride.cli.planning import (
    ASSUMED_MINIMUM,
    Plan,
    drawable,
    incline_chart,
    mentions_minimum,
    speed_chart,
)
from backstride.domain.units import show_duration, show_incline, show_speed
from backstride.scripts.outline import Row, outline, summarise

_NUMBERS: Final = frozenset({"time", "backward", "up to", "incline", "at", "for"})


def _table(*titles: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(
            title,
            justify="right" if title in _NUMBERS else "left",
            no_wrap=title not in {"goal", "cue"},
        )
    return table


def list_plans(plans: list[Plan]) -> Table:
    """The programs, one a row; what keeps one from running stands in place of its goal."""
    table = _table("id", "level", "time", "backward", "up to", "incline", "goal")
    for plan in plans:
        summary = summarise(plan.program, plan.workout)
        table.add_row(
            Text(plan.program.id, style="bold"),
            plan.program.level,
            show_duration(summary.duration),
            show_duration(summary.backward),
            show_speed(summary.top_speed),
            show_incline(summary.top_incline) if summary.top_incline else "level",
            Text(f"✗ {plan.refusal}", style="red") if plan.refusal else Text(plan.program.goal),
        )
    return table


def show_plan(plan: Plan) -> RenderableType:
    """A plan for a terminal: headline, plot, table."""
    summary = summarise(plan.program, plan.workout)
    headline = Text.assemble((plan.program.name, "bold"), (f"  {plan.program.level}", "dim"))
    facts = Text(summary.sentence.partition(": ")[2])
    parts: list[RenderableType] = [headline, Text(plan.program.goal, style="italic"), facts]
    if plan.within is not None and plan.machine is not None:
        limit = plan.within.speed
        parts.append(
            Text(f"on {plan.machine.name}: capped at {show_speed(limit.value)} ({limit.reason})")
        )
    elif mentions_minimum(plan.program):
        note = f"`machine minimum` is drawn as {show_speed(ASSUMED_MINIMUM)}; --machine names one"
        parts.append(Text(note, style="dim"))
    workout = drawable(plan)
    parts += [Text(), _key(plan), speed_chart(workout)]
    if (slope := incline_chart(workout)) is not None:
        parts.append(slope)
    parts.append(_steps_table(outline(plan.workout)))
    return Group(*parts)


def _key(plan: Plan) -> Text:
    key = Text("       ")
    for facing, colour in palette.FACING.items():
        if any(s.facing is facing for s in plan.workout.segments):
            key.append("█ ", colour).append(f"facing {facing}   ")
    if any(s.turn for s in plan.workout.segments):
        key.append("↻", "bold").append(" turn, over a stopped belt")
    return key


def _steps_table(rows: tuple[Row, ...]) -> Table:
    table = _table("at", "for", "step", "facing", "speed", "incline", "cue")
    for row in rows:
        if row.turn:
            table.add_row(
                show_duration(row.start),
                "",
                Text(f"↻ turn to {row.facing}", style="bold"),
                "",
                "",
                "",
                "",
            )
        table.add_row(
            show_duration(row.start),
            show_duration(row.duration),
            row.effort,
            Text(f"{palette.ARROW[row.facing]} {row.facing}", style=palette.FACING[row.facing]),
            row.pace,
            show_incline(row.incline) if row.incline else "",
            Text(row.cue or "", style="italic"),
        )
    return table
