"""Walkers for a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backstride.domain.progression import Now, jog_misses
from backstride.domain.readiness import explain
from backstride.domain.units import show_duration, show_incline, show_speed
from backstride.service.walkers import Trainee


def list_trainees(trainees: tuple[Trainee, ...]) -> Table:
    """Everybody, one a row; nothing that is nobody else's business."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in ("id", "name", "sessions"):
        table.add_column(title, justify="right" if title == "sessions" else "left")
    for each in trainees:
        walker = each.walker
        table.add_row(Text(walker.id, style="bold"), Text(walker.name), str(len(each.heads)))
    return table


def show_trainee(trainee: Trainee, now: Now) -> RenderableType:
    """All that is known of somebody, and what follows from it."""
    walker, place = trainee.walker, trainee.place(now)
    known = trainee.prepared(now)
    rows = {
        "id": walker.id,
        "level": f"{known.level} (told: {walker.level})",
        "weight": None if walker.weight is None else f"{walker.weight / 1_000:g} kg",
        "max heart rate": walker.max_heart_rate,
        "language": walker.language,
        "units": walker.units,
        "sessions": len(trainee.heads),
        "plan": f"week {place.rung.week}, session {place.rung.session}",
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), Text("not told" if value is None else str(value)))
    for caps in known.layers:
        words = [
            show(value)
            for show, value in (
                (show_speed, caps.speed),
                (show_incline, caps.incline),
                (show_duration, caps.backward_time),
            )
            if value is not None
        ]
        table.add_row(Text("limit", style="dim"), Text(f"{', '.join(words)} ({caps.reason})"))
    missing = jog_misses(place)
    table.add_row(
        Text("jog", style="dim"),
        Text("locked until " + ", ".join(missing) if missing else "unlocked"),
    )
    readiness = explain(walker.readiness, now.at, trainee.walked)
    return Group(Text(walker.name, style="bold"), table, Text(readiness))
