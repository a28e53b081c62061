"""The plan as a picture, SVG or PNG: speed and minutes of each session, and the slope."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from backstride.cli import palette
from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.training_view import COLOUR, DONE, NEXT, PLANNED, Course
from backstride.domain.ladder import A_WEEK, LADDER
from backstride.domain.units import KMH, MINUTE, PERCENT

_INCHES: Final = (9.6, 4.6)
_DPI: Final = 150


def draw_course(course: Course, path: Path) -> None:
    """Write a picture.

    Raises:
        CommandFailedError: no matplotlib, or the file cannot be written.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CommandFailedError(
            "pictures need matplotlib; install backstride[plot]", Exit.USAGE
        ) from error
    style: Any = {
        "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 9.5,
        "text.color": palette.INK, "svg.hashsalt": "backstride", "svg.fonttype": "path",
    }  # fmt: skip
    with mpl.rc_context(style):
        figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
        axes = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.4, 1])
        _fill(axes, course)
        name = course.trainee.walker.name
        rung = course.place.rung
        figure.suptitle(
            f"{name}: next is week {rung.week}, session {rung.session}", x=0.07, ha="left"
        )
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {}
        try:
            figure.savefig(path, metadata=metadata)
        except OSError as error:
            raise CommandFailedError(f"{path} cannot be written: {error.strerror}") from error


def _fill(axes: Any, course: Course) -> None:
    rungs = LADDER[: course.length]
    colours = [COLOUR[course.state(index)] for index in range(len(rungs))]
    rows = (
        ("km/h", [rung.speed / KMH for rung in rungs]),
        ("min of work", [rung.pattern.work * rung.pattern.repeats / MINUTE for rung in rungs]),
        ("incline %", [rung.incline / PERCENT for rung in rungs]),
    )
    for axis, (label, heights) in zip(axes, rows, strict=True):
        axis.bar(range(len(rungs)), heights, color=colours, width=0.8)
        axis.set_ylabel(label)
        axis.grid(axis="y", color=palette.GRID, linewidth=0.6)
        axis.set_axisbelow(True)
        axis.tick_params(length=0)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    weeks = [rung.week for rung in rungs[::A_WEEK]]
    axes[-1].set_xticks(range(1, len(rungs), A_WEEK), [f"week {week}" for week in weeks])
    for state in (DONE, NEXT, PLANNED):
        axes[0].bar(0, 0, color=COLOUR[state], label=state)
    axes[0].legend(loc="upper left", frameon=False, ncols=3)
